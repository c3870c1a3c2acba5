using Net.Core.Connections;
using Net.Core.Tls;
using Net.Migration.Hosting;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios;

/// <summary>Moves between two nodes, in the whole federation: clients see what they see without a move.</summary>
[TestClass]
public sealed class MoveTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>Goal: without a move each scenario comes to its right end.</summary>
    [TestMethod]
    [DataRow(ScenarioKind.Download)]
    [DataRow(ScenarioKind.Upload)]
    [DataRow(ScenarioKind.Echo)]
    [DataRow(ScenarioKind.Counter)]
    public void Every_scenario_comes_to_its_end(ScenarioKind kind)
    {
        Federation federation = new(1);
        Scenario scenario = new(federation, kind);
        federation.RunUntil(() => scenario.IsOver, s_limit, "over");
        scenario.AssertRight();
        federation.AssertOneOwner();
        Assert.IsGreaterThan(10, federation.Audit.Packets);
    }

    /// <summary>Goal: a planned move on a clean network, at every step, changes nothing for the client and causes no congestion event.</summary>
    [TestMethod]
    [DataRow(ScenarioKind.Download)]
    [DataRow(ScenarioKind.Upload)]
    [DataRow(ScenarioKind.Echo)]
    [DataRow(ScenarioKind.Counter)]
    public void A_move_at_every_step_of_a_clean_network_is_not_seen(ScenarioKind kind)
    {
        Federation still = new(1);
        Scenario expected = new(still, kind);
        long first = still.Events;
        still.RunUntil(() => expected.IsOver, s_limit, "over");
        long events = still.Events - first;
        int stride = Depth.Stride(events, 60);
        for (long k = 0; k < events; k += stride)
        {
            Federation federation = new(1);
            Scenario scenario = new(federation, kind);
            Move move = scenario.MoveAt(k, "beta");
            federation.RunUntil(() => scenario.IsOver && move.IsOver, s_limit, $"over, after a move at event {k}");
            scenario.AssertRight();
            Assert.AreEqual(expected.ToString(), scenario.ToString(), $"move at event {k}");
            Assert.IsTrue(move.Report!.Moved, $"event {k}: {move.Report}");
            federation.AssertOneOwner();
            Assert.AreEqual(federation.Beta.Member, federation.Record.Owner);
            Assert.IsTrue(scenario.HadNoCongestion, $"a congestion event after a move at event {k}");
            Assert.AreEqual(0, federation.Ingress.Counters.Unroutable);
        }
    }

    /// <summary>Goal: the record of accepted 0-RTT moves with the component, so that what the source has accepted the destination does not (checklist S43).</summary>
    [TestMethod]
    public void S43_the_record_of_early_data_moves_along()
    {
        Federation federation = new(1);
        Scenario scenario = new(federation, ScenarioKind.Download);
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "confirmed");
        long second = federation.Alpha.Shard!.Shard.Endpoint.WallClock!.Value + EarlyDataLedger.Tolerance + 1;
        Assert.IsFalse(federation.Alpha.Shard.Shard.Endpoint.EarlyData.TryUse(1, second - 5, second), "it was not there to see that");
        Assert.IsTrue(federation.Alpha.Shard.Shard.Endpoint.EarlyData.TryUse(2, second + 1, second));
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver && scenario.IsOver, s_limit, "moved");
        scenario.AssertRight();
        Assert.IsFalse(federation.Beta.Shard!.Shard.Endpoint.EarlyData.TryUse(2, second + 1, second));
        Assert.IsTrue(federation.Beta.Shard.Shard.Endpoint.EarlyData.TryUse(3, second + 1, second));
        Assert.AreEqual(0, federation.Alpha.Shard.Shard.Endpoint.EarlyData.Count, "who owns it no more knows nothing of it");
    }

    /// <summary>Goal: a connection that a fault of ours ends before or in a move is not part of it, and the others are: no half of it is taken along.</summary>
    [TestMethod]
    [DataRow(0)]
    [DataRow(8)]
    [DataRow(20)]
    public void A_connection_that_a_fault_has_ended_stays_out_of_a_move(int milliseconds)
    {
        Federation federation = new(1);
        List<SimulatedClient> clients = [federation.AddClient(), federation.AddClient()];
        ClientView[] first = [.. clients.Select(client => client.Request("GET", "/bytes/100"))];
        federation.RunUntil(() => first.All(view => view.IsOver), s_limit, "answered");
        ComponentShard source = federation.Alpha.Shard!;
        Connection struck = source.Shard.Endpoint.Connections.First();
        SimulatedClient whole = clients.Single(client => client.Connection.OriginalDestination != struck.OriginalDestination);
        Move move = federation.Migrate("beta");
        federation.Run(TimeSpan.FromMilliseconds(milliseconds));
        bool isServed = federation.Alpha.IsServing && !struck.IsFrozen;
        source.Shard.Endpoint.Abandon(struck, new InvalidCastException());
        federation.Alpha.Data["web"].Wake();
        federation.RunUntil(() => move.IsOver && federation.Beta.IsServing, s_limit, "moved");

        Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
        Assert.IsTrue(isServed || milliseconds > 0);
        Assert.IsTrue(!isServed || federation.Beta.Shard!.ConnectionCount == 1, $"{federation.Describe()}");
        ClientView then = whole.Request("GET", "/bytes/100");
        federation.RunUntil(() => then.IsOver, s_limit, "answered by beta");
        Assert.AreEqual((null, 100), (then.Error, then.Received));
        federation.AssertOneOwner();
    }

    /// <summary>Goal: the same on a bad network, with a move there and a move back.</summary>
    [TestMethod]
    [Seeds(60)]
    public void Two_moves_on_a_bad_network_are_not_seen(ulong seed)
    {
        Federation federation = new(seed, Federation.Lossy, f =>
        {
            f.Inside = seed % 2 == 0 ? Federation.LossyInside : f.Inside;
            f.BlockedOneIn = seed % 3 == 0 ? 5 : 0;
            f.Directory = seed % 5 == 0 ? DirectoryFaults.Bad : f.Directory;
        });
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        Move there = scenario.MoveAt(federation.World.Random.Below(150), "beta");
        federation.RunUntil(() => there.IsOver, s_limit, "moved");
        Assert.IsTrue(there.Report!.Moved, $"{there.Report}\n{federation.Describe()}");
        Move back = scenario.MoveAt(federation.World.Random.Below(100), "alpha");
        federation.RunUntil(() => scenario.IsOver && back.IsOver, s_limit, "over, and moved back");
        Assert.IsTrue(back.Report!.Moved, $"{back.Report}\n{federation.Describe()}");
        scenario.AssertRight();
        federation.Run(TimeSpan.FromSeconds(1));
        federation.AssertOneOwner();
        Assert.AreEqual(3UL, federation.Record.Epoch);
    }

    /// <summary>Goal: what the simulation rests on: the same seed gives the same run, to the last byte and microsecond.</summary>
    [TestMethod]
    [Seeds(4)]
    public void The_same_seed_gives_the_same_run(ulong seed)
    {
        Assert.AreEqual(Run(seed), Run(seed));
        Assert.AreNotEqual(Run(seed), Run(seed + 1000));

        static (ulong, long) Run(ulong seed)
        {
            Federation federation = new(seed, Federation.Lossy, f => f.Directory = DirectoryFaults.Bad);
            Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
            federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
            Move move = scenario.MoveAt(20, "beta");
            federation.RunUntil(() => scenario.IsOver && move.IsOver, s_limit, "over");
            return (federation.TraceHash, federation.Events);
        }
    }
}
