using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.HandOver;
using Net.Migration.Link;

namespace Net.Tests.Migration.HandOver;

/// <summary>
/// One source, one destination, perhaps a third node, a directory, ingresses, and a link, small enough that every order of events can be tried.
/// A state can be copied; a step is one of <see cref="Steps"/>.
/// </summary>
/// <remarks>
/// The product's own: both machines of a hand-over, what the directory decides (<see cref="Ownership"/>), what an ingress passes
/// (<c>Router</c>) and when a forced owner may serve (<see cref="TakeOverGate"/>). Modelled: everything that is late, lost, doubled or dead.
/// </remarks>
internal sealed class HandOverModel
{
    public static readonly Member Alpha = new("alpha", 11);
    public static readonly Member Beta = new("beta", 22);
    public static readonly Member Gamma = new("gamma", 33);

    private const int AtGamma = 2;

    public const int AtAlpha = 0;

    public const int AtBeta = 1;

    private readonly ModelSettings _settings;
    private ModelNode[] _nodes;
    private ModelDirectory _directory;
    private ModelIngresses _ingresses;
    private bool _wasForced, _wasSuspected, _isRelayDown;
    private int _spent;
    private ulong _highestSender;
    private string[] _broken = [];
    private Faults _faults;

    public HandOverModel(ModelSettings settings)
    {
        (_settings, _faults) = (settings, settings.Faults);
        OwnershipRecord record = new("web", Alpha, Member.None, 1, 1, SnapshotHash.None);
        _directory = new(record, 3 + settings.Ingresses, settings.Variant is Variant.EpochUsedAgain);
        _ingresses = new(settings.Ingresses, settings.Variant is not Variant.NoFence);
        _nodes = [new(Alpha) { HasState = true }, new(Beta), new(Gamma) { IsAlive = settings.HasThird }];
        _nodes[AtAlpha].Serve(1);
        Attempt = new(99, record, default, settings.From is not SourceState.Idle);
        Drain();
        // The only order of events there is without faults, more or less: the others are tried by settings that begin at the beginning.
        while (Attempt.Source.State < settings.From && settings.From is not SourceState.Idle)
        {
            Take(Steps(withFaults: false)[0].Run);
        }
    }

    public ModelSettings Settings => _settings;

    public ModelAttempt Attempt { get; private set; }

    public bool WasCommitted => _directory.WasCommitted;

    public bool WasForced => _wasForced;

    /// <summary>Packets of the connections that were there from the beginning.</summary>
    public int Spent => _spent;

    public OwnershipRecord Record => _directory.Record;

    public ModelNode Source => _nodes[AtAlpha];

    public ModelNode Destination => _nodes[AtBeta];

    private ModelNode Owner => _nodes.Single(n => n.Member == Record.Owner);

    private bool HadCrash => !Source.IsAlive || !Destination.IsAlive;

    private bool MustForce => !Owner.IsAlive && !_isRelayDown && _nodes.Any(CanHost);

    public HandOverModel Clone()
    {
        HandOverModel clone = (HandOverModel)MemberwiseClone();
        clone.Attempt = Attempt.Clone();
        clone._nodes = [_nodes[0].Clone(), _nodes[1].Clone(), _nodes[2].Clone()];
        clone._directory = _directory.Clone();
        clone._ingresses = _ingresses.Clone();
        return clone;
    }

    /// <summary>Two states with the same text behave the same from here on. Numbers of repeated requests do not matter, nor which ingress is which.</summary>
    /// <param name="withFaults">Whether it matters what may still go wrong.</param>
    public string Fingerprint(bool withFaults = true)
    {
        ModelKey key = new();
        ulong faults = withFaults ? _faults.Packed : 0;
        key.Add((int)(faults & 0xFFFF), (int)(faults >> 16 & 0xFFFF), (int)(faults >> 32 & 0xFFFF), (int)(faults >> 48));
        Attempt.Write(key);
        foreach (ModelNode node in _nodes)
        {
            node.Write(key);
        }

        _directory.Write(key);
        key.Add(_directory.Unheard(AtAlpha), _directory.Unheard(AtBeta), _directory.Unheard(AtGamma));
        _ingresses.Write(key, i => _directory.Unheard(3 + i), i => _nodes.Select((n, at) => (n.Confirmed >> i & 1) << at).Sum());
        key.Add(_wasForced, _wasSuspected, _isRelayDown);
        key.Add(_spent, (int)_highestSender, _broken.Length, _ingresses.Broken.Length);
        return key.ToString();
    }

