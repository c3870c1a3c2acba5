using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Net.Tests.Migration.Hosting;

/// <summary>What the desk does to empty a node.</summary>
[TestClass]
public sealed class ControlDrainsTests
{
    private readonly DeskWorld _world = new();

    /// <summary>Goal: moves are asked for one at a time, each from the owner, to who has least; the answer tells all of them.</summary>
    [TestMethod]
    public void Components_go_one_after_the_other()
    {
        FakePeer a = Owner("web", "api");
        _world.Join("b", 2, "web", "api");
        FakePeer command = _world.Connect("admin");
        _world.Say(command, new DrainMessage(9, "a", "", TimeSpan.FromSeconds(30)));
        MigrateMessage first = a.Only<MigrateMessage>();
        Assert.AreEqual(("api", "b"), (first.Component, first.To));
        Moved(a, first);
        MigrateMessage second = a.Last<MigrateMessage>();
        Assert.AreEqual(("web", "b"), (second.Component, second.To));
        Moved(a, second);
        DrainReplyMessage reply = command.Only<DrainReplyMessage>();
        Assert.AreEqual((9ul, MigrateCode.None, 2, 0), (reply.Id, reply.Report.Code, reply.Report.Moves.Count, reply.Report.Remaining.Count));
    }

    /// <summary>Goal: with no other host that is alive it ends at once; so does one for nobody.</summary>
    [TestMethod]
    public void Without_another_host_it_ends_at_once()
    {
        FakePeer a = Owner("web");
        FakePeer command = _world.Connect("admin");
        _world.Say(command, new DrainMessage(1, "a", "", TimeSpan.FromSeconds(30)));
        Assert.AreEqual((MigrateCode.Refused, "web"), (command.Last<DrainReplyMessage>().Report.Code, command.Last<DrainReplyMessage>().Report.Remaining.Single()));
        _world.Say(command, new DrainMessage(2, "x", "", TimeSpan.FromSeconds(30)));
        Assert.AreEqual(MigrateCode.UnknownNode, command.Last<DrainReplyMessage>().Report.Code);
        Assert.IsEmpty(a.Heard.OfType<MigrateMessage>());
    }

    /// <summary>Goal: a move that fails is tried with the next host; one that nobody takes stays, and the answer names it.</summary>
    [TestMethod]
    public void A_failed_move_is_tried_elsewhere()
    {
        FakePeer a = Owner("web");
        _world.Join("b", 2, "web");
        _world.Join("c", 3, "web");
        FakePeer command = _world.Connect("admin");
        _world.Say(command, new DrainMessage(1, "a", "", TimeSpan.FromSeconds(30)));
        foreach (string to in (ReadOnlySpan<string>)["b", "c"])
        {
            MigrateMessage move = a.Last<MigrateMessage>();
            Assert.AreEqual(to, move.To);
            _world.Say(a, new MigrateReplyMessage(move.Id, MigrateReport.NotMoved(move, null, MigrateCode.Refused, "no room")));
        }

        DrainReport report = command.Only<DrainReplyMessage>().Report;
        Assert.AreEqual((MigrateCode.Refused, 2, "web"), (report.Code, report.Moves.Count, report.Remaining.Single()));
    }

    /// <summary>Goal: where one destination alone will do, or is there, a move has all the time that there is; else enough is left for the next.</summary>
    [TestMethod]
    [DataRow("b", true, 60)]
    [DataRow("", false, 60)]
    [DataRow("", true, 10)]
    public void A_move_to_the_only_destination_may_take_all_the_time(string to, bool isThereAnother, int seconds)
    {
        FakePeer a = Owner("web");
        _world.Join("b", 2, "web");
        if (isThereAnother)
        {
            _world.Join("c", 3, "web");
        }

        _world.Say(a, new DrainMessage(1, "a", to, TimeSpan.FromSeconds(60)));
        Assert.AreEqual(TimeSpan.FromSeconds(seconds), a.Only<MigrateMessage>().Timeout);
    }

    /// <summary>Goal: a long request keeps a component for as long as the drain was given and no longer; the end says that it was the time.</summary>
    [TestMethod]
    public void The_last_of_several_hosts_gets_all_that_is_left()
    {
        FakePeer a = Owner("web"), b = _world.Join("b", 2, "web"), c = _world.Join("c", 3, "web"), command = _world.Connect("admin");
        _world.Say(command, new DrainMessage(1, "a", "", TimeSpan.FromSeconds(300)));
        PassAll(10, a, b, c);
        Late(a, a.Only<MigrateMessage>());
        MigrateMessage last = a.Last<MigrateMessage>();
        Assert.AreEqual(("c", TimeSpan.FromSeconds(290)), (last.To, last.Timeout));
        PassAll(290, a, b, c);
        Late(a, last);
        DrainReport report = command.Only<DrainReplyMessage>().Report;
        Assert.AreEqual((MigrateCode.Timeout, "web", 2), (report.Code, report.Remaining.Single(), report.Moves.Count));
    }

