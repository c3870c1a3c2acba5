using System.Net;
using Net.Core.Io;

namespace Net.Tests.Core.Io;

/// <summary>Listeners and clients meet on a network in memory.</summary>
[TestClass]
public sealed class QuicMemoryNetworkTests
{
    public required TestContext TestContext { get; init; }

    private CancellationToken Token => TestContext.CancellationToken;

    /// <summary>Goal: any address will do, bytes arrive, and when all is disposed nothing is left bound.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    [DataRow("192.0.2.7")]
    [DataRow("0.0.0.0")]
    [DataRow("::")]
    [DataRow("2001:db8::9")]
    public async Task Two_ends_meet(string address)
    {
        QuicMemoryNetwork network = new();
        QuicPair pair = await QuicPair.ConnectAsync(Token, address, network: network);
        (QuicStream client, QuicStream server) = await pair.OpenAsync(new byte[100_000], Token);
        await server.ReadExactlyAsync(new byte[100_000], Token);
        Assert.AreEqual(2, network.BoundAddresses);
        Assert.AreEqual(pair.Client.LocalEndPoint.Port, pair.Server.RemoteEndPoint.Port);
        await pair.DisposeAsync();
        await network.Emptied.WaitAsync(Token);
        Assert.IsTrue(network.DatagramsCarried > 70);
    }

    /// <summary>Goal: an address is bound once; where nobody is bound datagrams are lost.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task An_address_is_taken_once()
    {
        QuicMemoryNetwork network = new();
        await using QuicListener first = await QuicPair.ListenAsync("192.0.2.7", network: network);
        IPEndPoint taken = first.LocalEndPoint;
        Assert.ThrowsExactly<AddressInUseException>(() => network.Bind(Net.Core.Wire.UdpAddress.FromEndPoint(taken)));

        var options = QuicPair.ClientOptions(first, o => o.HandshakeTimeout = TimeSpan.FromMilliseconds(100), network);
        options.RemoteEndPoint = new IPEndPoint(IPAddress.Parse("192.0.2.8"), taken.Port);
        QuicException fault = await Assert.ThrowsExactlyAsync<QuicException>(async () => await QuicConnection.ConnectAsync(options, Token));
        Assert.AreEqual(QuicError.ConnectionTimeout, fault.QuicError);
        Assert.IsTrue(network.DatagramsLost > 0);
    }

    /// <summary>Goal: a listener that ends does not wait for handshakes that nobody will take, however long they might take: it refuses them.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_listener_that_ends_refuses_handshakes_under_way()
    {
        const string Server = "192.0.2.7";
        TaskCompletionSource answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        QuicMemoryNetwork network = new()
        {
            Drops = (from, _, _) => from.Address.Equals(IPAddress.Parse(Server)) && (answered.TrySetResult() || true),
        };
        QuicListener listener = await QuicPair.ListenAsync(Server, options => options.HandshakeTimeout = TimeSpan.FromHours(1), network);
        using CancellationTokenSource enough = new();
        Task<QuicConnection> connecting = QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener, network: network), enough.Token).AsTask();
        await answered.Task.WaitAsync(Token);
        await enough.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => connecting);
        await listener.DisposeAsync();
        await listener.Completion.WaitAsync(Token);
    }

    /// <summary>Goal: a test can lose what it wants; what is lost is sent again.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Losses_are_repaired()
    {
        int seen = 0;
        QuicMemoryNetwork network = new() { Drops = (_, _, length) => length > 600 && Interlocked.Increment(ref seen) % 10 == 9 };
        await using QuicPair pair = await QuicPair.ConnectAsync(Token, network: network);
        byte[] data = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7))];
        (_, QuicStream server) = await pair.OpenAsync(data, Token);
        byte[] received = new byte[data.Length];
        await server.ReadExactlyAsync(received, Token);
        CollectionAssert.AreEqual(data, received);
        Assert.IsTrue(network.DatagramsLost > 5 && (await pair.Client.GetStatisticsAsync(Token)).PacketsLost > 0);
    }
}
