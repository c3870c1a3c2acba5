using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Net.Tests.Migration.Hosting;

/// <summary>Two lives of one name at the desk: who has the name, who gets what, and what a death of either leaves.</summary>
[TestClass]
public sealed class ControlSuccessionTests
{
    private static readonly Member A1 = new("a", 1), A2 = new("a", 2), A3 = new("a", 3), B9 = new("b", 9);

    private readonly DeskWorld _world = new();

    /// <summary>Goal: when a successor dies on its way, the node is its former life again: it is shown, moves and drains go to it and from it, and the next successor takes over.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void After_a_dead_successor_the_former_life_has_its_name_again(bool wasEmptying)
    {
        (FakePeer a, FakePeer next, FakePeer b) = Succeed();
        if (wasEmptying)
        {
            _world.Say(a, new DrainMessage(1, "a", "a", TimeSpan.FromSeconds(60)));
            Assert.AreEqual("a", a.Only<MigrateMessage>().To);
        }

        _world.Say(next, new LeaveMessage());
        if (wasEmptying)
        {
            MigrateMessage move = a.Only<MigrateMessage>();
            _world.Say(a, new MigrateReplyMessage(move.Id, MigrateReport.NotMoved(move, null, MigrateCode.Unreachable, "a died")));
        }
        else
        {
            _world.Say(a, new DrainMessage(1, "a", "a", TimeSpan.FromSeconds(60)));
        }

        DrainReport report = a.Only<DrainReplyMessage>().Report;
        Assert.AreEqual((MigrateCode.Refused, "web"), (report.Code, report.Remaining.Single()), "it is told that it keeps what it has");
        CollectionAssert.AreEqual(
            new[] { (A2, false), (A1, true) }, b.Heard.OfType<MemberUpdateMessage>().TakeLast(2).Select(told => (told.Node.Member, told.IsAlive)).ToArray(), "nodes know it by name again");
        NodeStatus status = StatusOf("a");
        Assert.AreEqual((A1, true, false), (status.Node.Member, status.IsAlive, status.IsDraining));

        FakePeer command = _world.Connect("admin");
        _world.Say(command, new DrainMessage(2, "a", "", TimeSpan.FromSeconds(60)));
        MigrateMessage away = a.Last<MigrateMessage>();
        Assert.AreEqual("b", away.To);
        _world.Say(a, new OwnershipAskMessage(DeskWorld.Move(A1, 1, B9)));
        _world.Say(a, new MigrateReplyMessage(away.Id, new("web", "a", "b", 2, true, 0, 0, default, 0, MigrateCode.None, "")));
        Assert.AreEqual(MigrateCode.None, command.Only<DrainReplyMessage>().Report.Code);

        FakePeer back = _world.Connect("admin");
        _world.Say(back, new MigrateMessage(3, "web", "a", TimeSpan.FromSeconds(10)));
        Assert.AreEqual("a", b.Only<MigrateMessage>().To);
        _world.Say(b, new MigrateReplyMessage(b.Only<MigrateMessage>().Id, new("web", "b", "a", 3, true, 0, 0, default, 0, MigrateCode.None, "")));
        _world.Say(_world.Connect("admin"), new DrainMessage(4, "b", "", TimeSpan.FromSeconds(60)));
        Assert.AreEqual("a", b.Last<MigrateMessage>().To);

        _world.Say(a, new SuccessorMessage(3));
        _ = _world.Join("a", 3, "web").Only<WelcomeMessage>();
        Assert.AreEqual(A3, StatusOf("a").Node.Member);
    }

    /// <summary>Goal: what the dead successor had goes to the former life before others: it has the connections' files, and serves.</summary>
    [TestMethod]
    public void What_the_successor_had_goes_back_to_the_former_life()
    {
        (FakePeer a, FakePeer next, FakePeer b) = Succeed();
        _world.Say(a, new OwnershipAskMessage(new CreateOwnership(2, "api", A1)));
        _world.Say(a, new OwnershipAskMessage(DeskWorld.Move(A1, 1, A2)));
        _world.Say(next, new LeaveMessage());
        Assert.AreEqual((A1, "web"), (a.Only<TakeOverMessage>().Record.Owner, a.Only<TakeOverMessage>().Record.Component));
        Assert.IsEmpty(b.Heard.OfType<TakeOverMessage>());
    }

    /// <summary>Goal: a former life that has given everything away has said that it ends: it has its name again, and gets nothing while there is another host.</summary>
    [TestMethod]
    public void A_former_life_that_ends_gets_nothing()
    {
        (FakePeer a, FakePeer next, FakePeer b) = Succeed();
        _world.Say(a, new OwnershipAskMessage(DeskWorld.Move(A1, 1, A2)));
        _world.Say(a, new DrainMessage(1, "a", "", default));
        _world.Say(next, new LeaveMessage());
        Assert.AreEqual(B9, b.Only<TakeOverMessage>().Record.Owner);
        Assert.IsTrue(StatusOf("a").IsDraining);
        FakePeer command = _world.Connect("admin");
        _world.Say(command, new DrainMessage(2, "b", "", TimeSpan.FromSeconds(30)));
        Assert.AreEqual(MigrateCode.Refused, command.Only<DrainReplyMessage>().Report.Code);
        _world.Say(b, new LeaveMessage());
        Assert.AreEqual(A1, a.Only<TakeOverMessage>().Record.Owner, "better that one than none");
    }

