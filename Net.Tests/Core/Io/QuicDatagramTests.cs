using Net.Core.Io;

namespace Net.Tests.Core.Io;

/// <summary>Unreliable datagrams and statistics through the public API, over loopback.</summary>
[TestClass]
public sealed class QuicDatagramTests
{
    public required TestContext TestContext { get; init; }

    private CancellationToken Token => TestContext.CancellationToken;

    /// <summary>Goal: datagrams go both ways, the longest and the empty one too; a reader who gave up takes none.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Datagrams_go_both_ways()
    {
        await using QuicPair pair = await ConnectAsync();
        using CancellationTokenSource cancel = new();
        Task<ReadOnlyMemory<byte>> gone = pair.Server.ReceiveDatagramAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => gone);

        Task<ReadOnlyMemory<byte>> first = pair.Server.ReceiveDatagramAsync(Token).AsTask();
        Assert.IsTrue(pair.Client.DatagramsAvailable && pair.Client.MaxDatagramSize > 1100, $"{pair.Client.MaxDatagramSize}");
        byte[] data = [.. Enumerable.Range(0, pair.Client.MaxDatagramSize).Select(i => (byte)i)];
        pair.Client.SendDatagram(data);
        pair.Client.SendDatagram([]);
        CollectionAssert.AreEqual(data, (await first).ToArray());
        Assert.AreEqual(0, (await pair.Server.ReceiveDatagramAsync(Token)).Length);
        pair.Server.SendDatagram("back"u8);
        CollectionAssert.AreEqual("back"u8.ToArray(), (await pair.Client.ReceiveDatagramAsync(Token)).ToArray());
        Assert.ThrowsExactly<ArgumentException>(() => pair.Client.SendDatagram(new byte[3000]));
    }

    /// <summary>Goal: statistics tell what happened, also of a connection that has ended.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Statistics_tell_what_happened()
    {
        await using QuicPair pair = await ConnectAsync();
        (QuicStream client, QuicStream server) = await pair.OpenAsync(new byte[50_000], Token);
        await server.ReadExactlyAsync(new byte[50_000], Token);
        pair.Client.SendDatagram([1, 2, 3]);
        _ = await pair.Server.ReceiveDatagramAsync(Token);

        QuicConnectionStatistics sent = await pair.Client.GetStatisticsAsync(Token);
        Assert.IsTrue(sent.PacketsSent > 40 && sent.BytesSent > 50_000 && sent.StreamBytesSent == 50_000, $"{sent}");
        Assert.IsTrue(sent.SmoothedRoundTrip > TimeSpan.Zero && sent.CongestionWindow > 10_000 && sent.PathMtu >= 1200, $"{sent}");
        Assert.AreEqual(1UL, sent.DatagramsSent);
        QuicConnectionStatistics received = await pair.Server.GetStatisticsAsync(Token);
        Assert.AreEqual((1UL, 50_000UL), (received.DatagramsReceived, received.StreamBytesReceived));
        Assert.IsTrue(received.PacketsReceived > 40 && received.BytesReceived > 50_000, $"{received}");

        await pair.DisposeAsync();
        await pair.Listener.Completion;
        Assert.IsTrue((await pair.Server.GetStatisticsAsync(Token)).PacketsReceived >= received.PacketsReceived);
        await Assert.ThrowsExactlyAsync<QuicException>(async () => await pair.Server.ReceiveDatagramAsync(Token));
    }

    /// <summary>Goal: where the peer takes none, sending is an error of the caller's, and those who wait to receive are told of the end.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Without_an_offer_there_are_none()
    {
        await using QuicPair pair = await QuicPair.ConnectAsync(Token);
        Assert.IsFalse(pair.Client.DatagramsAvailable);
        Assert.AreEqual(0, pair.Client.MaxDatagramSize);
        Assert.ThrowsExactly<NotSupportedException>(() => pair.Client.SendDatagram([1]));
        Task<ReadOnlyMemory<byte>> waiting = pair.Server.ReceiveDatagramAsync(Token).AsTask();
        await pair.Client.CloseAsync(5, Token);
        QuicException fault = await Assert.ThrowsExactlyAsync<QuicException>(() => waiting);
        Assert.AreEqual(5, fault.ApplicationErrorCode);
    }

    private Task<QuicPair> ConnectAsync() => QuicPair.ConnectAsync(
        Token, server: options => options.MaxDatagramFrameSize = 65_535, client: options => options.MaxDatagramFrameSize = 65_535);
}
