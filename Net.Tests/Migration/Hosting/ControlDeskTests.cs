using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Net.Tests.Migration.Hosting;

[TestClass]
public sealed class ControlDeskTests
{
    private static readonly Member A1 = new("a", 1), A2 = new("a", 2), B3 = new("b", 3), C4 = new("c", 4);

    /// <summary>Goal: who joins learns keys, members and records, in this order, and the others learn of it.</summary>
    [TestMethod]
    public void A_member_is_welcomed_and_told_everything()
    {
        DeskWorld world = new();
        FakePeer a = world.Owner("a", 1);
        FakePeer b = world.Join("b", 3, "web");
        Assert.AreEqual(world.Keys, ((WelcomeMessage)b.Heard[0]).Keys);
        Assert.AreEqual(1u, ((WelcomeMessage)b.Heard[0]).Ingress);
        Assert.AreEqual(b.DataAddress, ((WelcomeMessage)b.Heard[0]).Data);
        CollectionAssert.AreEqual(new[] { A1, B3 }, b.Heard.OfType<MemberUpdateMessage>().Select(update => update.Node.Member).ToArray());
        Assert.AreEqual(A1, b.Only<DirectoryUpdateMessage>().Record.Owner);
        Assert.AreEqual(B3, a.Last<MemberUpdateMessage>().Node.Member);
        Assert.AreEqual(2, world.Routes.Nodes.Count);
    }

    /// <summary>Goal: a name is its certificate's, and one life has it at a time.</summary>
    [TestMethod]
    public void A_name_that_is_not_ones_own_or_in_use_is_refused()
    {
        DeskWorld world = new();
        FakePeer thief = world.Connect("c");
        world.Say(thief, new JoinMessage(DeskWorld.Node("a", 1)));
        Assert.AreEqual("the certificate names c, not a", thief.Only<JoinRefusedMessage>().Reason);
        _ = world.Join("a", 1);
        FakePeer second = world.Join("a", 2);
        Assert.AreEqual("a is in use", second.Only<JoinRefusedMessage>().Reason);
        Assert.IsFalse(world.Routes.Nodes.ContainsKey(A2));
    }

    /// <summary>Goal: a full federation takes nobody, until somebody who died makes room.</summary>
    [TestMethod]
    public void Members_are_limited_and_the_dead_make_room()
    {
        DeskWorld world = new(new() { MaxMembers = 2 });
        FakePeer a = world.Join("a", 1);
        _ = world.Join("b", 3);
        FakePeer c = world.Join("c", 4);
        Assert.AreEqual("the federation is full", c.Only<JoinRefusedMessage>().Reason);
        world.Pass(2);
        world.Beat(a);
        world.Pass(1.1);
        world.Say(c, new JoinMessage(DeskWorld.Node("c", 4)));
        _ = c.Only<WelcomeMessage>();
        CollectionAssert.AreEquivalent(new[] { "a", "c" }, Status(world).Nodes.Select(node => node.Node.Member.Name).ToArray());
    }

    /// <summary>Goal: a record is created once, moved and aborted by its owner alone, and everybody hears of each change and the router first.</summary>
    [TestMethod]
    public void Ownership_is_created_moved_and_aborted()
    {
        DeskWorld world = new();
        FakePeer a = world.Owner("a", 1);
        FakePeer b = world.Join("b", 3, "web");
        Assert.AreEqual(OwnershipOutcome.Done, a.Only<OwnershipReplyMessage>().Answer.Outcome);
        world.Say(b, new OwnershipAskMessage(new CreateOwnership(2, "web", B3)));
        Assert.AreEqual(OwnershipOutcome.Conflict, b.Only<OwnershipReplyMessage>().Answer.Outcome);
        world.Say(b, new OwnershipAskMessage(DeskWorld.Move(A1, 1, B3)));
        Assert.AreEqual(OwnershipOutcome.Refused, b.Last<OwnershipReplyMessage>().Answer.Outcome, "only the source commits");
        world.Say(a, new OwnershipAskMessage(DeskWorld.Move(A1, 1, B3)));
        Assert.AreEqual(OwnershipOutcome.Done, a.Last<OwnershipReplyMessage>().Answer.Outcome);
        Assert.AreEqual(B3, b.Last<DirectoryUpdateMessage>().Record.Owner);
        Assert.AreEqual(2ul, world.Routes.Fence(1));
        world.Say(b, new OwnershipAskMessage(new AbortOwnership(3, "web", B3, 2)));
        Assert.AreEqual(3ul, a.Last<DirectoryUpdateMessage>().Record.Epoch);
        Assert.AreEqual(B3, a.Last<DirectoryUpdateMessage>().Record.Owner);
    }

