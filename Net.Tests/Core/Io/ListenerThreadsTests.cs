using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Net.Core.Io;
using Net.Core.Wire;

namespace Net.Tests.Core.Io;

/// <summary>Listeners that several threads serve, over real sockets and real threads.</summary>
[TestClass]
[OSCondition(OperatingSystems.Linux)]
public sealed class ListenerThreadsTests
{
    public required TestContext TestContext { get; init; }

    private CancellationToken Token => TestContext.CancellationToken;

    /// <summary>
    /// Goal: clients are spread over the threads, one accept queue gives all of them, and each is served; the listener tells how many each has.
    /// Method: connect until both threads have one; that all of 100 come to one thread does not happen.
    /// </summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    [DataRow("127.0.0.1")]
    [DataRow("::")]
    public async Task Clients_are_spread_over_threads(string address)
    {
        await using QuicListener listener = await ListenAsync(address);
        List<QuicConnection> clients = [];
        List<QuicConnection> servers = [];
        while (listener.GetStatistics().ConnectionsByThread.Contains(0))
        {
            Assert.IsLessThan(100, clients.Count);
            Task<QuicConnection> accepting = listener.AcceptConnectionAsync(Token).AsTask();
            clients.Add(await QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener), Token));
            servers.Add(await accepting);
        }

        QuicListenerStatistics statistics = listener.GetStatistics();
        Assert.AreEqual(2, statistics.Threads);
        Assert.AreEqual(clients.Count, statistics.ConnectionsByThread.Sum());
        for (int i = 0; i < clients.Count; i++)
        {
            await EchoAsync(clients[i], servers[i], (byte)i);
        }

        foreach (QuicConnection connection in clients.Concat(servers))
        {
            await connection.DisposeAsync();
        }

        await listener.DisposeAsync();
        await listener.Completion.WaitAsync(Token);
        Assert.AreEqual(0, listener.GetStatistics().ConnectionsByThread.Sum());
    }

    /// <summary>Goal: a client that moves to a port from which its datagrams come to the other thread goes on, and they are seen to be passed.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_client_that_comes_to_another_thread_goes_on()
    {
        await using QuicListener listener = await ListenAsync();
        Task<QuicConnection> accepting = listener.AcceptConnectionAsync(Token).AsTask();
        await using QuicConnection client = await QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener), Token);
        await using QuicConnection server = await accepting;
        for (byte move = 1; move <= 100 && listener.GetStatistics().DatagramsPassed == 0; move++)
        {
            await EchoAsync(client, server, move);
            await client.MigrateAsync(cancellationToken: Token);
        }

        await EchoAsync(client, server, 200);
        QuicListenerStatistics statistics = listener.GetStatistics();
        Assert.IsGreaterThan(0, statistics.DatagramsPassed);
        Assert.AreEqual(0, statistics.DatagramsDropped);
        Assert.AreEqual(1, statistics.ConnectionsByThread.Sum());
    }

    /// <summary>Goal: on a network in memory it is the same, and there the port decides: so a move by one port changes the thread for certain.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_network_in_memory_has_threads_too()
    {
        QuicMemoryNetwork network = new();
        QuicListener listener = await ListenAsync("192.0.2.7", network: network);
        Task<QuicConnection> accepting = listener.AcceptConnectionAsync(Token).AsTask();
        await using (QuicConnection client = await QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener, network: network), Token))
        {
            await using QuicConnection server = await accepting;
            await EchoAsync(client, server, 1);
            Assert.AreEqual(0, listener.GetStatistics().DatagramsPassed);
            await client.MigrateAsync(new IPEndPoint(IPAddress.Parse("192.0.2.8"), client.LocalEndPoint.Port + 1), Token);
            await EchoAsync(client, server, 2);
            Assert.IsGreaterThan(0, listener.GetStatistics().DatagramsPassed);
        }

        await listener.DisposeAsync();
        await network.Emptied.WaitAsync(Token);
    }

    /// <summary>Goal: a port that is shared by our threads is nobody else's: a second listener is refused, one with threads as well, until the first is gone.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    [DataRow(1)]
    [DataRow(2)]
    public async Task A_second_listener_is_refused(int threads)
    {
        QuicListener listener = await ListenAsync();
        int port = listener.LocalEndPoint.Port;
        AddressInUseException refused = await Assert.ThrowsExactlyAsync<AddressInUseException>(async () => await ListenAsync(port: port, threads: threads));
        Assert.AreEqual($"127.0.0.1:{port} is in use", refused.Message);
        // Nobody has a connection: the port is free at once.
        await listener.DisposeAsync();
        await using QuicListener next = await ListenAsync(port: port, threads: threads);
        Assert.AreEqual(port, next.LocalEndPoint.Port);
        await Assert.ThrowsExactlyAsync<AddressInUseException>(async () => await ListenAsync(port: port));
    }

    /// <summary>Goal: a foreign program that would share the port with anybody (SO_REUSEPORT) does not get half of our clients, nor we half of its.</summary>
    [TestMethod]
    public async Task A_port_that_somebody_shares_is_taken()
    {
        using Socket foreign = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        Assert.IsTrue(OperatingSystem.IsLinux() && Libc.TrySetOption((int)foreign.Handle, Libc.SolSocket, Libc.SoReusePort, 1));
        foreign.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)foreign.LocalEndPoint!).Port;
        await Assert.ThrowsExactlyAsync<AddressInUseException>(async () => await ListenAsync(port: port));
    }

    /// <summary>Goal: a listener that ends refuses handshakes that are under way on all of its threads, and its threads and sockets end.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task A_listener_that_ends_refuses_the_handshakes_of_all_threads()
    {
        const string Server = "192.0.2.7";
        TaskCompletionSource[] answered = [new(TaskCreationOptions.RunContinuationsAsynchronously), new(TaskCreationOptions.RunContinuationsAsynchronously)];
        QuicMemoryNetwork network = new()
        {
            Drops = (from, to, _) => from.Address.Equals(IPAddress.Parse(Server)) && (answered[to.Port % 2].TrySetResult() || true),
        };
        QuicListener listener = await ListenAsync(Server, network: network);
        using CancellationTokenSource enough = new();
        Task<QuicConnection>[] connecting =
        [
            .. Enumerable.Range(0, 2).Select(_ => QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener, network: network), enough.Token).AsTask()),
        ];
        await Task.WhenAll(answered.Select(answer => answer.Task)).WaitAsync(Token);
        Assert.AreEqual(2, listener.GetStatistics().Handshakes);
        await enough.CancelAsync();
        foreach (Task<QuicConnection> each in connecting)
        {
            await Assert.ThrowsAsync<OperationCanceledException>(() => each);
        }

        await listener.DisposeAsync();
        await listener.Completion.WaitAsync(Token);
        Assert.AreEqual((0, 0), (listener.GetStatistics().Handshakes, listener.GetStatistics().ConnectionsByThread.Sum()));
    }

    /// <summary>Goal: accepted connections outlive the listener on every thread, and a move to another thread's socket still works then.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Connections_outlive_the_listener()
    {
        QuicMemoryNetwork network = new();
        QuicListener listener = await ListenAsync("192.0.2.7", network: network);
        Task<QuicConnection> accepting = listener.AcceptConnectionAsync(Token).AsTask();
        await using QuicConnection client = await QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener, network: network), Token);
        QuicConnection server = await accepting;
        // Its answer comes behind the handshake's last packet.
        await EchoAsync(client, server, 0);
        await listener.DisposeAsync();
        await client.MigrateAsync(new IPEndPoint(IPAddress.Parse("192.0.2.8"), client.LocalEndPoint.Port + 1), Token);
        await EchoAsync(client, server, 1);
        Assert.IsFalse(listener.Completion.IsCompleted);
        await server.DisposeAsync();
        await listener.Completion.WaitAsync(Token);
    }

    /// <summary>Goal: a thread that dies of a fault of ours takes its own connections with it, and that is told at once; the others serve whoever comes.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task The_others_go_on_when_a_thread_dies()
    {
        QuicMemoryNetwork network = new();
        IPEndPoint address = new(IPAddress.Parse("192.0.2.7"), 443);
        TaskCompletionSource<Exception> told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ShardHost host = new(
            UdpAddress.FromEndPoint(address), Net.Core.Connections.ConnectionOptions.Default,
            new() { AlpnProtocols = [QuicPair.Protocol.Protocol.ToArray()] },
            new SslHost(new SslServerAuthenticationOptions { ServerCertificate = TestPki.Instance.Server }),
            (_, shard, connection) => new ConnectionDriver(shard, connection, 0, () => { }),
            network: network,
            threads: 2,
            onFault: told.SetResult);
        Assert.AreEqual(2, host.GetStatistics().Threads);
        Fatal fatal = new();
        Assert.IsTrue(host.Shards[0].Post(fatal));
        await fatal.Ran.Task.WaitAsync(Token);
        Assert.IsInstanceOfType<InvalidCastException>(await told.Task.WaitAsync(Token));
        Assert.AreEqual(1, host.GetStatistics().Threads);
        await using QuicListener unused = await QuicPair.ListenAsync("192.0.2.8", network: network);
        for (int i = 0; i < 2; i++)
        {
            // Ports in turn: one of them would have been the dead thread's.
            QuicClientConnectionOptions options = QuicPair.ClientOptions(unused, network: network);
            options.RemoteEndPoint = address;
            await using QuicConnection client = await QuicConnection.ConnectAsync(options, Token);
        }

        Assert.IsFalse(host.Completion.IsCompleted);
        host.Release();
        InvalidCastException fault = await Assert.ThrowsExactlyAsync<InvalidCastException>(() => host.Completion.WaitAsync(Token));
        Assert.AreEqual(nameof(Fatal), fault.Message);
    }

    /// <summary>Goal: who waits for clients learns that no thread of the listener is left.</summary>
    [TestMethod]
    [Timeout(30_000, CooperativeCancellation = true)]
    public async Task Nobody_waits_for_clients_of_a_listener_that_has_died()
    {
        await using QuicListener listener = await ListenAsync(network: new());
        ValueTask<QuicConnection> waiting = listener.AcceptConnectionAsync(Token);
        foreach (Shard shard in listener.Shards)
        {
            Assert.IsTrue(shard.Post(new Fatal()));
        }

        QuicException ended = await Assert.ThrowsExactlyAsync<QuicException>(async () => await waiting);
        Assert.AreEqual(QuicError.InternalError, ended.QuicError);
        Assert.IsInstanceOfType<InvalidCastException>(ended.InnerException);
    }

    /// <summary>Goal: a fault of ours in one connection ends that one with InternalError, is counted, and is nothing to the others of its thread, nor to who comes next.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_fault_in_one_connection_ends_that_one()
    {
        await using QuicListener listener = await ListenAsync(threads: 1);
        await using QuicConnection first = await QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener), Token);
        await using QuicConnection struck = await listener.AcceptConnectionAsync(Token);
        await using QuicConnection second = await QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener), Token);
        await using QuicConnection whole = await listener.AcceptConnectionAsync(Token);
        await EchoAsync(first, struck, 1);
        await using QuicStream stream = await struck.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token);
        Task<int> reading = stream.ReadAsync(new byte[1], Token).AsTask();
        Task<QuicStream> accepting = struck.AcceptInboundStreamAsync(Token).AsTask();

        Shard shard = listener.Shards.Single();
        Fatal fatal = new() { Strikes = () => shard.Endpoint.Connections.First() };
        Assert.IsTrue(shard.Post(fatal));

        foreach (Task waiting in (Task[])[reading, accepting])
        {
            QuicException ended = await Assert.ThrowsExactlyAsync<QuicException>(async () => await waiting);
            Assert.AreEqual(QuicError.InternalError, ended.QuicError);
            Assert.IsInstanceOfType<InvalidCastException>(ended.InnerException);
        }

        await EchoAsync(second, whole, 2);
        await using QuicConnection third = await QuicConnection.ConnectAsync(QuicPair.ClientOptions(listener), Token);
        await using QuicConnection next = await listener.AcceptConnectionAsync(Token);
        await EchoAsync(third, next, 3);
        QuicListenerStatistics statistics = listener.GetStatistics();
        Assert.AreEqual((1L, 1, 2), (statistics.Faults, statistics.Threads, statistics.ConnectionsByThread.Single()));
    }

    /// <summary>Goal: what cannot be is refused by the option's name; 0 means as many as there are processors.</summary>
    [TestMethod]
    public async Task The_number_of_threads_is_checked()
    {
        foreach (int threads in (int[])[-1, 129])
        {
            ArgumentOutOfRangeException refused = await Assert.ThrowsExactlyAsync<ArgumentOutOfRangeException>(async () => await ListenAsync(threads: threads));
            Assert.AreEqual(nameof(QuicListenerOptions.Threads), refused.ParamName);
        }

        await using QuicListener all = await ListenAsync(threads: 0);
        Assert.AreEqual(int.Min(Environment.ProcessorCount, 128), all.GetStatistics().Threads);
        await using QuicListener one = await QuicPair.ListenAsync();
        Assert.AreEqual(1, one.GetStatistics().Threads);
    }

    private static ValueTask<QuicListener> ListenAsync(string address = "127.0.0.1", int port = 0, int threads = 2, QuicMemoryNetwork? network = null) =>
        QuicListener.ListenAsync(new()
        {
            ListenEndPoint = new(IPAddress.Parse(address), port),
            ApplicationProtocols = [QuicPair.Protocol],
            Threads = threads,
            Network = network,
            ConnectionOptions = new()
            {
                ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server, CertificateChainPolicy = TestPki.Instance.Policy() },
            },
        });

    private async Task EchoAsync(QuicConnection client, QuicConnection server, byte value)
    {
        await using QuicStream outbound = await client.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Token);
        await outbound.WriteAsync(new[] { value }, completeWrites: true, Token);
        await using QuicStream inbound = await server.AcceptInboundStreamAsync(Token);
        byte[] read = new byte[1];
        await inbound.ReadExactlyAsync(read, Token);
        Assert.AreEqual(value, read[0]);
        await inbound.WriteAsync(read, completeWrites: true, Token);
        await outbound.ReadExactlyAsync(read, Token);
        Assert.AreEqual(value, read[0]);
    }

    private sealed class Fatal : IShardWork
    {
        /// <summary>The one connection that it is about; null: none.</summary>
        public Func<Net.Core.Connections.Connection>? Strikes { get; init; }

        public Net.Core.Connections.Connection? Connection => Strikes?.Invoke();

        public TaskCompletionSource Ran { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Run(Net.Core.Time.Instant now)
        {
            Ran.SetResult();
            throw new InvalidCastException(nameof(Fatal));
        }
    }
}