    /// <summary>Goal: a former life may lose its link and come back, and stays the former one; a stranger of the name is refused all the while.</summary>
    [TestMethod]
    public void A_former_life_comes_back_over_another_link()
    {
        (FakePeer a, FakePeer next, _) = Succeed();
        _world.Desk.OnLost(a);
        Assert.Contains("in use", _world.Join("a", 7, "web").Only<JoinRefusedMessage>().Reason);
        a = _world.Join("a", 1, "web");
        _ = a.Only<WelcomeMessage>();
        Assert.AreEqual(A2, StatusOf("a").Node.Member);
        Assert.IsFalse(next.IsClosed);
        _world.Say(a, new DrainMessage(1, "a", "a", TimeSpan.FromSeconds(60)));
        Assert.AreEqual("web", a.Only<MigrateMessage>().Component);
    }

    /// <summary>Goal: a life that keeps something beside its successor does not keep the next one out.</summary>
    [TestMethod]
    public void A_third_life_joins_beside_both()
    {
        (FakePeer a, FakePeer next, _) = Succeed();
        _world.Say(next, new SuccessorMessage(3));
        FakePeer third = _world.Join("a", 3, "web");
        _ = third.Only<WelcomeMessage>();
        Assert.AreEqual(A3, StatusOf("a").Node.Member);
        _world.Say(third, new LeaveMessage());
        Assert.AreEqual(A2, StatusOf("a").Node.Member, "the latest that lives");
        _world.Say(next, new LeaveMessage());
        Assert.AreEqual(A1, StatusOf("a").Node.Member);
        Assert.IsFalse(a.IsClosed);
    }

    /// <summary>Goal: an ingress that is restarted meanwhile takes both lives, whichever comes first, and takes nothing from either.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void A_restarted_ingress_takes_both_lives(bool formerFirst)
    {
        (FakePeer a, FakePeer next, FakePeer b) = Succeed();
        _world.Say(a, new OwnershipAskMessage(DeskWorld.Move(A1, 1, A2)));
        _world.Restart();
        b = _world.Join("b", 9, "web");
        if (formerFirst)
        {
            a = JoinAgain(2);
            next = _world.Join("a", 2, "web");
        }
        else
        {
            next = _world.Join("a", 2, "web");
            a = JoinAgain(2);
        }

        _ = a.Only<WelcomeMessage>();
        _ = next.Only<WelcomeMessage>();
        Assert.AreEqual(A2, StatusOf("a").Node.Member);
        for (int i = 0; i < 5; i++)
        {
            _world.Pass(2);
            _world.Beat(a, b, next);
        }

        foreach (FakePeer peer in (FakePeer[])[a, b, next])
        {
            Assert.IsEmpty(peer.Heard.OfType<TakeOverMessage>());
            Assert.IsFalse(peer.IsClosed);
        }

        Assert.Contains("in use", _world.Join("a", 7, "web").Only<JoinRefusedMessage>().Reason);
    }

    /// <summary>Goal: when the machine of both lives starts again, and their links are gone, a new process of the name need not wait for their deaths.</summary>
    [TestMethod]
    public void A_process_that_starts_again_takes_the_place_of_both()
    {
        (FakePeer a, FakePeer next, FakePeer b) = Succeed();
        _world.Desk.OnLost(a);
        _world.Desk.OnLost(next);
        FakePeer again = _world.Join("a", 7, "web");
        _ = again.Only<WelcomeMessage>();
        Assert.AreEqual(new Member("a", 7), StatusOf("a").Node.Member);
        Assert.AreEqual("web", b.Only<TakeOverMessage>().Record.Component);
    }

    private (FakePeer Former, FakePeer Next, FakePeer Other) Succeed()
    {
        FakePeer a = _world.Owner("a", 1), b = _world.Join("b", 9, "web");
        _world.Say(a, new SuccessorMessage(2));
        return (a, _world.Join("a", 2, "web"), b);
    }

    private FakePeer JoinAgain(ulong successor)
    {
        FakePeer peer = _world.Connect("a");
        _world.Say(peer, new SuccessorMessage(successor));
        _world.Say(peer, new JoinMessage(DeskWorld.Node("a", 1, "web")));
        return peer;
    }

    private NodeStatus StatusOf(string node)
    {
        FakePeer asking = _world.Connect("asking");
        _world.Say(asking, new StatusAskMessage(1));
        return asking.Only<StatusReplyMessage>().Nodes.Single(status => status.Node.Member.Name == node);
    }
}
