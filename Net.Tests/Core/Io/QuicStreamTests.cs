using System.Security.Cryptography;
using Net.Core.Io;

// Reads here ask for one byte, or for none: they cannot be cut short.
#pragma warning disable CA2022

namespace Net.Tests.Core.Io;

[TestClass]
public sealed class QuicStreamTests
{
    public required TestContext TestContext { get; init; }

    private CancellationToken Token => TestContext.CancellationToken;

    /// <summary>Goal: what is written comes back, and both directions end in order.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Echo()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token);
        (QuicStream client, QuicStream server) = await pair.OpenAsync("hello"u8.ToArray(), Token);
        client.CompleteWrites();
        await server.CopyToAsync(server, Token);
        server.CompleteWrites();

        using MemoryStream got = new();
        await client.CopyToAsync(got, Token);
        CollectionAssert.AreEqual("hello"u8.ToArray(), got.ToArray());
        await Task.WhenAll(client.ReadsClosed, client.WritesClosed, server.ReadsClosed, server.WritesClosed).WaitAsync(Token);
        Assert.AreEqual(0, await client.ReadAsync(new byte[10], Token));
        Assert.AreEqual(client.Id, server.Id);
        Assert.AreEqual(QuicStreamType.Bidirectional, server.Type);
    }

    /// <summary>Goal: 10 MB in each direction at the same time arrive byte for byte.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Ten_megabytes_both_ways()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token);
        (QuicStream client, QuicStream server) = await pair.OpenAsync([42], Token);
        await server.ReadExactlyAsync(new byte[1], Token);
        byte[] up = RandomNumberGenerator.GetBytes(10_000_000), down = RandomNumberGenerator.GetBytes(10_000_000);

        Task<byte[]> uploaded = ReadAllAsync(server), downloaded = ReadAllAsync(client);
        await Task.WhenAll(
            client.WriteAsync(up, completeWrites: true, Token).AsTask(), server.WriteAsync(down, completeWrites: true, Token).AsTask(), uploaded, downloaded);

        Assert.IsTrue((await uploaded).AsSpan().SequenceEqual(up));
        Assert.IsTrue((await downloaded).AsSpan().SequenceEqual(down));
    }

    /// <summary>Goal: many streams at once, more than the peer permits at a time, each with its own bytes.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task More_streams_than_are_permitted_at_a_time()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token, server: options => options.MaxInboundBidirectionalStreams = 5);
        Task serving = Task.Run(
            async () =>
            {
                for (int i = 0; i < 60; i++)
                {
                    QuicStream stream = await pair.Server.AcceptInboundStreamAsync(Token);
                    _ = Task.Run(
                        async () =>
                        {
                            await stream.CopyToAsync(stream, Token);
                            await stream.DisposeAsync();
                        },
                        Token);
                }
            },
            Token);

        await Task.WhenAll(Enumerable.Range(0, 60).Select(async i =>
        {
            byte[] data = [.. Enumerable.Repeat((byte)i, 1000 * i)];
            await using QuicStream stream = await pair.Client.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token);
            await stream.WriteAsync(data, completeWrites: true, Token);
            byte[] echo = await ReadAllAsync(stream);
            CollectionAssert.AreEqual(data, echo);
        }));
        await serving;
    }

    /// <summary>Goal: a unidirectional stream of the server arrives, and its wrong side refuses at both ends.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_unidirectional_stream_has_one_direction()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token);
        QuicStream server = await pair.Server.OpenOutboundStreamAsync(QuicStreamType.Unidirectional, Token);
        await server.WriteAsync("one way"u8.ToArray(), completeWrites: true, Token);
        QuicStream client = await pair.Client.AcceptInboundStreamAsync(Token);

        byte[] got = await ReadAllAsync(client);
        CollectionAssert.AreEqual("one way"u8.ToArray(), got);
        Assert.IsFalse(client.CanWrite);
        Assert.IsFalse(server.CanRead);
        Assert.IsTrue(client.WritesClosed.IsCompletedSuccessfully);
        await Assert.ThrowsExactlyAsync<InvalidOperationException>(async () => await client.WriteAsync(new byte[1], Token));
        await Assert.ThrowsExactlyAsync<InvalidOperationException>(async () => await server.ReadAsync(new byte[1], Token));
    }

    /// <summary>Goal: an abort of each direction carries its code to the operation that waits at the other end.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Aborts_carry_their_codes()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token);
        (QuicStream client, QuicStream server) = await pair.OpenAsync([1], Token);
        await server.ReadExactlyAsync(new byte[1], Token);
        Task<int> reading = server.ReadAsync(new byte[1], Token).AsTask();
        // More than all windows together: it waits until the end.
        Task writing = server.WriteAsync(new byte[20_000_000], Token).AsTask();

        client.Abort(QuicAbortDirection.Write, 77);
        client.Abort(QuicAbortDirection.Read, 78);

        QuicException read = await Assert.ThrowsExactlyAsync<QuicException>(() => reading);
        QuicException write = await Assert.ThrowsExactlyAsync<QuicException>(() => writing);
        Assert.AreEqual((QuicError.StreamAborted, 77L), (read.QuicError, read.ApplicationErrorCode!.Value));
        Assert.AreEqual((QuicError.StreamAborted, 78L), (write.QuicError, write.ApplicationErrorCode!.Value));
        QuicException own = await Assert.ThrowsExactlyAsync<QuicException>(async () => await client.ReadAsync(new byte[1], Token));
        Assert.AreEqual(QuicError.OperationAborted, own.QuicError);
        await Assert.ThrowsExactlyAsync<QuicException>(() => client.WritesClosed);
        await Assert.ThrowsExactlyAsync<QuicException>(() => server.ReadsClosed);
    }

    /// <summary>Goal: a cancelled read takes nothing: the next one gets every byte.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_cancelled_read_loses_nothing()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token);
        (QuicStream client, QuicStream server) = await pair.OpenAsync([1], Token);
        await server.ReadExactlyAsync(new byte[1], Token);
        for (int i = 0; i < 100; i++)
        {
            using CancellationTokenSource cancel = new();
            Task<int> reading = server.ReadAsync(new byte[1], cancel.Token).AsTask();
            if (i % 2 == 0)
            {
                // Races with the byte on purpose: either the read has it, or the next one gets it.
                await client.WriteAsync((byte[])[(byte)i], Token);
            }

            await cancel.CancelAsync();
            bool got = await Task.WhenAny(reading) == reading && reading.IsCompletedSuccessfully;
            Assert.IsTrue(got || reading.IsCanceled);
            if (i % 2 == 0 && !got)
            {
                byte[] next = new byte[1];
                await server.ReadExactlyAsync(next, Token);
                Assert.AreEqual((byte)i, next[0]);
            }
        }
    }

    /// <summary>Goal: a cancelled write aborts the writing side with the default code, and the caller's memory is his own again.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_cancelled_write_aborts()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token, client: options => options.DefaultStreamErrorCode = 99);
        (QuicStream client, QuicStream server) = await pair.OpenAsync([1], Token);
        using CancellationTokenSource cancel = new();
        Task writing = client.WriteAsync(new byte[20_000_000], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => writing);

        QuicException aborted = await Assert.ThrowsExactlyAsync<QuicException>(() => ReadAllAsync(server));
        Assert.AreEqual(99, aborted.ApplicationErrorCode);
        await Assert.ThrowsExactlyAsync<QuicException>(async () => await client.WriteAsync(new byte[1], Token));
    }

    /// <summary>Goal: one read and one write at a time; the second is the caller's mistake.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_second_read_is_refused()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token);
        (QuicStream client, QuicStream server) = await pair.OpenAsync([1], Token);
        Task<int> reading = client.ReadAsync(new byte[1], Token).AsTask();
        await Assert.ThrowsExactlyAsync<InvalidOperationException>(async () => await client.ReadAsync(new byte[1], Token));
        await server.WriteAsync(new byte[1], Token);
        Assert.AreEqual(1, await reading);
    }

    /// <summary>Goal: disposing at any moment of a read and a write ends both, and the peer sees an end, too.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(2)]
    public async Task Disposal_ends_what_is_under_way(int what)
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token);
        for (int i = 0; i < 20; i++)
        {
            (QuicStream client, QuicStream server) = await pair.OpenAsync([1], Token);
            Task<int> reading = client.ReadAsync(new byte[1], Token).AsTask();
            Task writing = what == 1 ? client.WriteAsync(new byte[10_000_000], Token).AsTask() : Task.CompletedTask;
            await client.DisposeAsync();
            await Assert.ThrowsExactlyAsync<QuicException>(() => reading);
            if (what == 1)
            {
                await Assert.ThrowsExactlyAsync<QuicException>(() => writing);
                await Assert.ThrowsExactlyAsync<QuicException>(() => ReadAllAsync(server));
            }
            else
            {
                Assert.HasCount(1, await ReadAllAsync(server));
            }

            await Assert.ThrowsExactlyAsync<ObjectDisposedException>(async () => await client.ReadAsync(new byte[1], Token));
            await server.DisposeAsync();
        }
    }

    /// <summary>Goal: streams that are reset before anybody accepts them do not pile up, and the limit of streams is not used up by them.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Reset_streams_do_not_pile_up()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token, server: options => options.MaxInboundUnidirectionalStreams = 3);
        for (int i = 0; i < 50; i++)
        {
            QuicStream stream = await pair.Client.OpenOutboundStreamAsync(QuicStreamType.Unidirectional, Token);
            stream.Abort(QuicAbortDirection.Write, 5);
        }

        QuicStream last = await pair.Client.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token);
        await last.WriteAsync(new byte[1], Token);
        int accepted = 1;
        while ((await pair.Server.AcceptInboundStreamAsync(Token)).Type == QuicStreamType.Unidirectional)
        {
            accepted++;
        }

        Assert.IsLessThanOrEqualTo(4, accepted);
    }

    private async Task<byte[]> ReadAllAsync(QuicStream stream)
    {
        using MemoryStream all = new();
        await stream.CopyToAsync(all, Token);
        return all.ToArray();
    }
}
