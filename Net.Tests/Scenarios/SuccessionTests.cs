using Net.Migration.Link;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios;

/// <summary>A new process of a node takes over from the old one of the same name: two lives of one name, for as long as the hand-over takes.</summary>
[TestClass]
public sealed class SuccessionTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>Goal: everything goes to the new life by ordinary moves, no client sees it, and the name stays one node's.</summary>
    [TestMethod]
    [Seeds(20)]
    public void A_successor_takes_everything_over(ulong seed)
    {
        Federation federation = new(seed, seed % 2 == 0 ? Federation.Lossy : null);
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        (SimulatedNode next, TaskCompletionSource<DrainReport?> drained) = Succeed(federation);
        federation.RunUntil(() => drained.Task.IsCompleted, s_limit, "handed over");
        Assert.AreEqual(MigrateCode.None, drained.Task.Result!.Code, $"{drained.Task.Result}\n{federation.Describe()}");
        Assert.AreEqual(next.Member, federation.Record.Owner);
        federation.Crash(federation.Alpha.Machine);
        federation.RunUntil(() => scenario.IsOver, s_limit, "over");
        scenario.AssertRight();
        federation.Run(TimeSpan.FromSeconds(5));
        federation.AssertOneOwner();
        Assert.AreEqual(2UL, federation.Record.Epoch, "the end of the old life took nothing from the new one");
    }

    /// <summary>Goal: whichever life dies in the middle, there is one owner in the end, and none of them ever sends beside the other (the audit sees to that).</summary>
    [TestMethod]
    [Seeds(40)]
    public void Either_life_may_die_on_the_way(ulong seed)
    {
        Federation federation = new(seed);
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        (SimulatedNode next, _) = Succeed(federation);
        scenario.RunEvents(federation.World.Random.Below(250));
        federation.Crash(seed % 2 == 0 ? federation.Alpha.Machine : next.Machine);
        federation.RunUntil(() => scenario.IsOver, TimeSpan.FromSeconds(120), "over");
        federation.Run(TimeSpan.FromSeconds(10));
        federation.AssertOneOwner();
    }

    /// <summary>
    /// Goal: a successor that dies on its way harms nobody: the former life goes on under its name, and the next successor takes everything over.
    /// Method: an ingress that knows one life of a name only by its latest would refuse the next one for ever.
    /// </summary>
    [TestMethod]
    [Seeds(20)]
    public void After_a_dead_successor_the_next_one_takes_over(ulong seed)
    {
        Federation federation = new(seed);
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        (SimulatedNode first, TaskCompletionSource<DrainReport?> drained) = Succeed(federation);
        scenario.RunEvents(federation.World.Random.Below(60));
        federation.Crash(first.Machine);
        federation.RunUntil(() => drained.Task.IsCompleted && federation.HasSaid("and goes on") && federation.Alpha.IsServing, s_limit, "gone on");
        federation.Alpha.State.Stay();
        (SimulatedNode next, drained) = Succeed(federation);
        federation.RunUntil(() => drained.Task.IsCompleted, s_limit, "handed over");
        Assert.AreEqual(MigrateCode.None, drained.Task.Result!.Code, $"{drained.Task.Result}\n{federation.Describe()}");
        Assert.AreEqual(next.Member, federation.Record.Owner);
        federation.Run(TimeSpan.FromSeconds(5));
        federation.AssertOneOwner();
    }

    /// <summary>Goal: an ingress that is restarted while both lives are there takes both, and nothing from either, whichever comes first.</summary>
    [TestMethod]
    [Seeds(10)]
    public void An_ingress_that_is_restarted_takes_both_lives(ulong seed)
    {
        Federation federation = new(seed);
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        (SimulatedNode next, TaskCompletionSource<DrainReport?> drained) = Succeed(federation);
        federation.RunUntil(() => drained.Task.IsCompleted, s_limit, "handed over");
        federation.Crash(federation.Ingress.Machine);
        federation.Run(federation.World.Random.Between(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(2)));
        federation.RestartIngress();
        federation.Run(TimeSpan.FromSeconds(15));
        federation.AssertOneOwner();
        Assert.AreEqual((next.Member, 2UL), (federation.Record.Owner, federation.Record.Epoch), federation.Describe());
        Assert.AreEqual((1, 1), (federation.Alpha.State.Health.Ingresses, next.State.Health.Ingresses), federation.Describe());
    }

    /// <summary>Goal: a name in use is not given to anybody whom its owner has not announced.</summary>
    [TestMethod]
    public void A_stranger_of_the_same_name_is_refused()
    {
        Federation federation = new(3);
        SimulatedNode stranger = federation.AddNode("alpha");
        federation.Run(TimeSpan.FromSeconds(3));
        Assert.IsTrue(federation.HasSaid("alpha is in use"), federation.Describe());
        Assert.AreEqual(federation.Alpha.Member, federation.Record.Owner);
        Assert.IsFalse(stranger.IsServing);
    }

    private static (SimulatedNode Next, TaskCompletionSource<DrainReport?> Drained) Succeed(Federation federation)
    {
        TaskCompletionSource<bool> noted = new();
        TaskCompletionSource joined = new();
        ulong incarnation = federation.World.Random.Next() | 1;
        federation.Alpha.State.OfferSuccession(incarnation, noted, joined);
        federation.RunUntil(() => noted.Task.IsCompleted, s_limit, "announced");
        Assert.IsTrue(noted.Task.Result);
        SimulatedNode next = federation.AddNode("alpha", incarnation);
        federation.RunUntil(() => joined.Task.IsCompleted, s_limit, "joined");
        TaskCompletionSource<DrainReport?> drained = new();
        federation.Alpha.State.Drain("alpha", TimeSpan.FromSeconds(30), drained);
        return (next, drained);
    }
}
