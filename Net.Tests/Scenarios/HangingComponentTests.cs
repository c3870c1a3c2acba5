using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios;

/// <summary>Components whose own code never gives their thread back: what becomes of their moves, and of what else their nodes have.</summary>
[TestClass]
public sealed class HangingComponentTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Goal: a component that hangs in its restoring fails its move when that has had its time: the source serves on, all clients lose nothing, the destination lives and takes
    /// others, but not this one, which is refused at once instead of being frozen again; when it has come to itself, it moves.
    /// Method: its thread at beta does nothing from the end of the final state on.
    /// </summary>
    [TestMethod]
    [Seeds(12)]
    public void One_that_never_restores_stays_where_it_was(ulong seed)
    {
        Federation federation = Begin(seed, out Scenario web);
        bool hangs = false;
        federation.OnLinkMessage = (_, message) =>
        {
            if (message is FinalEndMessage && !hangs)
            {
                hangs = true;
                federation.Beta.Hang("web");
            }
        };
        Move move = federation.Migrate("beta", TimeSpan.FromSeconds(2));
        federation.RunUntil(() => move.IsOver, s_limit, "given up");
        Assert.IsTrue(hangs);
        Assert.AreEqual((false, MigrateCode.Timeout, 2ul), (move.Report!.Moved, move.Report.Code, move.Report.Epoch), $"{move.Report}");
        federation.AssertOneOwner();
        Assert.IsTrue(federation.Alpha.IsServing);

        Move shop = federation.Migrate("beta", component: "shop");
        federation.RunUntil(() => shop.IsOver, s_limit, "the others moved");
        Assert.IsTrue(shop.Report!.Moved, $"{shop.Report}");
        federation.Run(FailureDetector.Timeout);
        Move again = federation.Migrate("beta", TimeSpan.FromSeconds(2));
        federation.RunUntil(() => again.IsOver, TimeSpan.FromSeconds(1), "refused before its time");
        Assert.AreEqual((false, MigrateCode.Refused, 2ul), (again.Report!.Moved, again.Report.Code, again.Report.Epoch), $"{again.Report}");
        Assert.AreEqual("beta", federation.RecordOf("shop").Owner.Name);

        federation.Beta.GoOn("web");
        federation.Run(TimeSpan.FromMilliseconds(50));
        Assert.AreEqual(DataMode.Idle, federation.Beta.Shard!.Channel.Mode);
        Move last = federation.Migrate("beta");
        federation.RunUntil(() => last.IsOver && web.IsOver, s_limit, "moved, and over");
        Assert.IsTrue(last.Report!.Moved, $"{last.Report}");
        web.AssertRight();
        federation.AssertOneOwner();
    }

    /// <summary>
    /// Goal: one that hangs when it begins to be served has moved: its clients wait, its node lives, keeps it and takes others; nothing is lost when it goes on.
    /// Method: its thread at beta does nothing from the commit on.
    /// </summary>
    [TestMethod]
    [Seeds(12)]
    public void One_that_never_begins_to_serve_keeps_its_own_clients_waiting(ulong seed)
    {
        Federation federation = Begin(seed, out Scenario web);
        federation.OnLinkMessage = (_, message) =>
        {
            if (message is OwnershipAskMessage { Request: MoveOwnership { Component: "web" } })
            {
                federation.Beta.Hang("web");
            }
        };
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver, s_limit, "moved");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
        federation.OnLinkMessage = (_, _) => { };
        int received = web.View.Received;
        Move shop = federation.Migrate("beta", component: "shop");
        federation.RunUntil(() => shop.IsOver, s_limit, "the others moved");
        Assert.IsTrue(shop.Report!.Moved, $"{shop.Report}");
        federation.Run(FailureDetector.Timeout);
        Assert.AreEqual(("beta", 2ul), (federation.Record.Owner.Name, federation.Record.Epoch), "nobody takes its node for dead");
        Assert.AreEqual(received, web.View.Received);

        federation.Beta.GoOn("web");
        federation.RunUntil(() => web.IsOver, s_limit, "over");
        web.AssertRight();
        federation.AssertOneOwner();
    }

    /// <summary>Goal: the stall that a move's report tells of lasts until what is told of the new epoch has returned, also when no client is there to notice.</summary>
    [TestMethod]
    public void What_takes_long_to_begin_is_part_of_the_stall()
    {
        TimeSpan takes = TimeSpan.FromMilliseconds(300);
        Federation federation = new(1, configure: f => f.TellsServing = true);
        federation.OnLinkMessage = (_, message) =>
        {
            if (message is OwnershipAskMessage { Request: MoveOwnership })
            {
                federation.Beta.Hang("web");
                federation.World.After(takes, () => federation.Beta.GoOn("web"));
            }
        };
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver, s_limit, "moved");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
        Assert.IsGreaterThan(takes, move.Report.Freeze);
        federation.AssertOneOwner();
    }

    private static Federation Begin(ulong seed, out Scenario web)
    {
        Federation federation = new(seed, seed % 2 == 0 ? Federation.Lossy : null, f => (f.HasShop, f.TellsServing) = (true, true));
        federation.RunUntil(() => federation.Ingress.Directory.Records.Count == 2, s_limit, "both records made");
        Scenario scenario = web = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed && (scenario.View.Received > 0 || seed % 4 == (ulong)ScenarioKind.Upload), s_limit, "under way");
        return federation;
    }
}