    /// <summary>Everything that can happen next.</summary>
    public List<(string Name, Action<HandOverModel> Run)> Steps(bool withFaults = true)
    {
        List<(string, Action<HandOverModel>)> steps = [];
        void Add(bool can, string name, Action<HandOverModel> run)
        {
            if (can)
            {
                steps.Add((name, run));
            }
        }

        Attempt.AddSteps(Add);
        AddDirectory(Add, withFaults);
        AddNodes(Add);
        AddIngresses(Add, withFaults);
        if (withFaults)
        {
            AddFaults(Add);
        }

        return steps;
    }

    public void Take(Action<HandOverModel> run)
    {
        Attempt.Touch();
        run(this);
        Drain();
    }

    /// <summary>What must hold at every instant and does not; empty when all is well.</summary>
    public IReadOnlyCollection<string> Violated()
    {
        int keepers = _nodes.Count(static n => n.Serves && n.HasState), servers = _nodes.Count(static n => n.Serves);
        return keepers <= 1 && (servers <= 1 || _wasSuspected) && _broken.Length + _ingresses.Broken.Length == 0 ? []
            : [.. _broken, .. _ingresses.Broken, .. keepers > 1 ? [Violations.TwoHaveTheKeys] : servers > 1 && !_wasSuspected ? (string[])[Violations.TwoServe] : []];
    }

    /// <summary>Lets everything that is under way arrive, and time go by, without further faults; then there must be one owner.</summary>
    /// <param name="endsWell">States that are known to end well without faults; this one is added when it does.</param>
    public string? ViolationInTheEnd(HashSet<string> endsWell)
    {
        List<string> path = [];
        for (int i = 0; i < 200; i++)
        {
            string key = Fingerprint(withFaults: false);
            if (endsWell.Contains(key))
            {
                endsWell.UnionWith(path);
                return null;
            }

            path.Add(key);
            List<(string, Action<HandOverModel> Run)> steps = Steps(withFaults: false);
            if (steps.Count > 0)
            {
                Take(steps[0].Run);
            }
            else if (_isRelayDown)
            {
                Take(static m => m.StartRelayAgain());
            }
            else if (MustForce)
            {
                Take(static m => m.Force(Array.FindIndex(m._nodes, m.CanHost)));
            }
            else if (Source.IsAlive && Attempt.Source.State is not SourceState.Forwarding && !Attempt.Source.Deadline.IsNever)
            {
                Take(static m => m.FireSource());
            }
            else if (Destination.IsAlive && !Attempt.Destination.Deadline.IsNever)
            {
                Take(static m => m.FireDestination());
            }
            else
            {
                break;
            }

            if (Violated().FirstOrDefault() is { } violation)
            {
                return violation;
            }
        }

        string? end = ViolationAtRest();
        if (end is null)
        {
            endsWell.UnionWith(path);
        }

        return end;
    }

    private string? ViolationAtRest()
    {
        if (!_nodes.Any(static n => n.IsAlive))
        {
            return null;
        }

        ModelNode owner = Owner;
        return !owner.MaySend || owner.Epoch != Record.Epoch || _nodes.Count(static n => n.Serves) != 1 ? Violations.NobodyServes
            : Enumerable.Range(0, _settings.Ingresses).Any(i => !_ingresses.Passes(i, owner.Epoch)) ? Violations.NobodyPasses
            : !owner.HasState && !HadCrash && !_wasForced ? Violations.ConnectionsLost
            : owner.HasState && owner.Received < _ingresses.Seen ? Violations.AcknowledgedLost
            : null;
    }

