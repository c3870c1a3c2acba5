using System.Diagnostics.CodeAnalysis;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Net.Tests.Migration.Hosting;

/// <summary>A desk whose directory is somewhere else: it answers late or not at all, and other ingresses write to it as well.</summary>
[TestClass]
public sealed class SharedDirectoryDeskTests
{
    private static readonly Member A = new("a", 1);
    private static readonly Member B = new("b", 2);

    private readonly SlowDirectory _directory = new();
    private readonly FakeRegistry _registry = new();
    private readonly FakeRoutes _routes = new();
    private readonly List<string> _log = [];
    private readonly ControlDesk _desk;
    private Instant _now = new(1_000_000_000);

    public SharedDirectoryDeskTests()
    {
        _desk = new(_directory, _routes, FederationKeys.Create(new byte[FederationKeys.EntropyLength]), new(), _log.Add, _now, _registry);
    }

    /// <summary>Goal: two nodes may number their requests alike; each gets its own answer under its own number, whenever it comes.</summary>
    [TestMethod]
    public void Late_answers_find_who_asked()
    {
        FakePeer a = Join("a", 1), b = Join("b", 2);
        Say(a, new OwnershipAskMessage(new CreateOwnership(7, "web", A)));
        Say(b, new OwnershipAskMessage(new CreateOwnership(7, "web", B)));
        Assert.IsEmpty(a.Heard.OfType<OwnershipReplyMessage>());
        _directory.Answer();
        _desk.OnDirectory(_now);
        Assert.AreEqual((7ul, OwnershipOutcome.Done), (a.Only<OwnershipReplyMessage>().Answer.Id, a.Only<OwnershipReplyMessage>().Answer.Outcome));
        Assert.AreEqual((7ul, OwnershipOutcome.Conflict), (b.Only<OwnershipReplyMessage>().Answer.Id, b.Only<OwnershipReplyMessage>().Answer.Outcome));
        Assert.AreEqual(1ul, _routes.Fence(1));
    }

    /// <summary>Goal: no move begins while the directory is known to be away, nor when it turns out to be; the command is told why.</summary>
    [TestMethod]
    public void Without_a_directory_no_move_begins()
    {
        FakePeer a = Owner(), b = Join("b", 2);
        _directory.Trouble = "etcd does not answer: nothing moves";
        FakePeer known = Ask();
        Assert.AreEqual((MigrateCode.Unreachable, "etcd does not answer: nothing moves"), (known.Only<MigrateReplyMessage>().Report.Code, known.Only<MigrateReplyMessage>().Report.Message));

        _directory.Trouble = null;
        FakePeer silent = Ask();
        Assert.IsEmpty(silent.Heard, "it is being asked");
        for (int i = 0; i < 2; i++)
        {
            Say(a, new HeartbeatMessage(1, []));
            Say(b, new HeartbeatMessage(1, []));
            Pass(ControlRequests.Patience / 2);
        }

        Assert.AreEqual(MigrateCode.Unreachable, silent.Only<MigrateReplyMessage>().Report.Code);
        Assert.IsEmpty(a.Heard.OfType<MigrateMessage>());

        FakePeer good = Ask();
        _directory.Answer();
        _desk.OnDirectory(_now);
        Assert.AreEqual("b", a.Only<MigrateMessage>().To);
        Assert.IsEmpty(good.Heard);
    }

    /// <summary>Goal: trouble, and its end, is said once each.</summary>
    [TestMethod]
    public void Trouble_is_said_once()
    {
        _directory.Trouble = "etcd does not answer: start it";
        _desk.OnDirectory(_now);
        _desk.OnDirectory(_now);
        _directory.Trouble = null;
        _desk.OnDirectory(_now);
        Assert.AreEqual("etcd does not answer: start it|the directory answers again", string.Join('|', _log));
    }

