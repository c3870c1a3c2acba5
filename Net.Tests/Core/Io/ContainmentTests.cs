using System.Net;
using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Core.Io;

/// <summary>A fault of ours in one connection, whatever it is: it is that connection's end, and nobody else's.</summary>
[TestClass]
public sealed class ContainmentTests
{
    private static readonly byte[] s_protocol = "test/1"u8.ToArray();

    /// <summary>Where the fault is.</summary>
    public enum Moment
    {
        None,
        Receiving,
        Sealing,
        Stepping,
        Telling,
        Working,
    }

    /// <summary>
    /// Goal: whatever throws for one connection, its shard steps on, the other connection of it goes on, the owner and the host hear of it, and it never sends again.
    /// Method: an observer of the connection throws in the middle of a batch; or its owner, or a piece of work for it.
    /// </summary>
    [TestMethod]
    [DataRow(Moment.Receiving)]
    [DataRow(Moment.Sealing)]
    [DataRow(Moment.Stepping)]
    [DataRow(Moment.Telling)]
    [DataRow(Moment.Working)]
    public void It_ends_that_connection_alone(Moment moment)
    {
        World world = new();
        Line struck = world.Connect(), whole = world.Connect();
        Assert.AreEqual(2, world.Server.Connections);
        world.Strike(struck, moment);
        // In one batch: several packets of the one, then those of the other.
        world.Say(struck, 3000);
        world.Say(whole, 3000);
        world.RunUntil(() => world.Server.Faults == 1 && whole.Far.Received == 3000);
        world.Say(whole, 500);
        world.RunUntil(() => whole.Far.Received == 3500);

        Assert.AreEqual((1, 1, 1L), (world.Server.Connections, world.Server.Endpoint.Connections.Count, world.Server.Faults));
        Assert.IsInstanceOfType<InvalidCastException>(struck.Far.Faults.Single());
        Assert.IsEmpty(whole.Far.Faults);
        Connection gone = struck.Far.Connection;
        Assert.AreEqual((true, CloseOrigin.Fault), (gone.IsClosed, gone.CloseReason!.Value.Origin));
        Assert.IsFalse(gone.TryTransmit(new byte[2000], 0, world.Now, out _));
        Exception told = world.Told.Single();
        Assert.Contains(nameof(InvalidCastException), told.Message);
        Assert.Contains(nameof(Trap.Spring), told.Message, "where it was");
        Assert.DoesNotContain(Trap.Secret, told.ToString());
    }

    /// <summary>Goal: nothing more is asked of it before its owner knows: what is left of it is not to be touched.</summary>
    [TestMethod]
    public void Its_owner_knows_before_the_next_piece_of_work()
    {
        World world = new();
        Line struck = world.Connect();
        int? known = null;
        Assert.IsTrue(world.Server.Post(new FaultyWork(struck.Far.Connection, static () => throw new InvalidCastException())));
        Assert.IsTrue(world.Server.Post(new FaultyWork(struck.Far.Connection, () => known = struck.Far.Faults.Count)));
        world.RunUntil(() => known is not null);
        Assert.AreEqual(1, known);
    }

    /// <summary>Goal: when a deadline's work throws, the connections whose deadlines come behind it have theirs.</summary>
    [TestMethod]
    public void It_stops_no_other_deadline()
    {
        World world = new();
        Line struck = world.Connect(), whole = world.Connect();
        world.RunFor(TimeSpan.FromSeconds(1));
        world.Strike(struck, Moment.Stepping);
        // Nothing is said any more: both time out, the struck one by a fault.
        world.ClientIsGone = true;
        world.RunUntil(() => world.Server.Endpoint.Connections.Count == 0);
        Assert.AreEqual((1L, CloseOrigin.IdleTimeout), (world.Server.Faults, whole.Far.Connection.CloseReason!.Value.Origin));
        Assert.HasCount(1, struck.Far.Faults);
    }

    /// <summary>Goal: a client whose very first packet ends in a fault is nobody's connection and takes no place: it can try again at once.</summary>
    [TestMethod]
    public void A_first_packet_that_ends_in_a_fault_takes_no_place()
    {
        World world = new(options => options with { MaxConnections = 1, MaxHandshakes = 1 });
        world.Observers.Next = Moment.Receiving;
        Line line = world.Begin();
        world.RunUntil(() => world.Server.Faults > 0);
        Assert.IsEmpty(world.Server.Endpoint.Connections);
        Assert.IsEmpty(world.Accepted, "nobody was told of it before");
        world.Observers.Next = Moment.None;
        world.RunUntil(() => line.Near.IsConfirmed);
        Assert.HasCount(1, world.Server.Endpoint.Connections);
    }