    /// <summary>Goal: a component whose share of the time was too short has another try with what the others have left.</summary>
    [TestMethod]
    public void Who_was_late_is_tried_again_behind_the_others()
    {
        FakePeer a = Owner("web", "api"), b = _world.Join("b", 2, "web", "api"), command = _world.Connect("admin");
        _world.Say(command, new DrainMessage(1, "a", "", TimeSpan.FromSeconds(60)));
        MigrateMessage api = a.Only<MigrateMessage>();
        Assert.AreEqual(("api", TimeSpan.FromSeconds(30)), (api.Component, api.Timeout));
        PassAll(30, a, b);
        Late(a, api);
        Assert.AreEqual("web", a.Last<MigrateMessage>().Component);
        Moved(a, a.Last<MigrateMessage>());
        Assert.HasCount(2, a.Heard.OfType<MigrateMessage>(), "not at once: whoever answers late on the spot must not be asked without end");
        Assert.IsLessThanOrEqualTo(TimeSpan.FromMilliseconds(200), _world.Desk.Deadline - _world.Now);
        _world.Pass(0.2);
        api = a.Last<MigrateMessage>();
        Assert.AreEqual(("api", TimeSpan.FromSeconds(29.8)), (api.Component, api.Timeout));
        Moved(a, api);
        Assert.AreEqual(MigrateCode.None, command.Only<DrainReplyMessage>().Report.Code);
    }

    private void PassAll(int seconds, params FakePeer[] peers)
    {
        for (int i = 0; i < seconds; i++)
        {
            _world.Pass(1);
            _world.Beat(peers);
        }
    }

    private void Late(FakePeer owner, MigrateMessage move) =>
        _world.Say(owner, new MigrateReplyMessage(move.Id, MigrateReport.NotMoved(move, null, MigrateCode.Timeout, "requests still run")));

    /// <summary>Goal: one that outlasts its time leaves some for the others, where all go to one destination.</summary>
    [TestMethod]
    public void Moves_to_one_destination_share_the_time()
    {
        FakePeer a = Owner("web", "api");
        _world.Join("b", 2, "web", "api");
        _world.Say(a, new DrainMessage(1, "a", "b", TimeSpan.FromSeconds(60)));
        MigrateMessage first = a.Only<MigrateMessage>();
        Assert.AreEqual(("api", TimeSpan.FromSeconds(30)), (first.Component, first.Timeout));
        Moved(a, first);
        MigrateMessage second = a.Last<MigrateMessage>();
        Assert.AreEqual(("web", TimeSpan.FromSeconds(60)), (second.Component, second.Timeout));
    }

    /// <summary>Goal: where there is too little time for all, it is enough for some: a share is not less than a second.</summary>
    [TestMethod]
    public void A_share_of_the_time_is_enough_for_one()
    {
        FakePeer a = Owner("web", "api");
        _world.Join("b", 2, "web", "api");
        _world.Say(a, new DrainMessage(1, "a", "", TimeSpan.FromMilliseconds(1200)));
        MigrateMessage first = a.Only<MigrateMessage>();
        Assert.AreEqual(TimeSpan.FromSeconds(1), first.Timeout);
        Late(a, first);
        Assert.IsLessThanOrEqualTo(TimeSpan.FromMilliseconds(1200), a.Last<MigrateMessage>().Timeout);
    }

    /// <summary>Goal: a node that is emptied takes nothing over when another host is there, and all the same when none is.</summary>
    [TestMethod]
    public void A_drained_node_is_the_last_resort()
    {
        FakePeer a = _world.Owner("a", 1);
        _world.Say(a, new DrainMessage(1, "a", "", TimeSpan.FromSeconds(30)));
        FakePeer b = _world.Join("b", 2, "web");
        Assert.AreEqual(MigrateCode.Refused, a.Only<DrainReplyMessage>().Report.Code);
        _world.Say(a, new OwnershipAskMessage(DeskWorld.Move(new("a", 1), 1, new("b", 2))));
        FakePeer c = _world.Join("c", 3, "web");
        _world.Say(b, new LeaveMessage());
        Assert.AreEqual("c", c.Only<TakeOverMessage>().Record.Owner.Name, "c came later, but is not drained");
        _world.Say(c, new LeaveMessage());
        Assert.AreEqual("a", a.Only<TakeOverMessage>().Record.Owner.Name);
    }

