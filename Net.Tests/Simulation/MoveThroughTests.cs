using Net.Core.Connections;
using Net.Core.Crypto;
using Net.Core.Endpoints;
using Net.Core.Wire;
using Net.Tests.Scenarios;

namespace Net.Tests.Simulation;

/// <summary>What else can be under way when a server moves.</summary>
public enum Turn
{
    ClientUpdatesKeys,
    ServerUpdatesKeys,
    PortChanges,
    NetworkChanges,
    StreamsAreGivenUp,
    Retry,
    Version2,
    HelloRetryRequest,
    Loss,
    PreferredAddress,
    CompatibleVersion,
    Datagrams,
}

/// <summary>Moves at every step of lives that are not as quiet as those of <see cref="MoveAtEveryStepTests"/>.</summary>
[TestClass]
public sealed class MoveThroughTests
{
    private const int Bytes = 40_000;
    private const int Runs = 40;
    private const int DatagramsSent = 20;

    private static readonly UdpAddress s_preferred = UdpAddress.FromBytes([10, 0, 8, 8], 8443);

    /// <summary>
    /// Goal: whenever the server moves, the turn that the connection takes meanwhile ends as it would have, and no byte is different.
    /// Method: run once without a move and count the steps; then once for every so many steps (each with LONG=1), with a move at that step.
    /// </summary>
    [TestMethod]
    [DataRow(Turn.ClientUpdatesKeys)]
    [DataRow(Turn.ServerUpdatesKeys)]
    [DataRow(Turn.PortChanges)]
    [DataRow(Turn.NetworkChanges)]
    [DataRow(Turn.StreamsAreGivenUp)]
    [DataRow(Turn.Retry)]
    [DataRow(Turn.Version2)]
    [DataRow(Turn.HelloRetryRequest)]
    [DataRow(Turn.Loss)]
    [DataRow(Turn.PreferredAddress)]
    [DataRow(Turn.CompatibleVersion)]
    [DataRow(Turn.Datagrams)]
    public void A_move_at_any_step_changes_nothing(Turn turn)
    {
        int steps = Perform(turn, moveAt: int.MaxValue, out _);
        int moves = 0;
        for (int step = 0; step < steps; step += Depth.Stride(steps, Runs))
        {
            Perform(turn, step, out bool moved);
            moves += moved ? 1 : 0;
        }

        Assert.IsGreaterThan(Runs / 3, moves, "most steps come after the handshake");
    }

    private static int Perform(Turn turn, int moveAt, out bool moved)
    {
        World world = new(5) { Network = turn == Turn.Loss ? NetworkConditions.Bad : new() };
        byte[] content = new byte[Bytes];
        new SimulatedRandom(13).Fill(content);
        NonceLedger ledger = new();
        EndpointOptions options = Options(turn);
        StreamServer server = new(content);
        List<byte> back = [];
        Cluster cluster = new(world, OnServer, ledger, nodes: 2, options, options.Connection);
        StreamClient app = turn == Turn.StreamsAreGivenUp
            ? new((Job.Download, []), (Job.Abandon, content), (Job.Refuse, []), (Job.Echo, content))
            : new((Job.Download, []), (Job.Echo, content));
        Peer client = new(world, "10.0.0.1:1000", ledger, options) { OnEvent = OnClient };
        Connection connection = client.Connect(cluster.Front);
        string where = $"{turn}, moved at step {moveAt}";
        int steps = 0;
        bool turned = false;
        moved = false;
        Net.Core.Time.Instant end = world.Now + TimeSpan.FromSeconds(60);
        for (; !app.IsDone; steps++)
        {
            if (steps >= moveAt && !moved && cluster.CanMove)
            {
                moved = true;
                cluster.Move(TimeSpan.FromMilliseconds(4));
            }

            if (!turned && app.Exchanges[0].Received.Count > Bytes / 3 && !cluster.IsMoving)
            {
                turned = true;
                Take(turn, world, client, connection, cluster, where);
            }

            Assert.IsTrue(world.TryStep(end), $"{where}: it never ends");
            Assert.IsNull(app.Fault, where);
        }

        CollectionAssert.AreEqual(content, app.Exchanges[0].Received, where);
        CollectionAssert.AreEqual(content, app.Exchanges[^1].Received, where);
        if (turn == Turn.PreferredAddress)
        {
            world.RunUntil(() => cluster.Owner.Endpoint.Connections.SingleOrDefault()?.Path.Local == s_preferred, TimeSpan.FromSeconds(5));
        }

        if (turn == Turn.Datagrams)
        {
            world.RunUntil(() => back.Count == DatagramsSent, TimeSpan.FromSeconds(5));
            CollectionAssert.AreEquivalent(Enumerable.Range(0, DatagramsSent).Select(i => (byte)i).ToArray(), back, where);
        }

        AssertTaken(turn, connection, app, where);
        return steps;

        void OnServer(Connection connection, ConnectionEvent e)
        {
            OnDatagram(connection, e, back: null);
            server.OnEvent(connection, e);
        }

        void OnClient(Connection connection, ConnectionEvent e)
        {
            OnDatagram(connection, e, back);
            app.OnEvent(connection, e);
        }
    }