    /// <summary>Goal: who knows how to cause a fault does not fill the host's log with it: all are counted, a limited number a second is told.</summary>
    [TestMethod]
    public void The_host_is_told_so_often_and_no_more()
    {
        World world = new();
        world.Observers.Next = Moment.Receiving;
        for (int i = 0; i < 3 * Shard.MaxFaultsTold; i++)
        {
            _ = world.Begin();
        }

        _ = world.Client.Step(world.Now);
        _ = world.Server.Step(world.Now);
        Assert.IsGreaterThanOrEqualTo(3 * Shard.MaxFaultsTold, world.Server.Faults);
        Assert.HasCount(Shard.MaxFaultsTold, world.Told);
    }

    /// <summary>Goal: a host that throws at the news is not the end of the others.</summary>
    [TestMethod]
    public void The_news_of_a_fault_may_end_in_another()
    {
        World world = new();
        Line struck = world.Connect(), whole = world.Connect();
        struck.Far.ThrowsAtFault = true;
        world.OnTold = _ => throw new InvalidOperationException();
        world.Strike(struck, Moment.Receiving);
        world.Say(struck, 10);
        world.Say(whole, 10);
        world.RunUntil(() => whole.Far.Received == 10 && world.Server.Faults == 1);
        Assert.AreEqual(1, world.Server.Connections);
    }

    /// <summary>Goal: where nothing may be hidden a fault is thrown: in simulators and fuzzers. And a host without memory is not taken for a fault of one connection.</summary>
    [TestMethod]
    [DataRow(false, false)]
    [DataRow(true, true)]
    public void It_is_thrown_where_it_is_not_to_be_contained(bool contains, bool isOutOfMemory)
    {
        World world = new(options => options with { ContainsFaults = contains });
        Line struck = world.Connect();
        Exception fault = world.Observers.Traps[struck.Number].Exception = isOutOfMemory ? new InsufficientMemoryException() : new InvalidCastException();
        world.Strike(struck, Moment.Receiving);
        world.Say(struck, 10);
        Assert.AreSame(fault, Assert.Throws<Exception>(() => world.RunUntil(() => false)));
        Assert.AreEqual(0L, world.Server.Faults);
    }

    private sealed class World
    {
        public World(Func<EndpointOptions, EndpointOptions>? configure = null)
        {
            (MemoryChannel client, MemoryChannel server) = MemoryChannel.CreatePair(ClientAddress, ServerAddress);
            HostCrypto crypto = new(new() { DefaultServerCertificate = TestPki.Instance.Server, TrustedRoots = [TestPki.Instance.Root] });
            EndpointOptions options = new() { Keys = [new ConnectionKeys(0, 0, new byte[32], new byte[32])] };
            Client = new(new(options, crypto), client, crypto, _ => throw new InvalidOperationException());
            options = options with
            {
                Server = new() { AlpnProtocols = [s_protocol] },
                Connection = ConnectionOptions.Default with { Observers = Observers },
            };
            Server = new(new(configure?.Invoke(options) ?? options, crypto), server, crypto, Accept, new()
            {
                OnFault = fault =>
                {
                    Told.Add(fault);
                    OnTold?.Invoke(fault);
                },
            });
        }

        public Instant Now { get; private set; } = new(TimeSpan.TicksPerDay);

        public Shard Client { get; }

        public Shard Server { get; }

        public Saboteur Observers { get; } = new();

        public List<Owner> Accepted { get; } = [];

        public List<Exception> Told { get; } = [];

        public Action<Exception>? OnTold { get; set; }

        /// <summary>Nothing is heard of the client any more.</summary>
        public bool ClientIsGone { get; set; }

        private static UdpAddress ClientAddress { get; } = UdpAddress.FromEndPoint(new(IPAddress.Loopback, 1));

        private static UdpAddress ServerAddress { get; } = UdpAddress.FromEndPoint(new(IPAddress.Loopback, 2));

        /// <summary>A connection whose server end is there, and confirmed.</summary>
        public Line Connect()
        {
            Line line = Begin();
            RunUntil(() => line.Near.IsConfirmed && Accepted.Count > line.Number && Accepted[line.Number].Connection.IsConfirmed);
            line.Far = Accepted[line.Number];
            // Whatever is late goes out, so that only what a test says is said.
            RunFor(TimeSpan.FromMilliseconds(100));
            return line;
        }

        public Line Begin()
        {
            Connection near = Client.Endpoint.Connect(new() { AlpnProtocols = [s_protocol], ServerName = "localhost" }, new(ServerAddress, ClientAddress, 0), Now);
            Client.SetOwner(near, new Owner(near));
            return new(Accepted.Count, near);
        }