    private void AddDirectory(Action<bool, string, Action<HandOverModel>> add, bool withFaults)
    {
        for (int i = 0; i < _directory.Writes.Count; i++)
        {
            int at = i;
            string name = _directory.Writes[i].Request.GetType().Name;
            add(!_isRelayDown, "directory does " + name, m => m._directory.Write(at, keep: false, m.MemberAt));
            add(!_isRelayDown && withFaults && _faults.DoubledWrites > 0, "directory does, and will again, " + name, m =>
            {
                m._faults = m._faults with { DoubledWrites = m._faults.DoubledWrites - 1 };
                m._directory.Write(at, keep: true, m.MemberAt);
            });
            add(withFaults && _faults.LostWrites > 0, "lost: " + name, m =>
            {
                m._faults = m._faults with { LostWrites = m._faults.LostWrites - 1 };
                m._directory.Writes.RemoveAt(at);
            });
        }

        for (int i = 0; i < _directory.Answers.Count; i++)
        {
            int at = i;
            add(true, "answer " + i, m => m.Answer(at));
            add(withFaults && _faults.LostAnswers > 0, "lost: answer " + i, m =>
            {
                m._faults = m._faults with { LostAnswers = m._faults.LostAnswers - 1 };
                m._directory.Answers.RemoveAt(at);
            });
        }
    }

    private void AddNodes(Action<bool, string, Action<HandOverModel>> add)
    {
        for (int i = 0; i < _nodes.Length; i++)
        {
            int at = i;
            ModelNode node = _nodes[i];
            if (!node.IsAlive)
            {
                continue;
            }

            for (int news = 0; _directory.Unheard(i) >> news != 0; news++)
            {
                int record = news;
                add((_directory.Unheard(i) >> news & 1) != 0, $"{node.Member.Name} hears of record {news + 1}", m => m.Hear(at, record));
            }

            bool mayServe = node.Pending > 0 && (_settings.Variant is Variant.NoGate || GateOf(node).MaySend(new(node.IsOldLeaseOver ? 1 : 0)));
            add(mayServe, $"{node.Member.Name}'s gate opens", m =>
            {
                m._nodes[at].HasState = false;
                m._nodes[at].Serve(m._nodes[at].Pending);
            });
            ModelNode? before = _nodes.FirstOrDefault(n => n.Member == node.PendingFrom);
            bool isOver = before is null || !before.IsAlive || !before.HasLease || !before.IsDeclaredDead || _settings.Variant is Variant.NoLease;
            add(node.Pending > 0 && !node.IsOldLeaseOver && isOver, $"{node.Member.Name} counts the old owner's lease out", m => m._nodes[at].IsOldLeaseOver = true);
            bool mayEnd = node is { IsAlive: true, IsDeclaredDead: true, HasLease: true } && _settings.Variant is not Variant.NoLease;
            add(mayEnd, $"{node.Member.Name}'s lease ends", m => m._nodes[at].HasLease = false);
            // Its records come over the new link before an answer to a heartbeat does.
            bool mayJoin = node is { IsAlive: true, IsDeclaredDead: true } && _directory.Unheard(i) == 0;
            add(mayJoin, $"{node.Member.Name} joins again", m => (m._nodes[at].IsDeclaredDead, m._nodes[at].HasLease) = (false, true));
        }
    }

    private void AddIngresses(Action<bool, string, Action<HandOverModel>> add, bool withFaults)
    {
        for (int i = 0; !_isRelayDown && i < _settings.Ingresses; i++)
        {
            int at = i;
            for (int news = 0; _directory.Unheard(3 + i) >> news != 0; news++)
            {
                int record = news;
                add((_directory.Unheard(3 + i) >> news & 1) != 0, $"ingress {i} hears of record {news + 1}", m =>
                {
                    m._ingresses.Hear(at, m._directory.TakeNews(3 + at, record).Epoch);
                    m._directory.LetGo(3 + at, epoch => m._ingresses.Ignores(at, epoch));
                });
            }

            for (int n = 0; n < _nodes.Length; n++)
            {
                int who = n;
                bool mayConfirm = _nodes[n].Pending > 0 && (_nodes[n].Confirmed >> i & 1) == 0 && _ingresses.Fence(i) >= _nodes[n].Pending;
                add(mayConfirm, $"ingress {i} confirms", m => m._nodes[who].Confirmed |= 1 << at);
            }

            add(withFaults && _faults.IngressRestarts > 0, $"ingress {i} restarts", m =>
            {
                m._faults = m._faults with { IngressRestarts = m._faults.IngressRestarts - 1 };
                m._ingresses.Restart(at);
                m._directory.Tell(3 + at);
            });
            for (int n = 0; withFaults && _faults.Packets > 0 && n < _nodes.Length; n++)
            {
                int who = n;
                add(_nodes[n].MaySend, $"{_nodes[n].Member.Name} sends by ingress {i}", m => m.Send(who, at));
            }
        }

        for (int i = 0; i < _ingresses.UnderWay.Count; i++)
        {
            int at = i;
            add(true, $"packet {i} arrives", m => m._ingresses.Arrive(at, keep: false));
            add(withFaults && _faults.DoubledDatagrams > 0, $"packet {i} arrives, and will again", m =>
            {
                m._faults = m._faults with { DoubledDatagrams = m._faults.DoubledDatagrams - 1 };
                m._ingresses.Arrive(at, keep: true);
            });
        }
    }