    /// <summary>Goal: who has not joined asks for nothing but status and moves.</summary>
    [TestMethod]
    public void A_stranger_has_no_say()
    {
        DeskWorld world = new();
        FakePeer stranger = world.Connect("x");
        world.Say(stranger, new OwnershipAskMessage(new CreateOwnership(1, "web", new("x", 9))));
        Assert.IsTrue(stranger.IsClosed);
        Assert.IsEmpty(stranger.Heard);
        Assert.AreEqual(0ul, world.Routes.Fence(1));
    }

    /// <summary>Goal: three seconds of silence are death, and the next host in line gets the component, with no lease left to wait for.</summary>
    [TestMethod]
    public void A_silent_owner_is_replaced()
    {
        DeskWorld world = new();
        FakePeer a = world.Owner("a", 1);
        FakePeer plain = world.Join("c", 4);
        FakePeer b = world.Join("b", 3, "web");
        world.Pass(2);
        world.Beat(plain, b);
        Assert.AreEqual(1ul, b.Only<HeartbeatReplyMessage>().Number);
        world.Pass(1);
        Assert.IsTrue(a.IsClosed);
        Assert.IsFalse(plain.Last<MemberUpdateMessage>().IsAlive);
        TakeOverMessage order = b.Only<TakeOverMessage>();
        Assert.AreEqual((B3, 2ul), (order.Record.Owner, order.Record.Epoch));
        Assert.AreEqual(TimeSpan.Zero, order.OldOwnerLease);
        Assert.AreEqual(2ul, world.Routes.Fence(1), "the old owner is fenced before the new one hears of it");
        Assert.IsFalse(Status(world).Nodes.Single(node => node.Node.Member.Name == "a").IsAlive);
        world.Say(b, new FenceAskMessage(1, 3));
        Assert.IsEmpty(b.Heard.OfType<FenceConfirmMessage>(), "nobody has that epoch");
        world.Say(b, new FenceAskMessage(1, 2));
        Assert.AreEqual(2ul, b.Only<FenceConfirmMessage>().Epoch);
    }

    /// <summary>Goal: a component whose owner died while nobody could take it goes to the first host that comes.</summary>
    [TestMethod]
    public void A_host_that_comes_later_takes_over_from_the_dead()
    {
        DeskWorld world = new();
        _ = world.Owner("a", 1);
        world.Pass(3);
        FakePeer b = world.Join("b", 3, "web");
        Assert.AreEqual(B3, b.Only<TakeOverMessage>().Record.Owner);
    }

    /// <summary>Goal: a member that was declared dead keeps what nobody else could take.</summary>
    [TestMethod]
    public void The_dead_may_come_back_to_what_is_still_theirs()
    {
        DeskWorld world = new();
        _ = world.Owner("a", 1);
        world.Pass(3);
        FakePeer again = world.Join("a", 1, "web");
        Assert.AreEqual((A1, 1ul), (again.Only<DirectoryUpdateMessage>().Record.Owner, again.Only<DirectoryUpdateMessage>().Record.Epoch));
        Assert.IsEmpty(again.Heard.OfType<TakeOverMessage>());
    }

    /// <summary>Goal: a process started again under its name takes over from its former life at once, and waits for what is left of that one's lease.</summary>
    [TestMethod]
    public void A_new_life_buries_the_old_one_whose_link_is_gone()
    {
        DeskWorld world = new();
        FakePeer old = world.Owner("a", 1);
        world.Pass(1);
        world.Desk.OnLost(old);
        FakePeer next = world.Join("a", 2, "web");
        TakeOverMessage order = next.Only<TakeOverMessage>();
        Assert.AreEqual((A2, 2ul), (order.Record.Owner, order.Record.Epoch));
        Assert.AreEqual(SendLease.Duration - TimeSpan.FromSeconds(1), order.OldOwnerLease);
    }