        public void Say(Line line, int bytes)
        {
            Assert.IsTrue(line.Near.TryOpen(unidirectional: true, out StreamId id));
            Assert.AreEqual(bytes, line.Near.Write(id, new byte[bytes], fin: true));
        }

        public void Strike(Line line, Moment moment)
        {
            line.Far.ThrowsAtEvents = moment == Moment.Telling ? Observers.Traps[line.Number].Spring : null;
            if (moment == Moment.Working)
            {
                Assert.IsTrue(Server.Post(new FaultyWork(line.Far.Connection, Observers.Traps[line.Number].Spring)));
            }
            else
            {
                Observers.Traps[line.Number].At = moment;
            }
        }

        public void RunFor(TimeSpan span)
        {
            Instant end = Now + span;
            RunUntil(() => Now >= end);
        }

        public void RunUntil(Func<bool> done)
        {
            for (int i = 0; i < 20_000 && !done(); i++)
            {
                if (!((!ClientIsGone && Client.Step(Now)) | Server.Step(Now)))
                {
                    Instant next = ClientIsGone ? Server.Deadline : Instant.Min(Client.Deadline, Server.Deadline);
                    Now = Instant.Max(Now + TimeSpan.FromMicroseconds(100), Instant.Min(next, Now + TimeSpan.FromMilliseconds(10)));
                }
            }

            Assert.IsTrue(done());
        }

        private Owner Accept(Connection connection)
        {
            Accepted.Add(new(connection));
            return Accepted[^1];
        }
    }

    private sealed class Line(int number, Connection near)
    {
        public int Number => number;

        public Connection Near => near;

        public Owner Far { get; set; } = null!;
    }

    private sealed class Owner(Connection connection) : IConnectionOwner
    {
        public Connection Connection => connection;

        public int Received { get; private set; }

        public List<Exception> Faults { get; } = [];

        public Action? ThrowsAtEvents { get; set; }

        public bool ThrowsAtFault { get; set; }

        public void OnEvents(Connection connection, Instant now)
        {
            while (connection.TryTakeEvent(out ConnectionEvent e))
            {
                ThrowsAtEvents?.Invoke();
                while (e.Kind == ConnectionEventKind.Stream && connection.Peek(e.Stream.Id) is { IsEmpty: false } bytes)
                {
                    Received += bytes.Length;
                    connection.Consume(e.Stream.Id, bytes.Length);
                }
            }
        }

        public void OnFault(Connection connection, Exception fault)
        {
            Assert.AreSame(Connection, connection);
            Faults.Add(fault);
            if (ThrowsAtFault)
            {
                throw new InvalidOperationException();
            }
        }
    }

    private sealed class FaultyWork(Connection connection, Action fault) : IShardWork
    {
        public Connection Connection => connection;

        public void Run(Instant now) => fault();
    }

    private sealed class Saboteur : IObserverSource
    {
        /// <summary>In the order in which the connections began.</summary>
        public List<Trap> Traps { get; } = [];

        /// <summary>Of connections to come.</summary>
        public Moment Next { get; set; }

        public IConnectionObserver Observe(in ConnectionView view, Instant now)
        {
            Traps.Add(new() { At = Next });
            return Traps[^1];
        }
    }

    private sealed class Trap : IConnectionObserver
    {
        public const string Secret = "what a client has said";

        public Moment At { get; set; }

        public Exception Exception { get; set; } = new InvalidCastException(Secret);

        public void Spring() => throw Exception;

        public void OnPacketSent(in PacketTrace packet, ReadOnlySpan<byte> payload, Instant now) => SpringAt(Moment.Sealing);

        public void OnPacketReceived(in PacketTrace packet, ReadOnlySpan<byte> payload, Instant now) => SpringAt(Moment.Receiving);

        public void OnStep(in ConnectionView view, Instant now) => SpringAt(Moment.Stepping);

        public void OnPacketNotRead(PacketKind kind, int length, PacketFate fate, Instant now)
        {
        }

        public void OnVersionNegotiation(ReadOnlySpan<uint> offered, Instant now)
        {
        }

        public void OnOwnership(OwnershipStep step, ulong epoch, Instant now)
        {
        }

        public void OnPacketLost(PacketNumberSpace space, in SentPacket packet, bool byNumber, Instant now)
        {
        }

        public void OnReleased()
        {
        }

        private void SpringAt(Moment moment)
        {
            if (At == moment)
            {
                Spring();
            }
        }
    }
}