    private void AddFaults(Action<bool, string, Action<HandOverModel>> add)
    {
        add(Attempt.IsLinkUp && _faults.LinkLosses > 0, "the link is lost", static m => m.LoseLink());
        for (int i = 0; i < _nodes.Length; i++)
        {
            int at = i;
            add(_nodes[i].IsAlive && _faults.Crashes > 0, $"{_nodes[i].Member.Name} crashes", m => m.Crash(at));
        }

        add(Source.IsAlive && !Attempt.Source.Deadline.IsNever && _faults.Timers > 0, "alpha's timer", static m => m.FireSource());
        add(Destination.IsAlive && !Attempt.Destination.Deadline.IsNever && _faults.Timers > 0, "beta's timer", static m => m.FireDestination());
        add(Source.IsAlive && _faults.Cancels > 0, "cancel", static m => { m._faults = m._faults with { Cancels = m._faults.Cancels - 1 }; m.Attempt.Cancel(); });
        add(!_isRelayDown && _faults.DirectoryRestarts > 0, "the directory restarts", static m =>
        {
            m._faults = m._faults with { DirectoryRestarts = m._faults.DirectoryRestarts - 1 };
            m._directory.Restart();
        });
        bool mayTryAgain = _faults.MoreAttempts > 0 && Attempt.Source.State is SourceState.Serving && Source is { Serves: true, IsDeclaredDead: false } && Record.Owner == Alpha
            && (Attempt.Destination.HasEnded || Attempt.Destination.State is DestinationState.Idle) && Destination is { IsAlive: true, Serves: false, Pending: 0 };
        add(mayTryAgain, "another attempt", static m => m.TryAgain());
        bool mayForce = MustForce || (_faults.Suspicions > 0 && Owner.IsAlive && !_isRelayDown);
        for (int i = 0; mayForce && i < _nodes.Length; i++)
        {
            int at = i;
            add(CanHost(_nodes[i]) && _nodes[i] != Owner, $"{_nodes[i].Member.Name} takes over by force", m => m.Force(at));
        }
    }

    private void TryAgain()
    {
        _faults = _faults with { MoreAttempts = _faults.MoreAttempts - 1 };
        Attempt = new(Attempt.Number + 1, Record with { Epoch = Source.Epoch }, Attempt.Now, begins: true);
    }

    /// <summary>What nobody listens to any more is dropped.</summary>
    public void LetGo(Predicate<int> hasEnded) => _directory.LetGo(hasEnded, MemberAt);

    private void Drain() => Attempt.Drain(this);

    private void FireSource()
    {
        _faults = _faults with { Timers = int.Max(0, _faults.Timers - 1) };
        Attempt.FireSource();
    }

    private void FireDestination()
    {
        _faults = _faults with { Timers = int.Max(0, _faults.Timers - 1) };
        Attempt.FireDestination();
    }

    private Member MemberAt(int node) => _nodes[node].Member;

    private bool CanHost(ModelNode node) => node is { IsAlive: true, IsDeclaredDead: false } && node.Member != Record.Owner;

    private TakeOverGate GateOf(ModelNode node)
    {
        TakeOverGate gate = new(Enumerable.Range(0, _settings.Ingresses).Select(static i => (uint)i), TimeSpan.FromTicks(1), default);
        for (int i = 0; i < _settings.Ingresses; i++)
        {
            if ((node.Confirmed >> i & 1) != 0)
            {
                gate.OnConfirmed((uint)i);
            }
        }

        return gate;
    }

