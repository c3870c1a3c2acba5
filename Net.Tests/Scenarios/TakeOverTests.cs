using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios;

/// <summary>Forced take-overs, and owners that are suspected wrongly.</summary>
[TestClass]
public sealed class TakeOverTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    /// <summary>Goal: a component whose owner dies is served by the next host; clients of the dead one learn that their connection has ended.</summary>
    [TestMethod]
    [Seeds(10)]
    public void A_dead_owners_component_is_taken_over(ulong seed)
    {
        Federation federation = new(seed);
        Scenario scenario = new(federation, ScenarioKind.Counter);
        federation.RunUntil(() => scenario.View.Received > 16, s_limit, "under way");
        federation.Crash(federation.Alpha.Machine);
        federation.RunUntil(() => federation.Beta.IsServing, TimeSpan.FromSeconds(5), "taken over");
        Scenario next = new(federation, ScenarioKind.Download);
        federation.RunUntil(() => scenario.IsOver && next.IsOver, s_limit, "over");
        next.AssertRight();
        Assert.IsNotNull(scenario.View.Error);
        federation.AssertOneOwner();
        Assert.AreEqual(2UL, federation.Record.Epoch);
    }

    /// <summary>
    /// Goal: a living owner that is wrongly taken for dead is silent when its lease ends, and for ever once it hears of its successor; it can join
    /// again and be moved to. Method: stop it for some time, by a clock that goes on; the audit sees all that it sends.
    /// </summary>
    [TestMethod]
    [Seeds(30)]
    public void A_suspected_owner_that_wakes_is_silent(ulong seed)
    {
        Suspect(seed, clockStops: false, _ => { });
    }

    /// <summary>
    /// Goal: the fence alone suffices: an owner whose clock stood still believes in its lease and sends, and nothing of it passes.
    /// </summary>
    [TestMethod]
    [Seeds(30)]
    public void A_suspected_owner_without_a_sense_of_time_is_fenced(ulong seed)
    {
        Suspect(seed, clockStops: true, federation => Assert.IsGreaterThan(0, federation.Ingress.Counters.Fenced));
    }

    private static void Suspect(ulong seed, bool clockStops, Action<Federation> check)
    {
        Federation federation = new(seed);
        Scenario scenario = new(federation, ScenarioKind.Counter);
        federation.RunUntil(() => scenario.View.Received > 16, s_limit, "under way");
        federation.Alpha.Machine.Pause(clockStops);
        // What the client goes on to send is waiting for it when it wakes.
        federation.RunUntil(() => federation.Beta.IsServing, TimeSpan.FromSeconds(5), "taken over");
        federation.Run(federation.World.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(2)));
        Scenario next = new(federation, ScenarioKind.Counter);
        federation.Run(federation.World.Random.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(200)));
        federation.Alpha.Machine.Continue();
        federation.RunUntil(() => scenario.IsOver && next.IsOver, s_limit, "over");
        next.AssertRight();
        Assert.IsNotNull(scenario.View.Error);
        check(federation);
        federation.AssertOneOwner();
        Scenario last = new(federation, ScenarioKind.Echo);
        Move move = last.MoveAt(100, "alpha");
        federation.RunUntil(() => last.IsOver && move.IsOver, s_limit, "moved back");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}\n{federation.Describe()}");
        last.AssertRight();
    }

    /// <summary>Goal: a pause that is too short to be taken for death costs time, nothing else.</summary>
    [TestMethod]
    [Seeds(10)]
    public void A_short_pause_costs_nothing_but_time(ulong seed)
    {
        Federation federation = new(seed);
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        scenario.RunEvents(federation.World.Random.Below(200));
        federation.Alpha.Machine.Pause();
        federation.Run(TimeSpan.FromMilliseconds(1 + federation.World.Random.Below(1900)));
        federation.Alpha.Machine.Continue();
        federation.RunUntil(() => scenario.IsOver, s_limit, "over");
        scenario.AssertRight();
        Assert.AreEqual(1UL, federation.Record.Epoch);
    }

    /// <summary>Goal: an ingress that crashes and starts again is a stall: connections go on, under the owner and epoch that it finds in its log.</summary>
    [TestMethod]
    [Seeds(20)]
    public void A_restart_of_the_ingress_is_a_stall(ulong seed)
    {
        Federation federation = new(seed, seed % 2 == 0 ? Federation.Lossy : null);
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        if (seed % 3 == 0)
        {
            Move move = scenario.MoveAt(10, "beta");
            federation.RunUntil(() => move.IsOver, s_limit, "moved");
            Assert.IsTrue(move.Report!.Moved);
        }

        scenario.RunEvents(federation.World.Random.Below(100));
        ulong epoch = federation.Record.Epoch;
        federation.Crash(federation.Ingress.Machine);
        federation.Run(TimeSpan.FromMilliseconds(1 + federation.World.Random.Below(5000)));
        federation.RestartIngress();
        federation.RunUntil(() => scenario.IsOver, s_limit, "over");
        scenario.AssertRight();
        Assert.AreEqual(epoch, federation.Record.Epoch);
        federation.AssertOneOwner();
    }

    /// <summary>
    /// Goal: a client that begins while the ingress is away is served when it is back, although what the ingress holds for it reaches the node before the
    /// ingress has introduced itself there.
    /// </summary>
    [TestMethod]
    [Seeds(20)]
    public void A_client_that_begins_without_an_ingress_is_served(ulong seed)
    {
        Federation federation = new(seed, configure: f => (f.LinkMinDelay, f.LinkMaxDelay) = (TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(50)));
        SimulatedClient first = federation.AddClient();
        ClientView before = first.Request("GET", "/bytes/100");
        federation.RunUntil(() => before.IsOver, s_limit, "answered");
        federation.Crash(federation.Ingress.Machine);
        federation.RestartIngress();
        SimulatedClient client = federation.AddClient();
        ClientView view = client.Request("GET", "/bytes/100");
        federation.RunUntil(() => view.IsOver, TimeSpan.FromSeconds(5), "answered");
        Assert.AreEqual(100, view.Received, view.ToString());
        federation.AssertOneOwner();
    }
}
