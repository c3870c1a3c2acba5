using Net.Migration.Link;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios;

/// <summary>Two ingresses at once, with a directory somewhere else, of which each hears in its own time; clients go by way of either.</summary>
[TestClass]
public sealed class SeveralIngressesTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>Goal: moves, by order of either ingress, are seen by no client of any; on a clean network not even by their congestion control.</summary>
    [TestMethod]
    [Seeds(16)]
    public void Clients_of_either_ingress_see_nothing_of_moves(ulong seed)
    {
        bool isClean = seed % 2 == 1;
        Federation federation = New(seed, isClean, f =>
        {
            f.Inside = seed % 4 == 0 ? Federation.LossyInside : f.Inside;
            f.Directory = seed % 6 == 0 ? DirectoryFaults.Bad : f.Directory;
        });
        Scenario[] scenarios = Begin(federation, seed);
        foreach ((string to, uint by) in ((string, uint)[])[("beta", 1 + (uint)(seed % 2)), ("alpha", 2 - (uint)(seed % 2))])
        {
            scenarios[0].RunEvents(federation.World.Random.Below(150));
            Move move;
            do
            {
                // A directory that does not answer is asked again by whoever gave the command.
                move = federation.Migrate(to, by: by);
                federation.RunUntil(() => move.IsOver, s_limit, "answered");
            }
            while (move.Report!.Code == MigrateCode.Unreachable);

            Assert.IsTrue(move.Report!.Moved, $"{move.Report}\n{federation.Describe()}");
        }

        federation.RunUntil(() => scenarios.All(s => s.IsOver), s_limit, "over");
        AssertRight(federation, scenarios);
        Assert.AreEqual(3UL, federation.Record.Epoch);
        Assert.IsTrue(!isClean || scenarios.All(s => s.HadNoCongestion), "a congestion event");
    }

    /// <summary>
    /// Goal: an ingress that hears late of a move passes nothing of the new owner on that it has not confirmed, asks the directory itself, and drops nothing: its clients
    /// wait for the answer, and not for the news. Method: the news come long after any answer; in the moment of the commit its fence has to be the old one.
    /// </summary>
    [TestMethod]
    [Seeds(12)]
    public void An_ingress_that_lags_behind_asks_and_drops_nothing(ulong seed)
    {
        bool isClean = seed % 2 == 1;
        Federation federation = New(seed, isClean);
        Scenario[] scenarios = Begin(federation, seed);
        federation.Lag(2, federation.World.Random.Between(TimeSpan.FromMilliseconds(1000), TimeSpan.FromMilliseconds(2500)));
        bool isCommitted = false;
        federation.OnLinkMessage = (_, message) => isCommitted |= message is CommittedMessage;
        scenarios[0].RunEvents(federation.World.Random.Below(100));
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => isCommitted, s_limit, "committed");
        Assert.AreEqual(1UL, federation.Ingresses[1].Fence(federation.Record.Shard), "it has heard of it at once");
        if (isClean)
        {
            // On a bad network the new owner may have nothing to say for a while.
            federation.RunUntil(() => federation.Ingresses[1].Fence(federation.Record.Shard) == 2, TimeSpan.FromMilliseconds(500), "asked for");
        }

        federation.RunUntil(() => move.IsOver && scenarios.All(s => s.IsOver), s_limit, "over");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}\n{federation.Describe()}");
        AssertRight(federation, scenarios);
        Assert.AreEqual(2UL, federation.Record.Epoch);
        Assert.IsTrue(!isClean || scenarios.All(s => s.HadNoCongestion), "something was dropped");
    }

    /// <summary>
    /// Goal: an ingress that is killed at any moment of a move, and replaced, costs its clients time and nothing else; those of the other one not even that.
    /// Method: what is said on links counts the moments; either ingress is killed, that which ordered the move or the other.
    /// </summary>
    [TestMethod]
    [Seeds(28)]
    public void An_ingress_that_is_replaced_during_a_move_is_a_stall(ulong seed)
    {
        Federation federation = New(seed, isClean: seed % 2 == 1);
        Scenario[] scenarios = Begin(federation, seed);
        SimulatedRandom random = federation.World.Random;
        scenarios[0].RunEvents(random.Below(60));
        (uint dies, int at) = (1 + (uint)random.Below(2), random.Below(14));
        bool isDown = false;
        federation.OnLinkMessage = (_, message) =>
        {
            if (message is not (HeartbeatMessage or HeartbeatReplyMessage) && at-- == 0)
            {
                // What is being said is said.
                federation.World.After(TimeSpan.Zero, () =>
                {
                    isDown = true;
                    federation.Crash(federation.Ingresses[(int)dies - 1].Machine);
                    federation.World.After(random.Between(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(3)), () => federation.RestartIngress(dies));
                });
            }
        };
        Move move = federation.Migrate("beta");
        // Who ordered the move may have died with it: then nobody is told.
        federation.RunUntil(() => isDown || move.IsOver, s_limit, "killed, or too late for that");
        federation.RunUntil(() => scenarios.All(s => s.IsOver), s_limit, "over");
        federation.OnLinkMessage = (_, _) => { };
        federation.Run(TimeSpan.FromSeconds(12));
        AssertRight(federation, scenarios);
        Assert.IsFalse(federation.HasSaid("took web over"), "somebody was taken for dead");
        foreach (uint by in (ReadOnlySpan<uint>)[1, 2])
        {
            Scenario again = new(federation, ScenarioKind.Echo, ingress: by);
            federation.RunUntil(() => again.IsConfirmed, s_limit, "connected again");
            Move next = federation.Migrate(federation.Record.Owner.Name == "alpha" ? "beta" : "alpha", by: by);
            federation.RunUntil(() => next.IsOver && again.IsOver, s_limit, "moved later");
            Assert.IsTrue(next.Report!.Moved, $"seed {seed}: {next.Report}\n{federation.Describe()}");
            again.AssertRight();
        }
    }

    private static Federation New(ulong seed, bool isClean, Action<Federation>? configure = null) => new(seed, isClean ? null : Federation.Lossy, f =>
    {
        f.IngressCount = 2;
        configure?.Invoke(f);
    });

    /// <summary>A client of each ingress, at different things.</summary>
    private static Scenario[] Begin(Federation federation, ulong seed)
    {
        Scenario[] scenarios = [new(federation, (ScenarioKind)(seed / 2 % 4), ingress: 1), new(federation, (ScenarioKind)(((seed / 2) + 1) % 4), ingress: 2)];
        federation.RunUntil(() => scenarios.All(s => s.IsConfirmed), s_limit, "connected");
        return scenarios;
    }

    private static void AssertRight(Federation federation, Scenario[] scenarios)
    {
        foreach (Scenario scenario in scenarios)
        {
            scenario.AssertRight();
        }

        federation.AssertOneOwner();
    }
}