    /// <summary>Goal: a lost link is not death: the same life comes back over a new one, and gets the order that it missed.</summary>
    [TestMethod]
    public void A_member_reconnects_and_hears_the_order_that_it_missed()
    {
        DeskWorld world = new();
        _ = world.Owner("a", 1);
        FakePeer b = world.Join("b", 3, "web");
        world.Pass(2);
        world.Beat(b);
        world.Desk.OnLost(b);
        world.Pass(1);
        Assert.IsEmpty(b.Heard.OfType<TakeOverMessage>());
        Assert.AreEqual(2ul, world.Routes.Fence(1));
        FakePeer again = world.Join("b", 3, "web");
        Assert.AreEqual(B3, again.Only<TakeOverMessage>().Record.Owner);
        world.Say(again, new FenceAskMessage(1, 2));
        world.Desk.OnLost(again);
        Assert.IsEmpty(world.Join("b", 3, "web").Heard.OfType<TakeOverMessage>(), "it was acted on");
    }

    /// <summary>Goal: a second link of the same life replaces the first.</summary>
    [TestMethod]
    public void The_newer_link_of_one_life_counts()
    {
        DeskWorld world = new();
        FakePeer first = world.Join("a", 1);
        FakePeer second = world.Join("a", 1);
        Assert.IsTrue(first.IsClosed);
        world.Desk.OnLost(first);
        world.Beat(second);
        _ = second.Only<HeartbeatReplyMessage>();
    }

    /// <summary>Goal: a move to somebody who died meanwhile does not strand the component.</summary>
    [TestMethod]
    public void A_move_to_the_dead_is_followed_by_a_take_over()
    {
        DeskWorld world = new();
        FakePeer a = world.Owner("a", 1);
        _ = world.Join("b", 3, "web");
        world.Pass(2);
        world.Beat(a);
        world.Pass(1);
        world.Say(a, new OwnershipAskMessage(DeskWorld.Move(A1, 1, B3)));
        Assert.AreEqual((A1, 3ul), (a.Only<TakeOverMessage>().Record.Owner, a.Only<TakeOverMessage>().Record.Epoch));
    }

    /// <summary>
    /// Goal: after a restart the log is routed, and its owners have twice the detector's time to come back before others take what is theirs: it may take them
    /// most of one to notice that the ingress before has died.
    /// </summary>
    [TestMethod]
    public void After_a_restart_owners_have_time_to_join_again()
    {
        DeskWorld world = new();
        _ = world.Owner("a", 1);
        Assert.IsTrue(world.Routes.IsSynchronized);
        world.Restart();
        Assert.IsTrue(world.Routes.IsSynchronized);
        Assert.AreEqual(1ul, world.Routes.Fence(1));
        FakePeer b = world.Join("b", 3, "web");
        Assert.IsEmpty(b.Heard.OfType<TakeOverMessage>());
        for (int i = 0; i < 2; i++)
        {
            world.Pass(2.5);
            world.Beat(b);
        }

        FakePeer a = world.Join("a", 1, "web");
        world.Pass(1);
        Assert.IsEmpty(b.Heard.OfType<TakeOverMessage>());
        world.Restart();
        b = world.Join("b", 3, "web");
        for (int i = 0; i < 2; i++)
        {
            world.Pass(2.5);
            world.Beat(b);
            Assert.IsEmpty(b.Heard.OfType<TakeOverMessage>());
        }

        world.Pass(1);
        Assert.AreEqual(2ul, b.Only<TakeOverMessage>().Record.Epoch);
        Assert.IsFalse(a.IsClosed);
    }

