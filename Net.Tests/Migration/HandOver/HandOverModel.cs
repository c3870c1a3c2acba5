using System.Reflection;
using Net.Core.Time;
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

    private const int AtAlpha = 0;
    private const int AtBeta = 1;
    private const int AtGamma = 2;

    private static readonly MethodInfo Copy = typeof(object).GetMethod("MemberwiseClone", BindingFlags.Instance | BindingFlags.NonPublic)!;
    private static readonly SnapshotHash Hash = new(Enumerable.Repeat((byte)7, SnapshotHash.Length).ToArray());

    private readonly ModelSettings _settings;
    private SourceHandOver _source;
    private DestinationHandOver _destination;
    private string? _sourceText, _destinationText;
    private ModelNode[] _nodes;
    private ModelDirectory _directory;
    private ModelIngresses _ingresses;
    private List<HandOverMessage> _toDestination = [];
    private List<HandOverMessage> _toSource = [];
    private List<string> _sourceTasks = [];
    private List<string> _destinationTasks = [];
    private Instant _now;
    private ulong _attempt = 99;
    private bool _isLinkUp = true, _mustTellSource, _mustTellDestination;
    private bool _wasForced, _wasSuspected, _isRelayDown;
    private int _copiedPacket, _copiedReceived, _savedPacket, _savedReceived;
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
        (_source, _destination) = NewAttempt(record);
        Drain();
        // The only order of events there is without faults, more or less: the others are tried by settings that begin at the beginning.
        while (_source.State < settings.From && settings.From is not SourceState.Idle)
        {
            Take(Steps(withFaults: false)[0].Run);
        }
    }

    public bool WasCommitted => _directory.WasCommitted;

    public bool WasForced => _wasForced;

    /// <summary>Packets of the connections that were there from the beginning.</summary>
    public int Spent => _spent;

    private OwnershipRecord Record => _directory.Record;

    private ModelNode Source => _nodes[AtAlpha];

    private ModelNode Destination => _nodes[AtBeta];

    private ModelNode Owner => _nodes.Single(n => n.Member == Record.Owner);

    private bool HadCrash => !Source.IsAlive || !Destination.IsAlive;

    private bool MustForce => !Owner.IsAlive && !_isRelayDown && _nodes.Any(CanHost);

    public HandOverModel Clone()
    {
        HandOverModel clone = (HandOverModel)Copy.Invoke(this, null)!;
        // A machine's only reference that changes is its queue of actions, which is empty between two steps.
        clone._source = (SourceHandOver)Copy.Invoke(_source, null)!;
        clone._destination = (DestinationHandOver)Copy.Invoke(_destination, null)!;
        clone._nodes = [_nodes[0].Clone(), _nodes[1].Clone(), _nodes[2].Clone()];
        clone._directory = _directory.Clone();
        clone._ingresses = _ingresses.Clone();
        clone._toDestination = [.. _toDestination];
        clone._toSource = [.. _toSource];
        clone._sourceTasks = [.. _sourceTasks];
        clone._destinationTasks = [.. _destinationTasks];
        return clone;
    }

    /// <summary>Two states with the same text behave the same from here on. Numbers of repeated requests do not matter, nor which ingress is which.</summary>
    /// <param name="withFaults">Whether it matters what may still go wrong.</param>
    public string Fingerprint(bool withFaults = true)
    {
        ModelKey key = new();
        ulong faults = withFaults ? _faults.Packed : 0;
        key.Add((int)(faults & 0xFFFF), (int)(faults >> 16 & 0xFFFF), (int)(faults >> 32 & 0xFFFF), (int)(faults >> 48));
        key.Add(ModelKey.NumberOf(_sourceText ??= _source.ToString()), ModelKey.NumberOf(_destinationText ??= _destination.ToString()));
        foreach (ModelNode node in _nodes)
        {
            node.Write(key);
        }

        _directory.Write(key);
        key.Add(_directory.Unheard(AtAlpha), _directory.Unheard(AtBeta), _directory.Unheard(AtGamma));
        _ingresses.Write(key, i => _directory.Unheard(3 + i), i => _nodes.Select((n, at) => (n.Confirmed >> i & 1) << at).Sum());
        foreach (string name in (string[])[.. _toDestination.Select(static m => m.GetType().Name), "", .. _toSource.Select(static m => m.GetType().Name), "", .. _sourceTasks, "", .. _destinationTasks])
        {
            key.Add(ModelKey.NumberOf(name));
        }

        key.Add(_isLinkUp, _mustTellSource, _mustTellDestination, _wasForced, _wasSuspected, _isRelayDown);
        key.Add((int)_attempt, _copiedPacket, _copiedReceived, _savedPacket, _savedReceived, _spent, (int)_highestSender, _broken.Length, _ingresses.Broken.Length);
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

        Add(_toDestination.Count > 0, "to destination", static m => m.Deliver(m._toDestination, static (m, x) => m._destination.OnMessage(x, m._now), m.Destination.IsAlive));
        Add(_toSource.Count > 0, "to source", static m => m.Deliver(m._toSource, static (m, x) => m._source.OnMessage(x, m._now), m.Source.IsAlive));
        for (int i = 0; i < _sourceTasks.Count; i++)
        {
            int at = i;
            Add(true, "source: " + _sourceTasks[i], m => m.RunSourceTask(at));
        }

        Add(_destinationTasks.Count > 0, "destination: " + _destinationTasks.FirstOrDefault(), static m => m.RunDestinationTask());
        Add(_mustTellSource, "source sees the loss", static m => { m._mustTellSource = false; m._source.OnLinkLost(m._now); });
        Add(_mustTellDestination, "destination sees the loss", static m => { m._mustTellDestination = false; m._destination.OnLinkLost(m._now); });
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
        (_sourceText, _destinationText) = (null, null);
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
            else if (Source.IsAlive && _source.State is not SourceState.Forwarding && !_source.Deadline.IsNever)
            {
                Take(static m => m.FireSource());
            }
            else if (Destination.IsAlive && !_destination.Deadline.IsNever)
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
        add(_isLinkUp && _faults.LinkLosses > 0, "the link is lost", static m => m.LoseLink());
        for (int i = 0; i < _nodes.Length; i++)
        {
            int at = i;
            add(_nodes[i].IsAlive && _faults.Crashes > 0, $"{_nodes[i].Member.Name} crashes", m => m.Crash(at));
        }

        add(Source.IsAlive && !_source.Deadline.IsNever && _faults.Timers > 0, "alpha's timer", static m => m.FireSource());
        add(Destination.IsAlive && !_destination.Deadline.IsNever && _faults.Timers > 0, "beta's timer", static m => m.FireDestination());
        add(Source.IsAlive && _faults.Cancels > 0, "cancel", static m => { m._faults = m._faults with { Cancels = m._faults.Cancels - 1 }; m._source.Cancel(m._now); });
        add(!_isRelayDown && _faults.DirectoryRestarts > 0, "the directory restarts", static m =>
        {
            m._faults = m._faults with { DirectoryRestarts = m._faults.DirectoryRestarts - 1 };
            m._directory.Restart();
        });
        bool mayTryAgain = _faults.MoreAttempts > 0 && _source.State is SourceState.Serving && Source is { Serves: true, IsDeclaredDead: false } && Record.Owner == Alpha
            && (_destination.HasEnded || _destination.State is DestinationState.Idle) && Destination is { IsAlive: true, Serves: false, Pending: 0 };
        add(mayTryAgain, "another attempt", static m => m.TryAgain());
        bool mayForce = MustForce || (_faults.Suspicions > 0 && Owner.IsAlive && !_isRelayDown);
        for (int i = 0; mayForce && i < _nodes.Length; i++)
        {
            int at = i;
            add(CanHost(_nodes[i]) && _nodes[i] != Owner, $"{_nodes[i].Member.Name} takes over by force", m => m.Force(at));
        }
    }

    private (SourceHandOver Source, DestinationHandOver Destination) NewAttempt(OwnershipRecord record)
    {
        SourceHandOver source = new(new(_attempt, record, Beta, 1, 1, new byte[32], _attempt * 1000), new());
        if (_settings.From is not SourceState.Idle)
        {
            source.Start(_now);
        }

        return (source, new(Beta, new(), (_attempt * 1000) + 500));
    }

    private void TryAgain()
    {
        _faults = _faults with { MoreAttempts = _faults.MoreAttempts - 1 };
        _attempt++;
        (_isLinkUp, _mustTellSource, _mustTellDestination) = (true, false, false);
        _toDestination.Clear();
        _toSource.Clear();
        _sourceTasks.Clear();
        _destinationTasks.Clear();
        (_source, _destination) = NewAttempt(Record with { Epoch = Source.Epoch });
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

    private void Deliver(List<HandOverMessage> queue, Action<HandOverModel, HandOverMessage> to, bool isAlive)
    {
        HandOverMessage message = queue[0];
        queue.RemoveAt(0);
        if (isAlive)
        {
            to(this, message);
        }
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

    private void RunSourceTask(int at)
    {
        string task = _sourceTasks[at];
        _sourceTasks.RemoveAt(at);
        switch (task)
        {
            case "warm": _source.OnWarmed(_now); break;
            case "copy":
                (_copiedPacket, _copiedReceived) = (Source.NextPacket, Source.Received);
                _source.OnAheadPart(new byte[16]);
                _source.OnAheadExported();
                break;
            case "hold": _source.OnSafePoint(); break;
            case "initials":
                _source.OnInitialsHeld();
                _source.OnHandshakesSettled();
                break;
            case "freeze":
                Source.Serves = false;
                _source.OnFrozen(_now, 1, 0, _now);
                break;
            case "part":
                (_savedPacket, _savedReceived) = (Source.NextPacket, Source.Received);
                _source.OnFinalPart(new byte[16], isLast: true);
                _sourceTasks.Insert(0, "end");
                break;
            case "end":
                if (_source.State is not SourceState.Exporting)
                {
                    _source.OnFinalExported(Hash);
                }

                break;
            default: throw new InvalidOperationException(task);
        }
    }

    private void RunDestinationTask()
    {
        string task = _destinationTasks[0];
        _destinationTasks.RemoveAt(0);
        switch (task)
        {
            case "reserve": _destination.OnReserved(new byte[32]); break;
            case "warm": _destination.OnWarmed(); break;
            case "decode": _destination.OnDecoded(); break;
            case "restore":
                Destination.HasState |= _destination.State is DestinationState.Restoring;
                (Destination.NextPacket, Destination.Received) = _settings.Variant is Variant.CopyIsEnough
                    ? (_copiedPacket, _copiedReceived) : (_savedPacket, _savedReceived);
                _destination.OnRestored(Hash, _now);
                break;
            default: throw new InvalidOperationException(task);
        }
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
            _source.OnDirectory(answer, _now);
        }
        else
        {
            _destination.OnDirectory(answer);
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
            _source.OnRecord(record, _now);
        }
        else if (at == AtBeta)
        {
            _destination.OnRecord(record);
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
        CutLink();
    }

    private void CutLink()
    {
        _isLinkUp = false;
        _toDestination.Clear();
        _toSource.Clear();
        _mustTellSource = Source.IsAlive;
        _mustTellDestination = Destination.IsAlive;
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

        (at == AtAlpha ? _sourceTasks : _destinationTasks).Clear();
        CutLink();
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

    private void FireSource()
    {
        _faults = _faults with { Timers = int.Max(0, _faults.Timers - 1) };
        _now = Instant.Max(_now, _source.Deadline);
        _source.Tick(_now);
    }

    private void FireDestination()
    {
        _faults = _faults with { Timers = int.Max(0, _faults.Timers - 1) };
        _now = Instant.Max(_now, _destination.Deadline);
        _destination.Tick(_now);
    }

    private void Drain()
    {
        while (_source.TryTakeAction(out HandOverAction? action))
        {
            OnSourceAction(action);
        }

        while (_destination.TryTakeAction(out HandOverAction? action))
        {
            OnDestinationAction(action);
        }

        LetGo();
    }

    /// <summary>What can have no effect any more is taken away, so that its order need not be tried: it would be ignored.</summary>
    private void LetGo()
    {
        if (_source.HasEnded || !Source.IsAlive)
        {
            _toSource.Clear();
            _sourceTasks.Clear();
            _mustTellSource = false;
        }

        if (_destination.HasEnded || !Destination.IsAlive)
        {
            _toDestination.Clear();
            _destinationTasks.Clear();
            _mustTellDestination = false;
        }

        _directory.LetGo(at => at == AtAlpha ? _source.HasEnded || !Source.IsAlive : _destination.HasEnded || !Destination.IsAlive, MemberAt);
    }

    private void OnSourceAction(HandOverAction action)
    {
        switch (action)
        {
            case SendAction send when _isLinkUp: _toDestination.Add(send.Message); break;
            case WarmAction: _sourceTasks.Add("warm"); break;
            case ExportAheadAction: _sourceTasks.Add("copy"); break;
            case HoldRequestsAction: _sourceTasks.Add("hold"); break;
            case HoldInitialsAction: _sourceTasks.Add("initials"); break;
            case FreezeAction: _sourceTasks.Add("freeze"); break;
            case ExportFinalAction: _sourceTasks.Add("part"); break;
            case ThawAction thaw:
                Break(!Source.HasState, Violations.DestroyedThaws);
                Source.Serve(thaw.Epoch);
                break;
            case DestroyAction: Source.Lose(); break;
            case DirectoryAction { Request: AbortOwnership } when _settings.Variant is Variant.NoOwnWrite: Source.Serve(Source.Epoch); break;
            case DirectoryAction { Request: AbortOwnership } when _settings.Variant is Variant.ReadIsEnough && Record.Owner == Alpha: Source.Serve(Source.Epoch); break;
            case DirectoryAction { Request: AbortOwnership } directory:
                if (_settings.Variant is Variant.EarlyAbortNotice && _isLinkUp)
                {
                    _toDestination.Add(new AbortMessage(_attempt, RefuseCode.Cancelled));
                }

                Ask(directory.Request, AtAlpha);
                break;
            case DirectoryAction directory: Ask(directory.Request, AtAlpha); break;
            default: break;
        }
    }

    private void Ask(OwnershipRequest request, int node)
    {
        if (!_isRelayDown)
        {
            _directory.Writes.Add((request, node));
        }
    }

    private void OnDestinationAction(HandOverAction action)
    {
        switch (action)
        {
            case SendAction send:
                if (send.Message is ReadyMessage && _settings.Variant is Variant.ServeOnReady)
                {
                    ServeRestored(2);
                }

                if (_isLinkUp)
                {
                    _toSource.Add(send.Message);
                }

                break;
            case ReserveAction reserve:
                // What a node looks at before it takes anything (NodeState.TryReserve).
                if (Destination.Serves || Destination.Pending > 0 || Destination.Known > reserve.Prepare.Epoch)
                {
                    _destination.OnRefused(RefuseCode.WrongEpoch);
                    break;
                }

                _destinationTasks.Add("reserve");
                break;
            case WarmAction: _destinationTasks.Add("warm"); break;
            case DecodeAction: _destinationTasks.Add("decode"); break;
            case RestoreAction: _destinationTasks.Add("restore"); break;
            case ServeAction serve: ServeRestored(serve.Epoch); break;
            case WipeAction:
                Destination.HasState = false;
                _destinationTasks.Clear();
                break;
            case DirectoryAction when _settings.Variant is Variant.DestinationGivesUp:
                _destination.OnMessage(new AbortMessage(_attempt, RefuseCode.Timeout), _now);
                break;
            case DirectoryAction directory: Ask(directory.Request, AtBeta); break;
            default: break;
        }
    }

    private void ServeRestored(ulong epoch)
    {
        Break(!Destination.HasState, Violations.WipedServes);
        Break(Destination.NextPacket <= _spent, Violations.OldSnapshot);
        Break(Destination.Received < _ingresses.Seen, Violations.AcknowledgedLost);
        Destination.Serve(epoch);
    }

    private void Break(bool isBroken, string violation) => _broken = isBroken && !_broken.Contains(violation) ? [.. _broken, violation] : _broken;
}