    /// <summary>Goal: an owner that this ingress does not hear, and another one does, keeps its component; when nobody hears it any more, the next host gets it.</summary>
    [TestMethod]
    public void An_owner_that_another_ingress_sees_is_not_dead()
    {
        _ = Owner();
        FakePeer b = Join("b", 2);
        _registry.Elsewhere.Add(A);
        for (int i = 0; i < 8; i++)
        {
            Say(b, new HeartbeatMessage(1, []));
            Pass(TimeSpan.FromSeconds(1));
        }

        Assert.IsFalse(_registry.Seen.Contains(A), "this ingress has said that it does not see it");
        Assert.IsEmpty(_directory.Asked.OfType<ForceOwnership>());
        _registry.Elsewhere.Clear();
        _desk.OnDirectory(_now);
        Assert.AreEqual((A, 1ul, B), _directory.Asked.OfType<ForceOwnership>().Select(force => (force.DeadOwner, force.Epoch, force.Host)).Single());
        _directory.Answer();
        _desk.OnDirectory(_now);
        Assert.AreEqual((B, 2ul), (b.Only<TakeOverMessage>().Record.Owner, b.Only<TakeOverMessage>().Record.Epoch));
    }

    /// <summary>Goal: a take-over that the directory did not answer is asked for again.</summary>
    [TestMethod]
    public void A_take_over_without_an_answer_is_repeated()
    {
        _ = Owner();
        FakePeer b = Join("b", 2);
        for (int i = 0; i < 4; i++)
        {
            Say(b, new HeartbeatMessage(1, []));
            Pass(TimeSpan.FromSeconds(1));
        }

        Assert.AreEqual(1, _directory.Asked.OfType<ForceOwnership>().Count());
        _directory.Drop();
        for (int i = 0; i < 3; i++)
        {
            Say(b, new HeartbeatMessage(1, []));
            Pass(TimeSpan.FromSeconds(1));
        }

        Assert.AreEqual(1, _directory.Asked.OfType<ForceOwnership>().Count(), "once more, not more often");
    }

    /// <summary>
    /// Goal: who was given a component by force is told so by every ingress, as the one that asked for it may have ended, or have lost the answer; with the lease
    /// that the former owner may still have. What a move, or an owner itself, has written is no such thing.
    /// </summary>
    [TestMethod]
    public void An_owner_by_force_is_told_by_every_ingress()
    {
        FakePeer a = Owner(), b = Join("b", 2);
        Pass(TimeSpan.FromSeconds(1));
        _directory.ByOthers(new("web", B, Member.None, 2, 1, SnapshotHash.None));
        _desk.OnDirectory(_now);
        TakeOverMessage order = b.Only<TakeOverMessage>();
        Assert.AreEqual((B, 2ul, SendLease.Duration - TimeSpan.FromSeconds(1)), (order.Record.Owner, order.Record.Epoch, order.OldOwnerLease));
        FakePeer again = Join("b", 2);
        Assert.AreEqual(order.Record, again.Only<TakeOverMessage>().Record, "its link was lost before it heard of it");
        Say(again, new FenceAskMessage(1, 2));

        _directory.ByOthers(new("web", A, Member.None, 3, 1, new([.. Enumerable.Repeat((byte)7, SnapshotHash.Length)])));
        _directory.ByOthers(new("web", A, Member.None, 4, 1, SnapshotHash.None));
        _desk.OnDirectory(_now);
        Assert.AreEqual(4ul, a.Last<DirectoryUpdateMessage>().Record.Epoch);
        Assert.IsEmpty(a.Heard.OfType<TakeOverMessage>());
    }

    /// <summary>Goal: a record that another ingress has made is routed and told; a fence that is asked for before that is confirmed then, not earlier.</summary>
    [TestMethod]
    public void A_record_of_another_ingress_is_routed_and_confirmed()
    {
        FakePeer a = Owner();
        Say(a, new FenceAskMessage(1, 2));
        Assert.IsEmpty(a.Heard.OfType<FenceConfirmMessage>());
        _directory.ByOthers(new("web", B, Member.None, 2, 1, SnapshotHash.None));
        _desk.OnDirectory(_now);
        Assert.AreEqual((1u, 2ul), (a.Only<FenceConfirmMessage>().Shard, a.Only<FenceConfirmMessage>().Epoch));
        Assert.AreEqual(2ul, a.Last<DirectoryUpdateMessage>().Record.Epoch);
    }

    /// <summary>Goal: a node that joins is told of all ingresses, and later of those that come and go; in this ingress's own paths it is known by its own number.</summary>
    [TestMethod]
    public void Members_are_told_of_ingresses()
    {
        IngressInfo other = new(2, DeskWorld.Address(5000));
        _registry.All = [new(3, DeskWorld.Address(4434)), other];
        FakePeer a = Join("a", 1);
        Assert.AreEqual(3u, a.Only<WelcomeMessage>().Ingress);
        Assert.AreEqual("2 3", string.Join(' ', a.Heard.OfType<IngressUpdateMessage>().Select(update => update.Number).Order()));
        _registry.Changes.Enqueue((other, false));
        _desk.OnDirectory(_now);
        Assert.AreEqual(new IngressUpdateMessage(2, other.Control, IsAlive: false), a.Last<IngressUpdateMessage>());
    }

