using Net.Migration.Link;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios;

/// <summary>Without an ingress: a node's own process has the port and the directory, and passes on to whoever owns the component.</summary>
[TestClass]
public sealed class RelayTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>Goal: a component moves away from the relay and comes back to it, at any moment; its client sees nothing of either.</summary>
    [TestMethod]
    [Seeds(12)]
    public void A_component_moves_away_from_its_relay_and_back(ulong seed)
    {
        bool isClean = seed % 2 == 1;
        Federation federation = new(seed, isClean ? null : Federation.Lossy, f => f.IsRelay = true);
        Scenario scenario = new(federation, (ScenarioKind)(seed / 2 % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        foreach (string to in (ReadOnlySpan<string>)["beta", "alpha"])
        {
            Move move = scenario.MoveAt(federation.World.Random.Below(120), to);
            federation.RunUntil(() => move.IsOver, s_limit, "moved");
            Assert.IsTrue(move.Report!.Moved, $"{move.Report}\n{federation.Describe()}");
        }

        federation.RunUntil(() => scenario.IsOver, s_limit, "over");
        scenario.AssertRight();
        federation.AssertOneOwner();
        Assert.IsTrue(!isClean || scenario.HadNoCongestion, "a congestion event");
    }

    /// <summary>
    /// Goal: a relay that is killed at any moment of a move takes its directory and its port with it; when it is back there is one owner. What had been
    /// handed over by then goes on, anything else ends with an error: nobody guesses.
    /// </summary>
    [TestMethod]
    [Seeds(20)]
    public void A_relay_that_is_killed_during_a_move_leaves_one_owner(ulong seed)
    {
        Federation federation = new(seed, seed % 2 == 1 ? null : Federation.Lossy, f => f.IsRelay = true);
        SimulatedRandom random = federation.World.Random;
        Scenario scenario = new(federation, (ScenarioKind)(seed / 2 % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        scenario.RunEvents(random.Below(60));
        int at = random.Below(14);
        bool isDown = false;
        federation.OnLinkMessage = (_, message) =>
        {
            if (message is not (HeartbeatMessage or HeartbeatReplyMessage) && at-- == 0)
            {
                federation.World.After(TimeSpan.Zero, () =>
                {
                    isDown = true;
                    federation.Crash(federation.Alpha.Machine);
                });
            }
        };
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => isDown || move.IsOver, s_limit, "killed, or too late for that");
        if (!isDown)
        {
            federation.Crash(federation.Alpha.Machine);
        }

        federation.OnLinkMessage = (_, _) => { };
        federation.Run(random.Between(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(4)));
        federation.RestartIngress();
        federation.AddNode("alpha", machine: federation.Ingress.Machine);
        federation.RunUntil(() => scenario.IsOver, s_limit, "over");
        federation.Run(TimeSpan.FromSeconds(6));
        federation.AssertOneOwner();
        bool wasHandedOver = !federation.HasSaid("took web over");
        Assert.IsTrue(scenario.IsRight || (!wasHandedOver && scenario.View.Error is not null), $"seed {seed}: {scenario}\n{federation.Describe()}");

        Scenario again = new(federation, ScenarioKind.Counter);
        federation.RunUntil(() => again.IsOver, s_limit, "served again");
        Assert.IsNull(again.View.Error);
    }
}
