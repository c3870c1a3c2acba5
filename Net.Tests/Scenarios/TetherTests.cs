using Net.Http3.Client.Hosting;
using Net.Http3.Server;
using Net.Http3.Wire;
using Net.Migration.Hosting;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios;

/// <summary>Tethered requests in the whole federation: the connection moves, the handler stays, the client sees nothing of it.</summary>
[TestClass]
public sealed class TetherTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Goal: a move of the connection away from its handler, at every step, changes nothing of what the client sees.
    /// Method: the run without a move gives the steps and the expected view; the source's handlers must have ended, and nothing be left of them.
    /// </summary>
    [TestMethod]
    [DataRow(ScenarioKind.Download)]
    [DataRow(ScenarioKind.Upload)]
    [DataRow(ScenarioKind.Echo)]
    [DataRow(ScenarioKind.Counter)]
    public void A_move_at_every_step_is_not_seen(ScenarioKind kind)
    {
        Federation still = Tethering(1);
        Scenario expected = new(still, kind);
        long first = still.Events;
        still.RunUntil(() => expected.IsOver, s_limit, "over");
        long events = still.Events - first;
        int stayed = 0;
        for (long k = 0; k < events; k += Depth.Stride(events, 25))
        {
            Federation federation = Tethering(1);
            Scenario scenario = new(federation, kind);
            Move move = scenario.MoveAt(k, "beta");
            federation.RunUntil(() => move.IsOver, s_limit, $"moved at event {k}");
            Assert.IsTrue(move.Report!.Moved, $"event {k}: {move.Report}");
            stayed += federation.Alpha.Shard!.Tethers.StayedCount;
            federation.RunUntil(() => scenario.IsOver, s_limit, $"over, after a move at event {k}");
            Assert.AreEqual(expected.ToString(), scenario.ToString(), $"move at event {k}");
            AssertDone(federation);
            Assert.AreEqual(federation.Beta.Member, federation.Record.Owner);
        }

        Assert.IsGreaterThan(5, stayed, "handlers have stayed");
    }

    /// <summary>
    /// Goal: the next owner goes on with the same handler, also the node that the handler is on; on a bad network. (A counter does not come back there:
    /// its handler counts in the component's state, which has moved.)
    /// </summary>
    [TestMethod]
    [Seeds(24)]
    public void Further_moves_attach_the_next_owner(ulong seed)
    {
        Federation federation = Tethering(seed, Federation.Lossy, f => f.Directory = seed % 5 == 0 ? DirectoryFaults.Bad : f.Directory);
        SimulatedNode gamma = federation.AddNode("gamma");
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed && gamma.Machine.IsUp, s_limit, "connected");
        foreach (string to in (ReadOnlySpan<string>)["beta", "gamma", seed % 3 == 0 && seed % 4 != 3 ? "alpha" : "beta"])
        {
            Move move = scenario.MoveAt(federation.World.Random.Below(80), to);
            federation.RunUntil(() => move.IsOver, s_limit, $"moved to {to}");
            Assert.IsTrue(move.Report!.Moved, $"{move.Report}\n{federation.Describe()}");
        }

        federation.RunUntil(() => scenario.IsOver, s_limit, "over");
        scenario.AssertRight();
        AssertDone(federation);
        Assert.AreEqual(4UL, federation.Record.Epoch);
    }

    /// <summary>Goal: links between the nodes may break, as long as new ones can be opened: both ends go on from where they stand.</summary>
    [TestMethod]
    [Seeds(16)]
    public void Broken_links_are_opened_again(ulong seed)
    {
        Federation federation = Tethering(seed);
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        Move move = scenario.MoveAt(federation.World.Random.Below(60), "beta");
        federation.RunUntil(() => move.IsOver, s_limit, "moved");
        for (int i = 0; i < 4 && !scenario.IsOver; i++)
        {
            scenario.RunEvents(federation.World.Random.Below(100));
            federation.CutLinks(federation.Alpha, federation.Beta);
        }

        federation.RunUntil(() => scenario.IsOver, s_limit, "over");
        scenario.AssertRight();
        // The last acknowledgement may be lost with a link: then the handler's end waits for an owner in vain.
        federation.Run(ShardTethers.OwnerPatience);
        AssertDone(federation);
    }

    /// <summary>Goal: a handler whose node is lost takes its own request with it, and nothing else of the connection.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void A_lost_node_resets_its_requests_alone(bool crashes)
    {
        Federation federation = Tethering(3);
        Scenario scenario = new(federation, ScenarioKind.Counter);
        federation.RunUntil(() => scenario.View.Received > 50, s_limit, "under way");
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver && scenario.View.Received > 100, s_limit, "moved");
        federation.LinksWork = false;
        if (crashes)
        {
            federation.Crash(federation.Alpha.Machine);
        }
        else
        {
            federation.CutLinks(federation.Alpha, federation.Beta);
        }

        ClientView other = scenario.Client.Request("GET", "/bytes/20000");
        federation.RunUntil(() => scenario.IsOver && other.IsOver, s_limit, "over");
        StringAssert.Contains(scenario.View.Error, nameof(Http3ErrorCode.InternalError), scenario.View.Error);
        Assert.IsTrue(other.IsComplete && other.Received == 20_000, other.ToString());
        Assert.IsTrue(scenario.Client.IsOpen);
        federation.Run(TimeSpan.FromSeconds(2));
        Assert.AreEqual(0, federation.Beta.Shard!.Tethers.Count);
        if (!crashes)
        {
            federation.Run(ShardTethers.OwnerPatience + TimeSpan.FromSeconds(2));
            Assert.AreEqual(0, federation.Alpha.Shard!.Tethers.StayedCount, "nobody waits for its response");
        }
    }

    /// <summary>Goal: a request that takes longer than its deadline is reset, at both ends.</summary>
    [TestMethod]
    public void A_deadline_ends_a_request()
    {
        Federation federation = Tethering(4, configure: f => f.TetherDeadline = TimeSpan.FromSeconds(2));
        SimulatedClient client = federation.AddClient();
        ClientView view = client.Request("GET", "/counter/2000");
        federation.RunUntil(() => view.Received > 50, s_limit, "under way");
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver, s_limit, "moved");
        federation.RunUntil(() => view.IsOver, TimeSpan.FromSeconds(3), "over");
        StringAssert.Contains(view.Error, nameof(Http3ErrorCode.InternalError), view.Error);
        Assert.IsTrue(client.IsOpen);
        federation.Run(TimeSpan.FromSeconds(1));
        AssertDone(federation);
    }

    /// <summary>Goal: a client that gives its request up ends the handler where that is.</summary>
    [TestMethod]
    public void A_client_that_gives_up_ends_the_handler()
    {
        Federation federation = Tethering(5);
        SimulatedClient client = federation.AddClient();
        ClientView view = new("counter", federation.World);
        ClientExchange exchange = client.Owner.Http3.NewExchange();
        _ = view.RunAsync(exchange, new("GET", "https", "web.test", "/counter/2000", new()), upload: null);
        federation.RunUntil(() => view.Received > 50, s_limit, "under way");
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver && view.Received > 100, s_limit, "moved");
        Assert.AreEqual(1, federation.Alpha.Shard!.Tethers.StayedCount);
        exchange.Cancel();
        federation.RunUntil(() => federation.Alpha.Shard!.Tethers.StayedCount == 0, TimeSpan.FromSeconds(2), "ended");
    }

    /// <summary>Goal: a client that gives up while no link is there ends the handler as soon as one is, and leaves nothing at the owner.</summary>
    [TestMethod]
    public void A_client_that_gives_up_between_links_ends_the_handler()
    {
        Federation federation = Tethering(6);
        SimulatedClient client = federation.AddClient();
        ClientView view = new("counter", federation.World);
        ClientExchange exchange = client.Owner.Http3.NewExchange();
        _ = view.RunAsync(exchange, new("GET", "https", "web.test", "/counter/2000", new()), upload: null);
        federation.RunUntil(() => view.Received > 50, s_limit, "under way");
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver && view.Received > 100, s_limit, "moved");
        federation.LinksWork = false;
        federation.CutLinks(federation.Alpha, federation.Beta);
        // The owner has noticed; a word that is lost with the link costs the source its patience instead.
        federation.Run(TimeSpan.FromSeconds(1));
        exchange.Cancel();
        federation.Run(TimeSpan.FromSeconds(1));
        Assert.AreEqual(1, federation.Alpha.Shard!.Tethers.StayedCount, "it does not know");
        federation.LinksWork = true;
        federation.RunUntil(() => federation.Alpha.Shard!.Tethers.StayedCount == 0, TimeSpan.FromSeconds(5), "ended");
        federation.Run(TimeSpan.FromSeconds(2));
        AssertDone(federation);
    }

    /// <summary>Goal: a move that comes to nothing lets the handler run on with its own connection.</summary>
    [TestMethod]
    [Seeds(20)]
    public void An_aborted_move_lets_the_handler_run_on(ulong seed)
    {
        Federation federation = Tethering(seed);
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        Move move = scenario.MoveAt(federation.World.Random.Below(60), "beta");
        federation.RunUntil(() => federation.Links.Any(l => l.Joins(federation.Alpha.Machine, federation.Beta.Machine)) || move.IsOver, s_limit, "begun");
        scenario.RunEvents(federation.World.Random.Below(30));
        federation.Crash(federation.Beta.Machine);
        federation.RunUntil(() => scenario.IsOver && move.IsOver, s_limit, "over");
        if (!move.Report!.Moved)
        {
            scenario.AssertRight();
            Assert.AreEqual(0, federation.Alpha.Shard!.Tethers.Count);
        }
    }

    private static Federation Tethering(ulong seed, NetworkConditions? outside = null, Action<Federation>? configure = null) => new(seed, outside, f =>
    {
        f.Running = RunningRequests.Tether;
        configure?.Invoke(f);
    });

    /// <summary>One owner, and nothing left of any tether.</summary>
    private static void AssertDone(Federation federation)
    {
        federation.Run(TimeSpan.FromSeconds(2));
        federation.AssertOneOwner();
        foreach (SimulatedNode node in federation.Nodes)
        {
            Assert.AreEqual(0, node.Shard?.Tethers.Count ?? 0, $"{node.Member} holds a tether\n{federation.Describe()}");
        }
    }
}