    /// <summary>A turn of an owner: a byte of its client is processed, and acknowledged in the next packet.</summary>
    private void Send(int at, int ingress)
    {
        ModelNode node = _nodes[at];
        _faults = _faults with { Packets = _faults.Packets - 1 };
        if (node.HasState)
        {
            Break(node.NextPacket <= _spent, Violations.NumberTwice);
            _spent = int.Max(_spent, node.NextPacket);
            node.NextPacket++;
            node.Received++;
        }

        _ingresses.UnderWay.Add(new(ingress, node.Epoch, node.HasState ? node.Received : 0, IsLate: _highestSender > node.Epoch));
        _highestSender = ulong.Max(_highestSender, node.Epoch);
    }

    private void Force(int host)
    {
        if (Owner.IsAlive)
        {
            _faults = _faults with { Suspicions = _faults.Suspicions - 1 };
            (_wasSuspected, Owner.IsDeclaredDead) = (true, true);
        }

        _wasForced = true;
        _directory.Force(MemberAt(host));
    }

    private void Answer(int at)
    {
        (OwnershipAnswer answer, int to) = _directory.Answers[at];
        _directory.Answers.RemoveAt(at);
        if (!_nodes[to].IsAlive)
        {
            return;
        }

        if (to == AtAlpha)
        {
            Attempt.Source.OnDirectory(answer, Attempt.Now);
        }
        else
        {
            Attempt.Destination.OnDirectory(answer);
        }
    }

    /// <summary>As a node does it: its machines first, then what it owns by force, and what it has lost.</summary>
    private void Hear(int at, int news)
    {
        OwnershipRecord record = _directory.TakeNews(at, news);
        ModelNode node = _nodes[at];
        // A node passes no record on to anybody that is older than one it has passed on.
        _directory.LetGo(at, epoch => epoch < record.Epoch);

        if (at == AtAlpha)
        {
            Attempt.Source.OnRecord(record, Attempt.Now);
        }
        else if (at == AtBeta)
        {
            Attempt.Destination.OnRecord(record);
        }

        Drain();
        node.Known = record.Epoch;
        node.Pending = node.Pending < record.Epoch ? 0 : node.Pending;
        bool isForced = record.Epoch > 1 && record.SnapshotHash.IsNone && _directory.OwnerBefore(record) != record.Owner;
        if (record.Owner != node.Member && node.Serves && record.Epoch > node.Epoch)
        {
            node.Lose();
        }
        else if (record.Owner == node.Member && isForced && !(node.Serves && node.Epoch >= record.Epoch))
        {
            (node.Pending, node.PendingFrom, node.Confirmed, node.IsOldLeaseOver) = (record.Epoch, _directory.OwnerBefore(record), 0, false);
        }
    }

    private void LoseLink()
    {
        _faults = _faults with { LinkLosses = _faults.LinkLosses - 1 };
        Attempt.CutLink(this);
    }

    private void Crash(int at)
    {
        _faults = _faults with { Crashes = _faults.Crashes - 1 };
        _nodes[at].Crash();
        _directory.Forget(at);
        _ = _directory.Answers.RemoveAll(a => a.To == at);
        if (at == AtGamma)
        {
            return;
        }

        if (at == AtAlpha)
        {
            Attempt.CrashSource(this);
        }
        else
        {
            Attempt.CrashDestination(this);
        }

        if (at == AtAlpha && _settings.IsRelay)
        {
            _isRelayDown = true;
            _ingresses.Restart(0);
            _directory.Writes.Clear();
            _directory.Answers.Clear();
        }
    }

    /// <summary>The source's process in a new life, which owns nothing; what was stored is there again.</summary>
    private void StartRelayAgain()
    {
        _isRelayDown = false;
        _directory.Restart();
        _directory.Forget(AtAlpha);
    }

    public void Ask(OwnershipRequest request, int node)
    {
        if (!_isRelayDown)
        {
            _directory.Writes.Add((request, node));
        }
    }

    public void ServeRestored(ulong epoch)
    {
        Break(!Destination.HasState, Violations.WipedServes);
        Break(Destination.NextPacket <= _spent, Violations.OldSnapshot);
        Break(Destination.Received < _ingresses.Seen, Violations.AcknowledgedLost);
        Destination.Serve(epoch);
    }

    public void Break(bool isBroken, string violation) => _broken = isBroken && !_broken.Contains(violation) ? [.. _broken, violation] : _broken;
}
