using Net.Core.Connections;
using Net.Core.Streams;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios;

/// <summary>What else a connection may be at when its component moves, in the whole federation (<see cref="MoveThroughTests"/> has every step of it, without the protocol between nodes).</summary>
[TestClass]
public sealed class TurnTests
{
    private const byte Datagrams = 24;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>Goal: a key update that either end begins at any moment around a move is carried out, by whichever owner; and the next one, around the next move.</summary>
    [TestMethod]
    [Seeds(24)]
    public void A_key_update_goes_on_through_a_move(ulong seed)
    {
        Federation federation = new(seed, seed % 2 == 0 ? Federation.Lossy : null);
        Scenario scenario = Begin(federation, (ScenarioKind)(seed / 4 % 4));
        ulong updates = 0;
        foreach (string to in (ReadOnlySpan<string>)["beta", "alpha"])
        {
            bool isUpdated = false;
            Func<Connection?> end = seed / 2 % 2 == 0 ? () => scenario.Client.Connection : () => Served(federation);
            federation.World.After(federation.World.Random.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(15)), Update);
            Move move = federation.Migrate(to);
            updates++;
            federation.RunUntil(() => move.IsOver && isUpdated && HaveUpdated(updates), s_limit, $"update {updates} is done");
            Assert.IsTrue(move.Report!.Moved, $"{move.Report}");

            void Update()
            {
                // The one before has to be acknowledged first (RFC 9001, section 6.1), and who stands still does nothing.
                Connection? connection = end();
                isUpdated = connection?.Parts.Keys!.TryInitiateUpdate() ?? false;
                if (isUpdated)
                {
                    // As a call of the connection: what is done behind its back is no change, and would not travel.
                    connection!.Ping();
                }

                federation.World.After(TimeSpan.FromMilliseconds(1), isUpdated ? () => KeepTalking(updates) : Update);
            }
        }

        End(federation, scenario);

        void KeepTalking(ulong times)
        {
            // An update takes effect with the next packet, and whatever the client is at may be over.
            if (!HaveUpdated(times))
            {
                scenario.Client.Connection.Ping();
                scenario.Client.Wake();
                federation.World.After(TimeSpan.FromMilliseconds(20), () => KeepTalking(times));
            }
        }

        bool HaveUpdated(ulong times) => Generations(scenario.Client.Connection) == (times, times) && Served(federation) is Connection served && Generations(served) == (times, times);
    }

    /// <summary>Goal: of unreliable datagrams a move loses, repeats and reorders none, on their way, unread or unsent (RFC 9221).</summary>
    [TestMethod]
    [Seeds(12)]
    public void Datagrams_go_on_through_a_move(ulong seed)
    {
        DatagramOptions datagrams = new() { MaxFrameSize = 1200 };
        Federation federation = new(seed, configure: f =>
        {
            f.ServerConnections = f.ServerConnections with { Datagrams = datagrams };
            f.ClientConnections = f.ClientConnections with { Datagrams = datagrams };
        });
        Scenario scenario = Begin(federation, (ScenarioKind)(seed % 4));
        List<byte> sent = [];
        for (byte i = 0; i < Datagrams; i++)
        {
            byte number = i;
            federation.World.After(federation.World.Random.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(1)) + TimeSpan.FromMilliseconds(i), () => Send(number));
        }

        federation.Run(TimeSpan.FromMilliseconds(6));
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver, s_limit, "moved");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
        End(federation, scenario);
        Assert.IsGreaterThan(Datagrams / 2, sent.Count, "the server stood still for most of it");
        CollectionAssert.AreEqual(Enumerable.Range(0, Datagrams).Select(i => (byte)i).ToArray(), Taken(Served(federation)!));
        CollectionAssert.AreEqual(sent, Taken(scenario.Client.Connection));

        void Send(byte number)
        {
            Assert.IsTrue(scenario.Client.Connection.SendDatagram([number]));
            scenario.Client.Wake();
            if (Served(federation) is Connection served && served.SendDatagram([number]))
            {
                sent.Add(number);
                Owner(federation)!.Data["web"].Wake();
            }
        }
    }

    /// <summary>Goal: requests that clients give up around a move, which resets one direction of their streams and stops the other, leave nothing behind at either owner.</summary>
    [TestMethod]
    [Seeds(24)]
    public void Streams_that_are_reset_and_stopped_around_a_move_leave_nothing_behind(ulong seed)
    {
        Federation federation = new(seed, seed % 2 == 0 ? Federation.Lossy : null);
        Scenario scenario = Begin(federation, (ScenarioKind)(seed / 2 % 4));
        List<ClientView> given = [];
        for (int i = 0; i < 8; i++)
        {
            ClientView view = i % 2 == 0 ? scenario.Client.Request("GET", "/bytes/60000") : scenario.Client.Request("POST", "/echo", TestComponent.Download(60_000));
            given.Add(view);
            federation.World.After(federation.World.Random.Between(TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(40)), view.Cancel);
        }

        federation.Run(federation.World.Random.Between(TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(25)));
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver && given.TrueForAll(view => view.IsOver), s_limit, "moved, and given up");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
        End(federation, scenario);
        Net.Http3.Server.Hosting.ServerConnection http3 = Owner(federation)!.Shard!.Http3Of(Served(federation)!);
        Assert.IsTrue(http3.IsIdle, "somebody works for a request that was given up");
        Assert.IsFalse(Served(federation)!.OpenStreams.Any(id => id.IsBidirectional));
        Assert.IsFalse(scenario.Client.Connection.OpenStreams.Any(id => id.IsBidirectional));
    }

    private static Scenario Begin(Federation federation, ScenarioKind kind)
    {
        Scenario scenario = new(federation, kind);
        federation.RunUntil(() => scenario.IsConfirmed && Served(federation) is { IsConfirmed: true }, s_limit, "connected");
        scenario.RunEvents(federation.World.Random.Below(60));
        return scenario;
    }

    private static void End(Federation federation, Scenario scenario)
    {
        federation.RunUntil(() => scenario.IsOver, s_limit, "over");
        scenario.AssertRight();
        federation.Run(TimeSpan.FromSeconds(2));
        federation.AssertOneOwner();
    }

    private static SimulatedNode? Owner(Federation federation) => federation.Nodes.Find(node => node.IsServing);

    /// <summary>The server's end, unless it stands still.</summary>
    private static Connection? Served(Federation federation) =>
        Owner(federation)?.Shard!.Shard.Endpoint.Connections.FirstOrDefault(connection => connection is { IsFrozen: false, IsOpen: true });

    private static (ulong Write, ulong Read) Generations(Connection connection) => (connection.Parts.Keys!.WriteGeneration, connection.Parts.Keys.ReadGeneration);

    private static byte[] Taken(Connection connection)
    {
        List<byte> taken = [];
        while (connection.TryPeekDatagram(out byte[]? data))
        {
            taken.Add(data[0]);
            connection.ConsumeDatagram();
        }

        return [.. taken];
    }
}
