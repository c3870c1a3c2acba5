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