    /// <summary>Goal: a node that was drained and lives on is better than nobody, for another node's drain; one that is about to end is not.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void The_last_other_node_takes_even_when_it_was_drained(bool isLeaving)
    {
        FakePeer a = Owner("web"), b = _world.Join("b", 2, "web"), command = _world.Connect("admin");
        _world.Say(isLeaving ? b : command, new DrainMessage(1, "b", "", TimeSpan.FromSeconds(30)));
        _world.Say(a, new DrainMessage(2, "a", "", TimeSpan.FromSeconds(30)));
        Assert.AreEqual(isLeaving ? 0 : 1, a.Heard.OfType<MigrateMessage>().Count());
        Assert.AreEqual(isLeaving ? 1 : 0, a.Heard.OfType<DrainReplyMessage>().Count());
    }

    /// <summary>Goal: two nodes that are emptied at once do not send a component to and fro.</summary>
    [TestMethod]
    public void A_node_that_is_being_drained_takes_nothing()
    {
        FakePeer a = Owner("web");
        FakePeer b = _world.Join("b", 2, "web", "api"), command = _world.Connect("admin"), other = _world.Connect("other");
        _world.Say(b, new OwnershipAskMessage(new CreateOwnership(1, "api", new("b", 2))));
        _world.Join("c", 3, "api");
        _world.Say(command, new DrainMessage(1, "b", "", TimeSpan.FromSeconds(30)));
        Assert.AreEqual("c", b.Only<MigrateMessage>().To);
        _world.Say(other, new DrainMessage(2, "a", "", TimeSpan.FromSeconds(30)));
        Assert.AreEqual(MigrateCode.Refused, other.Only<DrainReplyMessage>().Report.Code);
        Assert.IsEmpty(a.Heard.OfType<MigrateMessage>());
    }

    /// <summary>Goal: cancelled, a drain ends and its node is a host like any other; its asker is told. One that ends anyway cannot be kept.</summary>
    [TestMethod]
    public void A_drain_can_be_cancelled()
    {
        Owner("web");
        FakePeer b = _world.Join("b", 2, "web"), command = _world.Connect("admin"), other = _world.Connect("other");
        _world.Say(command, new DrainMessage(1, "a", "", TimeSpan.FromSeconds(30)));
        Assert.IsTrue(IsDraining("a"));
        _world.Say(other, new DrainMessage(2, "a", "", default, IsCancelled: true));
        Assert.AreEqual((2ul, MigrateCode.None, "web"), (other.Only<DrainReplyMessage>().Id, other.Only<DrainReplyMessage>().Report.Code, other.Only<DrainReplyMessage>().Report.Remaining.Single()));
        Assert.AreEqual((1ul, MigrateCode.Conflict), (command.Only<DrainReplyMessage>().Id, command.Only<DrainReplyMessage>().Report.Code));
        Assert.IsFalse(IsDraining("a"));

        _world.Say(b, new DrainMessage(1, "b", "", TimeSpan.FromSeconds(30)));
        _world.Say(other, new DrainMessage(3, "b", "", default, IsCancelled: true));
        Assert.AreEqual(MigrateCode.Refused, other.Last<DrainReplyMessage>().Report.Code);
        Assert.IsTrue(IsDraining("b"));
    }

    /// <summary>Goal: a move that a command has asked for makes its destination a host like any other; one that a drain has chosen does not.</summary>
    [TestMethod]
    public void A_node_that_is_asked_back_is_not_drained_any_more()
    {
        FakePeer a = Owner("web"), command = _world.Connect("admin");
        _world.Join("b", 2, "web");
        _world.Say(command, new DrainMessage(1, "b", "", TimeSpan.FromSeconds(30)));
        Assert.IsTrue(IsDraining("b"));
        _world.Say(command, new MigrateMessage(5, "web", "b", TimeSpan.FromSeconds(10)));
        Moved(a, a.Last<MigrateMessage>());
        Assert.IsFalse(IsDraining("b"));
    }

    private bool IsDraining(string node)
    {
        FakePeer asking = _world.Connect("asking");
        _world.Say(asking, new StatusAskMessage(1));
        return asking.Only<StatusReplyMessage>().Nodes.Single(status => status.Node.Member.Name == node).IsDraining;
    }

    private FakePeer Owner(params string[] components)
    {
        FakePeer peer = _world.Join("a", 1, components);
        foreach (string component in components)
        {
            _world.Say(peer, new OwnershipAskMessage(new CreateOwnership(1, component, new("a", 1))));
        }

        return peer;
    }

    private void Moved(FakePeer owner, MigrateMessage move)
    {
        _world.Say(owner, new OwnershipAskMessage(DeskWorld.Move(new("a", 1), 1, new("b", 2)) with { Component = move.Component }));
        _world.Say(owner, new MigrateReplyMessage(move.Id, new(move.Component, "a", move.To, 2, true, 0, 0, default, 0, MigrateCode.None, "")));
    }
}
