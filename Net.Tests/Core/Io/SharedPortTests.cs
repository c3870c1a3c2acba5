using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Tests.Core.Connections;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Io;

/// <summary>Several endpoints on one port, as threads have them, in one thread on virtual time: which one a datagram comes to, its source port decides.</summary>
[TestClass]
public sealed class SharedPortTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Goal: a client whose address changes, again and again, keeps its connection, wherever the system brings its datagrams; bytes arrive in order and once.
    /// </summary>
    [TestMethod]
    [DataRow(1, (byte)Job.Upload)]
    [DataRow(2, (byte)Job.Upload)]
    [DataRow(2, (byte)Job.Download)]
    [DataRow(5, (byte)Job.Upload)]
    public void A_client_whose_address_changes_keeps_its_thread(int threads, byte job)
    {
        World world = new(31);
        byte[] content = new byte[60_000];
        new SimulatedRandom(32).Fill(content);
        Port port = new(world, threads) { OnEvent = new StreamServer(content).OnEvent };
        StreamClient app = new(((Job)job, (Job)job == Job.Upload ? content : []));
        Peer client = new(world, "10.0.0.1:1000") { OnEvent = app.OnEvent };
        client.Nat = new(world, client);
        Connection connection = client.Connect(port.Threads[0]);
        world.RunUntil(() => connection.IsConfirmed, s_patience);
        ushort outside = 2_000;
        Instant end = world.Now + s_patience;
        for (int step = 1; !app.IsDone; step++)
        {
            if (step % 40 == 0)
            {
                client.Nat.Bind(client.Address, client.Address.WithPort(++outside));
                connection.Ping();
                client.Pump();
            }

            Assert.IsTrue(world.TryStep(end), "it never ends");
        }

        Assert.IsNull(app.Fault);
        CollectionAssert.AreEqual((Job)job == Job.Upload ? System.Security.Cryptography.SHA256.HashData(content) : content, app.Exchanges[0].Received);
        Assert.AreEqual(1, port.Threads.Sum(thread => thread.Accepted.Count));
        Assert.AreEqual(threads > 1, port.Passed > 0);
        Assert.IsTrue(outside > 2_000);
    }

    /// <summary>
    /// Goal: a client whose address changes before it has heard of the server goes on with the connection that it began: what it sends to the ID that it has
    /// chosen itself is brought to the thread that knows it, and no second connection begins.
    /// </summary>
    [TestMethod]
    public void A_client_whose_address_changes_in_its_handshake_keeps_its_thread()
    {
        World world = new(33);
        Port port = new(world, 2);
        Peer client = new(world, "10.0.0.1:1000");
        client.Nat = new(world, client);
        Connection connection = client.Connect(port.Threads[0]);
        world.RunUntil(() => port.Accepted == 1, s_patience);
        // What the server has answered gets nowhere.
        client.Nat.Bind(client.Address, client.Address.WithPort(2001));
        world.RunUntil(() => port.Passed > 0, s_patience);
        Assert.AreEqual(1, port.Accepted);
        Assert.AreEqual(connection.Parts.Identity.OriginalDestination, port.Threads[0].Accepted[0].Parts.Identity.OriginalDestination);

        // Its address comes back: it is served there.
        client.Nat.Bind(client.Address, client.Address);
        world.RunUntil(() => connection.IsConfirmed, s_patience);
        Assert.AreEqual(1, port.Accepted);
    }

    /// <summary>Goal: handshakes, connections, and the number from which on clients are asked where they are, are those of the port, not of each thread.</summary>
    [TestMethod]
    [DataRow("handshakes")]
    [DataRow("connections")]
    public void Limits_are_those_of_the_port(string limit)
    {
        Port port = new(new(34), 2, options => limit == "handshakes" ? options with { MaxHandshakes = 5 } : options with { MaxConnections = 5 });
        for (ulong i = 0; i < 12; i++)
        {
            port.Deliver(ConnectionPairInitial.Bytes(i + 1), (ushort)(1000 + i));
        }

        CollectionAssert.AreEqual((int[])[3, 2], port.Threads.Select(thread => thread.Accepted.Count).ToArray());
        CollectionAssert.AreEqual((int[])[3, 2], port.Shared.Seats.Select(seat => seat.Connections).ToArray());
        Assert.AreEqual(5, port.Shared.Seats[0].Handshakes);

        // One that has gone makes room on the other thread.
        port.Threads[0].Endpoint.Remove(port.Threads[0].Accepted[0]);
        port.Deliver(ConnectionPairInitial.Bytes(20), 1001);
        port.Deliver(ConnectionPairInitial.Bytes(21), 1001);
        Assert.HasCount(3, port.Threads[1].Accepted);
        Assert.AreEqual(5, port.Shared.Seats[1].Handshakes);

        // So do those of a thread that has died.
        port.Shared.Seats[0].Leave();
        Assert.AreEqual(3, port.Shared.Seats[1].Handshakes);
        port.Deliver(ConnectionPairInitial.Bytes(22), 1001);
        Assert.HasCount(4, port.Threads[1].Accepted);
    }

    /// <summary>Goal: half-open handshakes on one thread have the other one ask where clients are; the thread that is asked next opens the token.</summary>
    [TestMethod]
    public void Retry_begins_by_the_handshakes_of_all_threads()
    {
        World world = new(35);
        Port port = new(world, 2, options => options with { RetryAbove = 2 });
        port.Deliver(ConnectionPairInitial.Bytes(1), 1000);
        port.Deliver(ConnectionPairInitial.Bytes(2), 1000);
        Peer client = new(world, "10.0.0.1:1001");
        Connection connection = client.Connect(port.Threads[0]);
        world.RunUntil(() => connection.IsConfirmed, s_patience);
        Assert.IsNotNull(connection.PeerParameters!.RetrySourceConnectionId);
        Assert.HasCount(1, port.Threads[1].Accepted);
    }

    /// <summary>Goal: a token begins one connection, whichever thread is shown it.</summary>
    [TestMethod]
    public void A_token_is_used_once_on_all_threads()
    {
        Port port = new(new(36), 2);
        Assert.IsFalse(port.Shared.Seats[1].IsUsed(5));
        Assert.IsTrue(port.Shared.Seats[0].TryUse(5));
        Assert.IsTrue(port.Shared.Seats[1].IsUsed(5));
        Assert.IsFalse(port.Shared.Seats[1].TryUse(5), "the other one was quicker");
    }

    /// <summary>Goal (checklist S43): a ticket's 0-RTT data that is recorded and repeated to another thread is not taken a second time.</summary>
    [TestMethod]
    public void S43_early_data_is_taken_once_on_all_threads()
    {
        World world = new(37);
        Port port = new(world, 2, options => options with { Server = new() { AlpnProtocols = ["test"u8.ToArray()], AcceptsEarlyData = true } });
        Peer client = new(world, "10.0.0.1:1000");
        Connect(world, client, port, early: true);
        List<byte[]> flight = [];
        bool records = true;
        world.Sending = (from, _, bytes) =>
        {
            if (records && from == client.Address)
            {
                flight.Add(bytes.ToArray());
            }
        };
        Connection again = client.Connect(port.Threads[0], earlyData: true);
        records = false;
        world.RunUntil(() => again.IsConfirmed, s_patience);
        Assert.AreEqual(EarlyDataState.Accepted, again.EarlyData);
        Connection taken = port.Threads[0].Accepted[^1];
        taken.Close(0, "", world.Now);
        world.RunUntil(() => taken.IsClosed, TimeSpan.FromMinutes(2));
        port.Threads[0].Endpoint.RemoveIfClosed(taken);

        flight.ForEach(datagram => port.Deliver(datagram, 1001));
        Assert.AreEqual(EarlyDataState.Rejected, port.Threads[1].Accepted.Single().EarlyData);
    }

    /// <summary>Goal: a packet of a connection that is gone is answered by the thread that had it, once, and so many a second for the whole port.</summary>
    [TestMethod]
    public void Stateless_resets_come_from_the_owner_and_have_one_budget()
    {
        World world = new(38);
        Port port = new(world, 2, options => options with { MaxResetsPerSecond = 3 });
        Peer client = new(world, "10.0.0.1:1000");
        Connection connection = Connect(world, client, port);
        ConnectionId id = connection.Parts.PeerIds.Current;
        port.Threads[0].Endpoint.Remove(port.Threads[0].Accepted[0]);
        foreach (Peer thread in port.Threads)
        {
            thread.Endpoint.AnswersUnknown = true;
        }

        byte[] packet = new byte[100];
        packet[0] = 0x41;
        id.Span.CopyTo(packet.AsSpan(1));
        int answers = 0;
        world.Sending = (_, _, bytes) => answers += bytes.Length < packet.Length ? 1 : 0;
        for (int i = 0; i < 8; i++)
        {
            long passed = port.Passed;
            port.Deliver(packet.ToArray(), (ushort)(1000 + i));
            Assert.AreEqual(i % 2, port.Passed - passed);
            Assert.AreEqual(int.Min(i + 1, 3), answers);
        }

        // When the owner's thread has died, whoever gets it answers.
        world.Run(TimeSpan.FromSeconds(1));
        port.Shared.Seats[0].Leave();
        Assert.IsTrue(port.Threads[1].Endpoint.OnDatagram(packet, new(client.Address, port.Threads[1].Address, 0), Ecn.NotEct, world.Now));
    }

    /// <summary>Goal: what is nobody's is passed to nobody: IDs that strangers make up cost the other threads next to nothing.</summary>
    [TestMethod]
    public void What_is_made_up_is_not_passed()
    {
        Port port = new(new(39), 2);
        byte[] packet = new byte[100];
        SimulatedRandom random = new(40);
        for (int i = 0; i < 2_000; i++)
        {
            random.Fill(packet);
            packet[0] = 0x41;
            port.Deliver(packet, (ushort)i);
        }

        Assert.AreEqual(0, port.Passed, "not of our layout");
        for (int i = 0; i < 2_560; i++)
        {
            random.Fill(packet);
            packet[0] = 0x41;
            CidLayout.Write(packet.AsSpan(1), 0, 1, packet.AsSpan(30, 8));
            port.Deliver(packet, 1000);
        }

        Assert.IsLessThan(40, (int)port.Passed, "1 in 256 by chance, of those that look like ours");
    }

    private static Connection Connect(World world, Peer client, Port port, bool early = false)
    {
        Connection connection = client.Connect(port.Threads[0], earlyData: early);
        world.RunUntil(() => connection.IsConfirmed, s_patience);
        world.Run(TimeSpan.FromSeconds(1));
        return connection;
    }

    private sealed class Port
    {
        private readonly World _world;
        private readonly StrayQueue[] _strays;

        public Port(World world, int threads, Func<EndpointOptions, EndpointOptions>? configure = null)
        {
            _world = world;
            EndpointOptions options = configure?.Invoke(Peer.DefaultOptions) ?? Peer.DefaultOptions;
            options = options with { EarlyData = new SharedEarlyData(new(since: long.MinValue)) };
            _strays = [.. Enumerable.Range(0, threads).Select(_ => new StrayQueue(static () => { }))];
            byte[] key = new byte[32];
            world.Random.Fill(key);
            Shared = new(options, _strays, key);
            Threads = [.. Shared.Seats.Select(seat => new Peer(
                world, "10.0.0.2:443", options: options with { Books = seat, Keys = [Peer.Keys with { Thread = seat.Mark }] }))];
            world.Attach(Threads[0].Address, Deliver);
        }

        public SharedPort Shared { get; }

        public IReadOnlyList<Peer> Threads { get; }

        public long Passed => _strays.Sum(queue => queue.Passed);

        public int Accepted => Threads.Sum(thread => thread.Accepted.Count);

        public Action<Connection, ConnectionEvent> OnEvent
        {
            set
            {
                foreach (Peer thread in Threads)
                {
                    thread.OnEvent = value;
                }
            }
        }

        public void Deliver(byte[] bytes, ushort from) =>
            Deliver(new Datagram(Threads[0].Address.WithPort(from), Threads[0].Address, bytes, Ecn.NotEct));

        private void Deliver(Datagram datagram)
        {
            Threads[datagram.From.Port % Threads.Count].Deliver(datagram);
            for (int i = 0; i < _strays.Length; i++)
            {
                foreach (StrayQueue.Stray stray in _strays[i].Take(out Span<byte> bytes))
                {
                    Threads[i].Deliver(new(stray.Path.Remote, stray.Path.Local, bytes.Slice(stray.Start, stray.Length).ToArray(), stray.Ecn));
                }
            }
        }
    }
}