    /// <summary>Datagrams come back to the client, which notes them.</summary>
    private static void OnDatagram(Connection connection, ConnectionEvent e, List<byte>? back)
    {
        while (e.Kind == ConnectionEventKind.Datagram && connection.IsOpen && connection.TryPeekDatagram(out byte[]? data))
        {
            connection.ConsumeDatagram();
            back?.Add(data[0]);
            Assert.IsTrue(back is not null || connection.SendDatagram(data));
        }
    }

    private static EndpointOptions Options(Turn turn) => Peer.DefaultOptions with
    {
        Connection = ConnectionOptions.Default with
        {
            Version = turn == Turn.Version2 ? QuicVersion.V2 : QuicVersion.V1,
            Datagrams = new() { MaxFrameSize = turn == Turn.Datagrams ? 1200 : 0 },
            PreferredVersion = turn == Turn.CompatibleVersion ? QuicVersion.V2 : null,
            PreferredIPv4 = turn == Turn.PreferredAddress ? s_preferred : default,
        },
        RetryAbove = turn == Turn.Retry ? 0 : null,
        Server = new()
        {
            AlpnProtocols = ["test"u8.ToArray()],
            Groups = turn == Turn.HelloRetryRequest ? [NamedGroup.Secp256r1] : [NamedGroup.X25519],
        },
    };

    private static void Take(Turn turn, World world, Peer client, Connection connection, Cluster cluster, string where)
    {
        switch (turn)
        {
            case Turn.ClientUpdatesKeys:
                Assert.IsTrue(connection.Parts.Keys!.TryInitiateUpdate(), where);
                break;
            case Turn.ServerUpdatesKeys:
                Assert.IsTrue(cluster.Owner.Endpoint.Connections.First().Parts.Keys!.TryInitiateUpdate(), where);
                break;
            case Turn.Datagrams:
                for (byte i = 0; i < DatagramsSent; i++)
                {
                    Assert.IsTrue(connection.SendDatagram([i]), where);
                }

                client.Pump();
                break;
            case Turn.PreferredAddress:
                Assert.AreEqual(MigrationRefusal.None, connection.TryMigrate(connection.Path with { Remote = s_preferred }, world.Now), where);
                client.Pump();
                break;
            case Turn.PortChanges or Turn.NetworkChanges:
                Assert.IsTrue(UdpAddress.TryParse(turn == Turn.PortChanges ? "10.0.0.1:2000" : "10.0.7.1:1000", out UdpAddress next));
                world.Detach(client.ActAs);
                client.ActAs = next;
                world.Attach(next, client.Deliver);
                connection.Ping();
                client.Pump();
                break;
            default:
                break;
        }
    }

    /// <summary>The turn was taken, by whichever owner.</summary>
    private static void AssertTaken(Turn turn, Connection connection, StreamClient app, string where)
    {
        switch (turn)
        {
            case Turn.ClientUpdatesKeys or Turn.ServerUpdatesKeys:
                Assert.AreEqual(1UL, connection.Parts.Keys!.WriteGeneration, where);
                Assert.AreEqual(1UL, connection.Parts.Keys.ReadGeneration, where);
                break;
            case Turn.StreamsAreGivenUp:
                Assert.IsTrue(app.Exchanges[1].IsGivenUp && app.Exchanges[2].IsGivenUp, where);
                break;
            case Turn.Retry:
                Assert.IsNotNull(connection.PeerParameters!.RetrySourceConnectionId, where);
                break;
            case Turn.PreferredAddress:
                Assert.AreEqual(s_preferred, connection.Path.Remote, where);
                break;
            case Turn.Version2 or Turn.CompatibleVersion:
                Assert.AreEqual(QuicVersion.V2, connection.Version, where);
                break;
            default:
                break;
        }
    }
}
