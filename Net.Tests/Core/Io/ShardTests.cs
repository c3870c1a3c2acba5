using System.Net;
using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Tests.Core.Io;

[TestClass]
public sealed class ShardTests
{
    private static readonly byte[] s_protocol = "test/1"u8.ToArray();

    /// <summary>Goal: two shards, stepped by hand on virtual time over a pair of channels, make a connection and carry bytes: no thread, no clock.</summary>
    [TestMethod]
    public void Two_shards_step_through_a_connection()
    {
        World world = new();
        Collector server = world.ServerOwner, client = new();
        Connection connection = world.Client.Endpoint.Connect(
            new() { AlpnProtocols = [s_protocol], ServerName = "localhost" }, new(World.ServerAddress, World.ClientAddress, 0), world.Now);
        world.Client.SetOwner(connection, client);
        world.RunUntil(() => connection.IsConfirmed);

        Assert.IsTrue(connection.TryOpen(unidirectional: false, out StreamId id));
        Assert.IsTrue(world.Client.Post(new Act(() => Assert.AreEqual(3, connection.Write(id, [1, 2, 3], fin: true)))));
        world.RunUntil(() => server.Received.Count == 3);
        CollectionAssert.AreEqual((byte[])[1, 2, 3], server.Received);

        connection.Close(5, "done", world.Now);
        world.RunUntil(() => world.Client.Connections == 0 && world.Server.Connections == 0);
        Assert.AreEqual(5UL, server.Connection!.CloseReason!.Value.Code);
        Assert.IsEmpty(world.Client.Endpoint.Connections);
        Assert.IsEmpty(world.Server.Endpoint.Connections);
    }

    /// <summary>Goal: after its end a shard runs what was posted before, refuses what is posted after, and tells every owner.</summary>
    [TestMethod]
    public void A_stopped_shard_refuses_work()
    {
        World world = new();
        Collector owner = new();
        Connection connection = world.Client.Endpoint.Connect(
            new() { AlpnProtocols = [s_protocol], ServerName = "localhost" }, new(World.ServerAddress, World.ClientAddress, 0), world.Now);
        world.Client.SetOwner(connection, owner);
        int ran = 0;
        Assert.IsTrue(world.Client.Post(new Act(() => ran++)));
        world.Client.Stop(world.Now);
        Assert.AreEqual(1, ran);
        Assert.IsFalse(world.Client.Post(new Act(() => ran++)));
        Assert.AreEqual(1, owner.Stops);
    }

    /// <summary>Goal: work behind one that throws is told that it will not run: nobody waits for ever.</summary>
    [TestMethod]
    public void Abandoned_work_is_told()
    {
        World world = new();
        Act behind = new(() => Assert.Fail("ran"));
        Assert.IsTrue(world.Client.Post(new Act(() => throw new InvalidCastException())));
        Assert.IsTrue(world.Client.Post(behind));
        InvalidCastException fault = Assert.ThrowsExactly<InvalidCastException>(() => world.Client.Step(world.Now));
        world.Client.Abandon(fault);
        Assert.AreSame(fault, behind.Fault);
    }

    /// <summary>Goal: while the network's queue is full the shard waits, and then goes on with the very datagrams that it had.</summary>
    [TestMethod]
    public void A_full_network_is_waited_for()
    {
        World world = new();
        world.Network.IsFull = true;
        _ = world.Client.Endpoint.Connect(
            new() { AlpnProtocols = [s_protocol], ServerName = "localhost" }, new(World.ServerAddress, World.ClientAddress, 0), world.Now);
        Collector owner = new();
        world.Client.SetOwner(world.Client.Endpoint.Connections.Single(), owner);
        for (int i = 0; i < 5; i++)
        {
            world.Client.Step(world.Now);
        }

        Assert.IsFalse(world.Client.Step(world.Now));
        Assert.IsGreaterThan(world.Now, world.Client.Deadline);
        world.Network.IsFull = false;
        world.RunUntil(() => world.Client.Endpoint.Connections.Single().IsConfirmed);
    }

