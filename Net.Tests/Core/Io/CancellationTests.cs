using System.Security.Authentication;
using Net.Core.Io;
using Net.Tests.Simulation;

// What is read is of no interest here, only that the reading ends.
#pragma warning disable CA2022

namespace Net.Tests.Core.Io;

/// <summary>Whoever gives up, at whatever moment, leaves nothing behind: no waiter, stream, connection, thread or address.</summary>
[TestClass]
public sealed class CancellationTests
{
    public required TestContext TestContext { get; init; }

    private CancellationToken Token => TestContext.CancellationToken;

    /// <summary>Goal: a caller that tries and gives up again and again makes nothing grow, also behind one who goes on waiting.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Waits_that_are_given_up_leave_at_once()
    {
        QuicMemoryNetwork network = new();
        await using QuicPair pair = await QuicPair.ConnectAsync(Token, server: o => o.MaxInboundBidirectionalStreams = 0, network: network);
        Task<QuicConnection> connection = pair.Listener.AcceptConnectionAsync(Token).AsTask();
        Task<QuicStream> opening = pair.Client.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token).AsTask();
        Task<QuicStream> inbound = pair.Client.AcceptInboundStreamAsync(Token).AsTask();
        Task<ReadOnlyMemory<byte>> datagram = pair.Client.ReceiveDatagramAsync(Token).AsTask();
        for (int i = 0; i < 100; i++)
        {
            using CancellationTokenSource cancel = new();
            Task[] waits =
            [
                pair.Listener.AcceptConnectionAsync(cancel.Token).AsTask(),
                pair.Client.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, cancel.Token).AsTask(),
                pair.Client.AcceptInboundStreamAsync(cancel.Token).AsTask(),
                pair.Client.ReceiveDatagramAsync(cancel.Token).AsTask(),
            ];
            await cancel.CancelAsync();
            foreach (Task wait in waits)
            {
                await Assert.ThrowsAsync<OperationCanceledException>(() => wait);
            }
        }

        ConnectionDriver driver = pair.Client.Driver;
        Assert.AreEqual((1, 1, 1, 1), (pair.Listener.Waiting, driver.Openers, driver.Inbound.Waiting, driver.Datagrams.Readers));
        await pair.DisposeAsync();
        await Assert.ThrowsExactlyAsync<QuicException>(() => opening);
        await Assert.ThrowsExactlyAsync<QuicException>(() => inbound);
        await Assert.ThrowsExactlyAsync<QuicException>(() => datagram);
        await Assert.ThrowsExactlyAsync<ObjectDisposedException>(() => connection);
        Assert.AreEqual((0, 0, 0, 0), (pair.Listener.Waiting, driver.Openers, driver.Inbound.Waiting, driver.Datagrams.Readers));
        await network.Emptied.WaitAsync(Token);
    }

    /// <summary>Goal: connecting that is cancelled at any of its steps frees its thread and address, at the server as well.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Connecting_can_be_cancelled_at_any_datagram()
    {
        QuicMemoryNetwork network = new();
        QuicListener listener = await QuicPair.ListenAsync(network: network);
        for (int step = 0; step <= 8; step++)
        {
            using CancellationTokenSource cancel = new();
            int left = step;
            network.Drops = (_, _, _) =>
            {
                if (Interlocked.Decrement(ref left) == -1)
                {
                    _ = cancel.CancelAsync();
                }

                return false;
            };
            try
            {
                await using QuicConnection connection = await QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener, network: network), cancel.Token);
            }
            catch (OperationCanceledException)
            {
            }
        }

        network.Drops = null;
        await listener.DisposeAsync();
        await network.Emptied.WaitAsync(Token);
    }

    /// <summary>
    /// Goal: streams, connections and listeners that are used, cancelled, aborted and disposed in any order end, with every task of theirs.
    /// Method: from a seed, both ends do random things at once over a network that loses datagrams; then all is disposed and counted.
    /// </summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    [Seeds(6)]
    public async Task Nothing_is_left_of_random_use(ulong seed)
    {
        SimulatedRandom random = new(seed);
        int datagrams = 0;
        QuicMemoryNetwork network = new() { Drops = (_, _, _) => Interlocked.Increment(ref datagrams) % 17 == 16 };
        QuicPair pair = await QuicPair.ConnectAsync(Token, server: Roomy, client: Roomy, network: network);
        List<QuicStream> streams = [];
        List<Task> users = [];
        foreach (QuicConnection end in (QuicConnection[])[pair.Client, pair.Server])
        {
            for (int i = 0; i < 6; i++)
            {
                ulong script = random.Next();
                users.Add(Task.Run(() => UseAsync(end, new(script), streams), CancellationToken.None));
            }
        }

        // Some end before the connection does, some after.
        await Task.WhenAny(users).WaitAsync(Token);
        await (random.Below(2) == 0 ? pair.Client : pair.Server).DisposeAsync();
        await Task.WhenAll(users).WaitAsync(Token);
        await pair.DisposeAsync();
        foreach (QuicStream stream in streams)
        {
            await ((Task)Task.WhenAll(stream.ReadsClosed, stream.WritesClosed)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await stream.DisposeAsync();
        }

        await network.Emptied.WaitAsync(Token);
        foreach (ConnectionDriver driver in (ConnectionDriver[])[pair.Client.Driver, pair.Server.Driver])
        {
            Assert.AreEqual((0, 0, 0), (driver.Openers, driver.Inbound.Waiting, driver.Datagrams.Readers));
            Assert.AreEqual(0, driver.Connection.Parts.Streams.Rented, "memory of streams");
        }

        Assert.AreEqual(0, pair.Listener.Waiting);
    }

    private static void Roomy(QuicConnectionOptions options)
    {
        options.MaxDatagramFrameSize = 65_535;
        options.MaxInboundBidirectionalStreams = 4;
        options.MaxInboundUnidirectionalStreams = 4;
    }

    private static async Task UseAsync(QuicConnection connection, SimulatedRandom random, List<QuicStream> streams)
    {
        for (int i = 0; i < 12; i++)
        {
            using CancellationTokenSource cancel = new(random.Below(20));
            try
            {
                if (random.Below(4) == 0)
                {
                    connection.SendDatagram(new byte[random.Below(1000)]);
                    _ = await connection.ReceiveDatagramAsync(cancel.Token);
                    continue;
                }

                QuicStream stream = random.Below(2) == 0
                    ? await connection.AcceptInboundStreamAsync(cancel.Token)
                    : await connection.OpenOutboundStreamAsync((QuicStreamType)random.Below(2), cancel.Token);
                lock (streams)
                {
                    streams.Add(stream);
                }

                await UseAsync(stream, random, cancel.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or QuicException or AuthenticationException or InvalidOperationException)
            {
            }
        }
    }

    private static async Task UseAsync(QuicStream stream, SimulatedRandom random, CancellationToken token)
    {
        try
        {
            for (int i = 0; i < 6; i++)
            {
                switch (random.Below(7))
                {
                    case 0 or 1 when stream.CanWrite: await stream.WriteAsync(new byte[random.Below(300_000)], completeWrites: random.Below(4) == 0, token); break;
                    case 2 or 3 when stream.CanRead: _ = await stream.ReadAsync(new byte[random.Below(100_000)], token); break;
                    case 4: stream.Abort((QuicAbortDirection)(1 + random.Below(3)), 7); break;
                    case 5: stream.CompleteWrites(); break;
                    default: await Task.Yield(); break;
                }
            }
        }
        finally
        {
            if (random.Below(4) > 0)
            {
                await stream.DisposeAsync();
            }
        }
    }
}