    /// <summary>Goal: what waits for the directory is bounded: the oldest is given up.</summary>
    [TestMethod]
    public void Waiting_requests_are_bounded()
    {
        ControlRequests requests = new(_directory);
        int givenUp = 0;
        for (int i = 0; i < ControlRequests.MaxWaiting + 2; i++)
        {
            requests.Ask(new ReadOwnership(1, "web"), A, (answer, _) => givenUp += answer is null ? 1 : 0, _now);
        }

        Assert.AreEqual(2, givenUp);
    }

    private FakePeer Join(string name, ulong incarnation)
    {
        FakePeer peer = new(name);
        Say(peer, new JoinMessage(DeskWorld.Node(name, incarnation, "web")));
        return peer;
    }

    private FakePeer Owner()
    {
        FakePeer a = Join("a", 1);
        Say(a, new OwnershipAskMessage(new CreateOwnership(1, "web", A)));
        _directory.Answer();
        _desk.OnDirectory(_now);
        return a;
    }

    private FakePeer Ask()
    {
        FakePeer command = new("admin");
        Say(command, new MigrateMessage(5, "web", "b", TimeSpan.FromSeconds(10)));
        return command;
    }

    private void Say(FakePeer peer, LinkMessage message)
    {
        _desk.OnMessage(peer, message, _now);
        _desk.Tick(_now);
    }

    private void Pass(TimeSpan time)
    {
        _now += time;
        _desk.Tick(_now);
    }

    /// <summary>Answers when the test says so.</summary>
    private sealed class SlowDirectory : IOwnershipDirectory
    {
        private readonly EmbeddedDirectory _inner = new(new Directory.MemoryStorage());
        private readonly List<(OwnershipRequest Request, Member By)> _asked = [];
        private readonly Queue<OwnershipRecord> _others = new();
        private readonly Dictionary<string, OwnershipRecord> _records = [];

        public IReadOnlyCollection<OwnershipRecord> Records => [.. _records.Values];

        public string? Trouble { get; set; }

        public IEnumerable<OwnershipRequest> Asked => _asked.Select(asked => asked.Request);

        public void Submit(OwnershipRequest request, Member requester) => _asked.Add((request, requester));

        public void Answer()
        {
            foreach ((OwnershipRequest request, Member by) in _asked)
            {
                _inner.Submit(request, by);
            }

            _inner.Commit();

            _asked.Clear();
            foreach (OwnershipRecord record in _inner.Records)
            {
                _records[record.Component] = record;
            }
        }

        public void Drop() => _asked.Clear();

        public void ByOthers(OwnershipRecord record)
        {
            _records[record.Component] = record;
            _others.Enqueue(record);
        }

        public bool TryTakeAnswer([NotNullWhen(true)] out OwnershipAnswer? answer) => _inner.TryTakeAnswer(out answer);

        public bool TryTakeChange([NotNullWhen(true)] out OwnershipRecord? record) => _inner.TryTakeChange(out record) || _others.TryDequeue(out record);
    }

    private sealed class FakeRegistry : IIngressRegistry
    {
        public HashSet<Member> Elsewhere { get; } = [];

        public HashSet<Member> Seen { get; } = [];

        public List<IngressInfo> All { get; set; } = [];

        public Queue<(IngressInfo Ingress, bool IsAlive)> Changes { get; } = new();

        public uint Number => 3;

        public IReadOnlyCollection<IngressInfo> Ingresses => All;

        public void Report(Member member, bool isAlive) => _ = isAlive ? Seen.Add(member) : Seen.Remove(member);

        public bool IsSeenElsewhere(Member member) => Elsewhere.Contains(member);

        public bool TryTakeIngress([NotNullWhen(true)] out IngressInfo? ingress, out bool isAlive)
        {
            bool any = Changes.TryDequeue(out (IngressInfo Ingress, bool IsAlive) change);
            (ingress, isAlive) = any ? change : (null, false);
            return any;
        }
    }
}
