using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Net.Tests.Migration.Hosting;

[TestClass]
public sealed class NodeControlsTests
{
    private readonly NodeControls _controls = new();
    private readonly Instant _start = new(1_000_000_000);

    /// <summary>Goal: before it is welcomed nothing but its own request goes to an ingress, and afterwards everything does.</summary>
    [TestMethod]
    public void Only_ingresses_that_want_the_node_are_told()
    {
        Link stranger = Open();
        _controls.Send(new LeaveMessage());
        Assert.IsEmpty(stranger.Sent);
        Assert.IsFalse(_controls.IsMember);
        _controls.OnWelcome(stranger, 4);
        _controls.Send(new LeaveMessage());
        Assert.HasCount(1, stranger.Sent);
        Assert.AreEqual(4u, _controls.NumberOf(stranger));
    }

    /// <summary>Goal: what all must know goes to all; a write goes to the one that was heard last.</summary>
    [TestMethod]
    public void Writes_go_to_one_and_the_rest_to_all()
    {
        Link one = Welcomed(1), two = Welcomed(2);
        _controls.Send(new HoldInitialsMessage("web", 1, Hold: true));
        _controls.Send(new FenceAskMessage(1, 1));
        Assert.AreEqual((2, 2), (one.Sent.Count, two.Sent.Count));

        _controls.Beat(new(1, []), _start);
        _controls.OnHeartbeatAnswered(two, 1);
        OwnershipAskMessage ask = new(new ReadOwnership(1, "web"));
        _controls.Send(ask);
        Assert.AreEqual((false, true), (one.Sent.Contains(ask), two.Sent.Contains(ask)));
        Assert.IsTrue(_controls.Lose(two));
        _controls.Send(ask);
        Assert.IsTrue(one.Sent.Contains(ask), "by whoever is left");
    }

    /// <summary>Goal: two ingresses may give their orders one number; each gets the answer to its own, under that number, also over a new link.</summary>
    [TestMethod]
    public void An_order_is_answered_to_who_gave_it()
    {
        Link one = Welcomed(1), two = Welcomed(2);
        MigrateMessage order = new(7, "web", "b", TimeSpan.FromSeconds(1));
        MigrateMessage first = _controls.Take(one, order), second = _controls.Take(two, order);
        Assert.AreNotEqual(first.Id, second.Id);
        Link again = Welcomed(2);
        _controls.Send(new MigrateReplyMessage(second.Id, MigrateReport.NotMoved(order, null, MigrateCode.Refused, "")));
        Assert.IsEmpty(one.Sent);
        Assert.AreEqual(7ul, ((MigrateReplyMessage)again.Sent.Single()).Id);
        Assert.IsTrue(two.IsClosed, "a second link to one ingress replaces the first");
        _controls.Send(new MigrateReplyMessage(second.Id, MigrateReport.NotMoved(order, null, MigrateCode.Refused, "")));
        Assert.HasCount(1, again.Sent, "once");
        for (int i = 0; i < NodeControls.MaxOrders; i++)
        {
            _ = _controls.Take(one, order);
        }

        _controls.Send(new MigrateReplyMessage(first.Id, MigrateReport.NotMoved(order, null, MigrateCode.Refused, "")));
        Assert.IsEmpty(one.Sent, "the oldest was forgotten");
    }

    /// <summary>Goal: the lease is the longest that any ingress has given, and an ingress that does not answer loses its link, the others theirs not.</summary>
    [TestMethod]
    public void A_silent_ingress_loses_its_link_alone()
    {
        Link one = Welcomed(1), two = Welcomed(2);
        for (int i = 0; i < 4; i++)
        {
            Instant now = _start + TimeSpan.FromSeconds(i);
            _controls.Beat(new((ulong)i + 1, []), now);
            _controls.OnHeartbeatAnswered(one, (ulong)i + 1);
            Assert.AreEqual(now + SendLease.Duration, _controls.LeaseEnd);
        }

        Assert.AreEqual((false, true), (one.IsClosed, two.IsClosed));
    }

    /// <summary>Goal: "every ingress" means every one that has this node as a member, and is never nobody.</summary>
    [TestMethod]
    public void All_are_those_that_there_are()
    {
        Assert.IsFalse(_controls.AreAll(new HashSet<uint> { 1 }));
        Link one = Welcomed(1), two = Welcomed(2);
        _ = Open();
        Assert.IsFalse(_controls.AreAll(new HashSet<uint> { 1 }));
        Assert.IsTrue(_controls.AreAll(new HashSet<uint> { 1, 2 }));
        Assert.IsTrue(_controls.Lose(two));
        Assert.IsTrue(_controls.AreAll(new HashSet<uint> { 1 }));
        Assert.IsTrue(_controls.Has(one));
    }

    private Link Open()
    {
        Link link = new();
        _controls.Open(link, new());
        return link;
    }

    private Link Welcomed(uint number)
    {
        Link link = Open();
        _controls.OnWelcome(link, number);
        return link;
    }

    private sealed class Link : ILink
    {
        public List<LinkMessage> Sent { get; } = [];

        public bool IsClosed { get; private set; }

        public string PeerName => "ingress";

        public object? State { get; set; }

        public void Send(LinkMessage message) => Sent.Add(message);

        public ValueTask DisposeAsync()
        {
            IsClosed = true;
            return ValueTask.CompletedTask;
        }
    }
}