    /// <summary>Goal: what the network does not take before a freeze is given up by the channel, too: the next one's datagrams begin at their own beginning.</summary>
    [TestMethod]
    public void What_a_flush_gives_up_is_forgotten()
    {
        World world = new();
        _ = world.Client.Endpoint.Connect(
            new() { AlpnProtocols = [s_protocol], ServerName = "localhost" }, new(World.ServerAddress, World.ClientAddress, 0), world.Now);
        world.Network.IsFull = true;
        _ = world.Client.Step(world.Now);
        world.Client.Flush();
        Assert.AreEqual(1, world.Network.Forgotten);
        world.Network.IsFull = false;
        _ = world.Client.Step(world.Now);
        world.Client.Flush();
        Assert.AreEqual(1, world.Network.Forgotten, "there was nothing to give up");
    }

    private sealed class World
    {
        public World()
        {
            (MemoryChannel client, MemoryChannel server) = MemoryChannel.CreatePair(ClientAddress, ServerAddress);
            Network = new(client);
            HostCrypto crypto = new(new()
            {
                DefaultServerCertificate = TestPki.Instance.Server,
                TrustedRoots = [TestPki.Instance.Root],
            });
            Client = new(new(Options(null), crypto), Network, crypto, _ => throw new InvalidOperationException());
            Server = new(new(Options(new() { AlpnProtocols = [s_protocol] }), crypto), server, crypto, Accept);
        }

        public static UdpAddress ClientAddress { get; } = UdpAddress.FromEndPoint(new(IPAddress.Loopback, 1));

        public static UdpAddress ServerAddress { get; } = UdpAddress.FromEndPoint(new(IPAddress.Loopback, 2));

        public Instant Now { get; private set; } = new(TimeSpan.TicksPerDay);

        public Shard Client { get; }

        public Shard Server { get; }

        public FullableChannel Network { get; }

        public Collector ServerOwner { get; } = new();

        public void RunUntil(Func<bool> done)
        {
            for (int i = 0; i < 10_000 && !done(); i++)
            {
                if (!(Client.Step(Now) | Server.Step(Now)))
                {
                    Instant next = Instant.Min(Client.Deadline, Server.Deadline);
                    Now = next.IsNever ? Now : Instant.Max(Now + TimeSpan.FromMicroseconds(100), Instant.Min(next, Now + TimeSpan.FromMilliseconds(10)));
                }
            }

            Assert.IsTrue(done());
        }

        private static EndpointOptions Options(TlsServerOptions? server) => new()
        {
            Server = server,
            Keys = [new ConnectionKeys(0, 0, new byte[32], new byte[32])],
        };

        private Collector Accept(Connection connection)
        {
            ServerOwner.Connection = connection;
            return ServerOwner;
        }
    }

    private sealed class Collector : IConnectionOwner
    {
        public Connection? Connection { get; set; }

        public List<byte> Received { get; } = [];

        public int Stops { get; private set; }

        public void OnEvents(Connection connection, Instant now)
        {
            while (connection.TryTakeEvent(out ConnectionEvent e))
            {
                if (e.Kind == ConnectionEventKind.Stream)
                {
                    ReadOnlySpan<byte> bytes = connection.Peek(e.Stream.Id);
                    Received.AddRange(bytes);
                    connection.Consume(e.Stream.Id, bytes.Length);
                }
            }
        }

        public void OnShardStopped(Exception? fault) => Stops++;
    }

    private sealed class Act(Action action) : IShardWork
    {
        public Exception? Fault { get; private set; }

        public void Run(Instant now) => action();

        public void Abandon(Exception fault) => Fault = fault;
    }

    private sealed class FullableChannel(MemoryChannel inner) : IDatagramChannel
    {
        public bool IsFull { get; set; }

        public UdpAddress Local => inner.Local;

        public int Headroom => inner.Headroom;

        public bool TryReceive(ReceiveBatch batch) => inner.TryReceive(batch);

        public bool TrySend(Span<byte> buffer, in Transmit transmit) => !IsFull && inner.TrySend(buffer, transmit);

        public int Forgotten { get; private set; }

        public void Forget() => Forgotten++;

        public void Wait(TimeSpan timeout)
        {
            if (!IsFull)
            {
                inner.Wait(timeout);
            }
        }

        public void Wake() => inner.Wake();

        public void Dispose() => inner.Dispose();
    }
}