    /// <summary>Goal: an order by force that an ingress did not live to give is given by the next one, with the lease that the old owner may hold.</summary>
    [TestMethod]
    public void After_a_restart_orders_are_repeated()
    {
        DeskWorld world = new();
        _ = world.Owner("a", 1);
        world.Pass(3);
        _ = world.Join("b", 3, "web");
        world.Restart();
        world.Pass(1);
        TakeOverMessage order = world.Join("b", 3, "web").Only<TakeOverMessage>();
        Assert.AreEqual((B3, 2ul), (order.Record.Owner, order.Record.Epoch));
        Assert.AreEqual(SendLease.Duration - TimeSpan.FromSeconds(1), order.OldOwnerLease);
    }

    /// <summary>Goal: a federation without a record is not synchronized: clients that come first wait for the first component.</summary>
    [TestMethod]
    public void Clients_wait_for_the_first_component()
    {
        DeskWorld world = new();
        _ = world.Join("a", 1, "web");
        Assert.IsFalse(world.Routes.IsSynchronized);
    }

    /// <summary>Goal: an ingress that was suspended does not take its own absence for everybody's death.</summary>
    [TestMethod]
    public void Our_own_absence_kills_nobody()
    {
        DeskWorld world = new();
        FakePeer a = world.Owner("a", 1);
        FakePeer b = world.Join("b", 3, "web");
        world.Pass(60);
        Assert.IsEmpty(b.Heard.OfType<TakeOverMessage>());
        world.Pass(3);
        Assert.IsTrue(a.IsClosed);
    }

    /// <summary>Goal: first Initials are held for the owner of the epoch alone, and released when it joins again.</summary>
    [TestMethod]
    public void Initials_are_held_for_the_owner()
    {
        DeskWorld world = new();
        FakePeer a = world.Owner("a", 1);
        FakePeer b = world.Join("b", 3, "web");
        world.Say(b, new HoldInitialsMessage("web", 1, Hold: true));
        world.Say(a, new HoldInitialsMessage("web", 2, Hold: true));
        Assert.IsEmpty(world.Routes.Holding);
        world.Say(a, new HoldInitialsMessage("web", 1, Hold: true));
        Assert.AreEqual(1ul, a.Only<InitialsHeldMessage>().Epoch);
        Assert.AreEqual(1, world.Routes.Holding.Count);
        _ = world.Join("a", 1, "web");
        Assert.IsEmpty(world.Routes.Holding);
    }

    /// <summary>Goal: a directory that cannot write answers nothing, says so once, and leaves the routes as they are.</summary>
    [TestMethod]
    public void A_directory_that_cannot_write_is_silent()
    {
        DeskWorld world = new();
        FakePeer a = world.Owner("a", 1);
        world.Storage.Fails = true;
        world.Say(a, new OwnershipAskMessage(new AbortOwnership(9, "web", A1, 1)));
        world.Say(a, new OwnershipAskMessage(new AbortOwnership(10, "web", A1, 1)));
        Assert.AreEqual(1ul, a.Only<OwnershipReplyMessage>().Answer.Id);
        Assert.AreEqual(1, world.Log.Count(line => line.Contains("cannot be written", StringComparison.Ordinal)));
        Assert.AreEqual(1ul, world.Routes.Fence(1));
    }

    /// <summary>Goal: status shows owners with their connections, and members alive or not.</summary>
    [TestMethod]
    public void Status_tells_what_is_where()
    {
        DeskWorld world = new();
        FakePeer a = world.Owner("a", 1);
        world.Say(a, new HeartbeatMessage(1, [new("web", 5)]));
        StatusReplyMessage status = Status(world);
        Assert.AreEqual(DeskWorld.Address(4433), status.Ingress);
        Assert.AreEqual(5u, status.Components.Single().Connections);
        Assert.AreEqual(DeskWorld.Node("a", 1, "web"), status.Nodes.Single().Node);
        Assert.IsTrue(status.Nodes.Single().IsAlive);
    }

    /// <summary>Goal: while the desk itself is busy, with a slow disk, say, nobody is silent: its time is added to everybody's, and no more than that.</summary>
    [TestMethod]
    public void Nobody_is_silent_while_the_desk_does_not_listen()
    {
        DeskWorld world = new();
        FakePeer a = world.Owner("a", 1);
        FakePeer b = world.Join("b", 3, "web");
        world.Pass(2);
        world.Beat(b);
        world.PassBusy(1.5, deaf: 1.4);
        Assert.IsEmpty(b.Heard.OfType<TakeOverMessage>());
        world.Beat(b);
        world.Pass(0.8);
        Assert.IsEmpty(b.Heard.OfType<TakeOverMessage>());
        world.Pass(0.2);
        Assert.IsNotEmpty(b.Heard.OfType<TakeOverMessage>());
        Assert.IsTrue(a.IsClosed);
    }

    /// <summary>
    /// Goal: 256 components whose owners come at once are two flushes, that of the first and one for all who ask while it runs; each is answered once its record is durable
    /// and routed, in the turn that has flushed it, and heartbeats between them are.
    /// </summary>
    [TestMethod]
    public void Those_who_ask_during_a_flush_share_the_next()
    {
        const int Components = 256;
        DeskWorld world = new();
        FakePeer[] owners = [.. Enumerable.Range(0, 16).Select(i => world.Join($"n{i}", 10 + (ulong)i))];
        List<Exception> faults = [];
        using Actor actor = new("test", () => world.Desk.Deadline, world.Desk.Tick, faults.Add, world.Desk.OnBusy, () => world.Now);
        void Ask(int component)
        {
            int owner = component % owners.Length;
            OwnershipAskMessage ask = new(new CreateOwnership((ulong)component, $"c{component}", new($"n{owner}", 10 + (ulong)owner)));
            actor.Add(now => world.Desk.OnMessage(owners[owner], ask, now));
            actor.TakeTurn();
        }

        world.Storage.Appended.Clear();
        world.Storage.Meanwhile = () =>
        {
            for (int i = 1; i < Components; i++)
            {
                Ask(i);
            }

            actor.Do(now => world.Desk.OnMessage(owners[3], new HeartbeatMessage(5, []), now));
            Assert.IsFalse(owners.Any(owner => owner.Heard.OfType<OwnershipReplyMessage>().Any()), "nothing is durable");
            Assert.AreEqual(0ul, world.Routes.Fence(1));
            world.Storage.Meanwhile = () => Assert.HasCount(1, owners.SelectMany(owner => owner.Heard.OfType<OwnershipReplyMessage>()));
        };
        Ask(0);
        Assert.HasCount(2, world.Storage.Appended);
        OwnershipReplyMessage[] replies = [.. owners.SelectMany(owner => owner.Heard.OfType<OwnershipReplyMessage>())];
        Assert.HasCount(Components, replies.Select(reply => reply.Answer.Record!.Shard).Distinct());
        Assert.IsTrue(replies.All(reply => reply.Answer.Outcome == OwnershipOutcome.Done && world.Routes.Fence(reply.Answer.Record!.Shard) == 1));
        Assert.AreEqual(5ul, owners[3].Only<HeartbeatReplyMessage>().Number);
        Assert.IsEmpty(faults);
        world.Restart();
        Assert.AreEqual(1ul, world.Routes.Fence(Components), "as a restart reads it");
    }

    /// <summary>Goal: the deadline is the earliest of what can happen by itself.</summary>
    [TestMethod]
    public void The_deadline_is_the_earliest()
    {
        DeskWorld world = new();
        Assert.AreEqual(world.Now + TimeSpan.FromSeconds(6), world.Desk.Deadline, "owners that the log names");
        world.Pass(6);
        Assert.AreEqual(Instant.Never, world.Desk.Deadline);
        _ = world.Join("c", 4);
        Assert.AreEqual(world.Now + TimeSpan.FromSeconds(3), world.Desk.Deadline);
        Assert.AreEqual(C4, world.Routes.Nodes.Keys.Single());
    }

    private static StatusReplyMessage Status(DeskWorld world)
    {
        FakePeer asker = world.Connect("command");
        world.Say(asker, new StatusAskMessage(77));
        StatusReplyMessage reply = asker.Only<StatusReplyMessage>();
        Assert.AreEqual(77ul, reply.Id);
        return reply;
    }
}
