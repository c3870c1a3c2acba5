using System.Reflection;
using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.HandOver;
using Net.Migration.Link;

namespace Net.Tests.Migration.HandOver;

/// <summary>How the model breaks the rule on purpose; the product has no such switches.</summary>
internal enum Mutation
{
    None,

    /// <summary>After the final part has left, the source thaws without its own write.</summary>
    ThawWithoutWrite,

    /// <summary>It reads the record, sees itself there, and takes that for enough.</summary>
    ReadIsEnough,

    /// <summary>It tells the destination to wipe before the directory has answered.</summary>
    EarlyAbortNotice,

    /// <summary>The destination gives up after Ready when it hears nothing.</summary>
    DestinationGivesUp,

    /// <summary>The destination serves as soon as it is ready.</summary>
    ServeOnReady,
}

/// <summary>How many faults of each kind a run may still have.</summary>
internal readonly record struct Faults(int LinkLosses, int Crashes, int LostWrites, int DoubledWrites, int LostAnswers, int Timers, int Cancels, int Suspicions);

/// <summary>
/// One source, one destination, a directory and a link, small enough that every order of events can be tried. A state can be copied; a step
/// is one of <see cref="Steps"/>.
/// </summary>
internal sealed class HandOverModel
{
    public static readonly Member Alpha = new("alpha", 11);
    public static readonly Member Beta = new("beta", 22);

    private static readonly MethodInfo Copy = typeof(object).GetMethod("MemberwiseClone", BindingFlags.Instance | BindingFlags.NonPublic)!;
    private static readonly SnapshotHash Hash = new(Enumerable.Repeat((byte)7, SnapshotHash.Length).ToArray());

    private readonly Mutation _mutation;
    private SourceHandOver _source;
    private DestinationHandOver _destination;
    private List<OwnershipRecord> _history;
    private List<HandOverMessage> _toDestination = [];
    private List<HandOverMessage> _toSource = [];
    private List<string> _sourceTasks = [];
    private List<string> _destinationTasks = [];
    private List<(OwnershipRequest Request, Member Requester)> _writes = [];
    private List<(OwnershipAnswer Answer, bool ToSource)> _answers = [];
    private List<(OwnershipRecord Record, bool ToSource)> _publications = [];
    private Instant _now;
    private bool _isLinkUp = true, _mustTellSource, _mustTellDestination;
    private bool _isAlphaAlive = true, _isBetaAlive = true;
    private bool _wasForced;
    private Faults _faults;

    public HandOverModel(Faults faults, Mutation mutation = Mutation.None)
    {
        (_faults, _mutation) = (faults, mutation);
        OwnershipRecord record = new("web", Alpha, Member.None, 1, 1, SnapshotHash.None);
        _history = [record];
        _source = new(new(99, record, Beta, 1, 1, new byte[32], 1000), new());
        _destination = new(Beta, new(), 2000);
        _source.Start(_now);
        Drain();
    }

    /// <summary>Whether each node sends packets, and whether it still has the connections.</summary>
    public bool AlphaServes { get; private set; } = true;

    public bool BetaServes { get; private set; }

    public bool AlphaHasState { get; private set; } = true;

    public bool BetaHasState { get; private set; }

    public bool WasCommitted => _history.Any(static r => !r.SnapshotHash.IsNone);

    private OwnershipRecord Record => _history[^1];

    private bool HadCrash => !_isAlphaAlive || !_isBetaAlive;

    public HandOverModel Clone()
    {
        HandOverModel clone = (HandOverModel)Copy.Invoke(this, null)!;
        // A machine's only reference that changes is its queue of actions, which is empty between two steps.
        clone._source = (SourceHandOver)Copy.Invoke(_source, null)!;
        clone._destination = (DestinationHandOver)Copy.Invoke(_destination, null)!;
        clone._history = [.. _history];
        clone._toDestination = [.. _toDestination];
        clone._toSource = [.. _toSource];
        clone._sourceTasks = [.. _sourceTasks];
        clone._destinationTasks = [.. _destinationTasks];
        clone._writes = [.. _writes];
        clone._answers = [.. _answers];
        clone._publications = [.. _publications];
        return clone;
    }

    /// <summary>Two states with the same text behave the same from here on. Numbers of repeated requests do not matter.</summary>
    public string Fingerprint() => string.Join('|',
        _source, _destination, Record.Owner, Record.Epoch, Record.SnapshotHash.IsNone,
        string.Join(',', _toDestination.Select(static m => m.GetType().Name)), string.Join(',', _toSource.Select(static m => m.GetType().Name)),
        string.Join(',', _sourceTasks), string.Join(',', _destinationTasks),
        string.Join(',', _writes.Select(static w => w.Request.GetType().Name).Order()),
        string.Join(',', _answers.Select(static a => $"{a.ToSource}{a.Answer.Outcome}{a.Answer.Record?.Owner}{a.Answer.Record?.Epoch}").Order()),
        string.Join(',', _publications.Select(static p => $"{p.ToSource}{p.Record.Owner}{p.Record.Epoch}").Order()),
        _isLinkUp, _mustTellSource, _mustTellDestination, _isAlphaAlive, _isBetaAlive, AlphaServes, BetaServes, AlphaHasState, BetaHasState, _faults);

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

        Add(_toDestination.Count > 0, "to destination", static m => m.Deliver(m._toDestination, static (m, x) => m._destination.OnMessage(x, m._now), m._isBetaAlive));
        Add(_toSource.Count > 0, "to source", static m => m.Deliver(m._toSource, static (m, x) => m._source.OnMessage(x, m._now), m._isAlphaAlive));
        for (int i = 0; i < _sourceTasks.Count; i++)
        {
            int at = i;
            Add(true, "source: " + _sourceTasks[i], m => m.RunSourceTask(at));
        }

        Add(_destinationTasks.Count > 0, "destination: " + _destinationTasks.FirstOrDefault(), static m => m.RunDestinationTask());
        Add(_mustTellSource, "source sees the loss", static m => { m._mustTellSource = false; m._source.OnLinkLost(m._now); });
        Add(_mustTellDestination, "destination sees the loss", static m => { m._mustTellDestination = false; m._destination.OnLinkLost(m._now); });
        for (int i = 0; i < _writes.Count; i++)
        {
            int at = i;
            string name = _writes[i].Request.GetType().Name;
            Add(true, "directory does " + name, m => m.Write(at, keep: false));
            Add(withFaults && _faults.DoubledWrites > 0, "directory does, and will again, " + name, m => m.Write(at, keep: true));
            Add(withFaults && _faults.LostWrites > 0, "lost: " + name, m => { m._writes.RemoveAt(at); m._faults = m._faults with { LostWrites = m._faults.LostWrites - 1 }; });
        }

        for (int i = 0; i < _answers.Count; i++)
        {
            int at = i;
            Add(true, "answer " + i, m => m.Answer(at));
            Add(withFaults && _faults.LostAnswers > 0, "lost: answer " + i, m => { m._answers.RemoveAt(at); m._faults = m._faults with { LostAnswers = m._faults.LostAnswers - 1 }; });
        }

        for (int i = 0; i < _publications.Count; i++)
        {
            int at = i;
            Add(true, "publication " + i, m => m.Publish(at));
        }

        if (!withFaults)
        {
            return steps;
        }

        Add(_isLinkUp && _faults.LinkLosses > 0, "the link is lost", static m => m.LoseLink());
        Add(_isAlphaAlive && _faults.Crashes > 0, "alpha crashes", static m => m.Crash(alpha: true));
        Add(_isBetaAlive && _faults.Crashes > 0, "beta crashes", static m => m.Crash(alpha: false));
        Add(_isAlphaAlive && !_source.Deadline.IsNever && _faults.Timers > 0, "alpha's timer", static m => m.FireSource());
        Add(_isBetaAlive && !_destination.Deadline.IsNever && _faults.Timers > 0, "beta's timer", static m => m.FireDestination());
        Add(_isAlphaAlive && _faults.Cancels > 0, "cancel", static m => { m._faults = m._faults with { Cancels = 0 }; m._source.Cancel(m._now); });
        Add(MustForce, "forced take-over", static m => m.Force());
        // A source that is alive and silent can be taken for dead. What one that serves, or may yet thaw under e, would still send is the
        // fence's matter (and so is one whose own write is done: it owns e+1); this is about one that has given its final state away.
        bool hasGivenAway = Record.Epoch == 1 && _source.State is SourceState.Transferring or SourceState.Committing or SourceState.Aborting;
        Add(_faults.Suspicions > 0 && _isAlphaAlive && hasGivenAway && Record.Owner == Alpha && _isBetaAlive, "suspicion", static m =>
        {
            m._faults = m._faults with { Suspicions = 0 };
            m.Force();
        });
        return steps;
    }

    public void Take(Action<HandOverModel> run)
    {
        run(this);
        Drain();
    }

    /// <summary>What must hold at every instant; null when it does.</summary>
    public string? Violation() => AlphaServes && BetaServes ? "two owners serve" : null;

    /// <summary>Lets everything that is under way arrive, and time go by, without further faults; then there must be one owner.</summary>
    public string? ViolationInTheEnd()
    {
        for (int i = 0; i < 200; i++)
        {
            List<(string, Action<HandOverModel> Run)> steps = Steps(withFaults: false);
            if (steps.Count > 0)
            {
                Take(steps[0].Run);
            }
            else if (MustForce)
            {
                Take(static m => m.Force());
            }
            else if (_isAlphaAlive && _source.State is not SourceState.Forwarding && !_source.Deadline.IsNever)
            {
                Take(static m => m.FireSource());
            }
            else if (_isBetaAlive && !_destination.Deadline.IsNever)
            {
                Take(static m => m.FireDestination());
            }
            else
            {
                break;
            }

            if (Violation() is { } violation)
            {
                return violation;
            }
        }

        if (!_isAlphaAlive && !_isBetaAlive)
        {
            return null;
        }

        bool isOwned = Record.Owner == Alpha ? AlphaServes && !BetaServes : BetaServes && !AlphaServes;
        bool hasState = Record.Owner == Alpha ? AlphaHasState : BetaHasState;
        return !isOwned ? "the owner of the record does not serve"
            : !hasState && !HadCrash && !_wasForced ? "the connections are lost although nobody crashed" : null;
    }

    public override string ToString() => Fingerprint();

    private bool MustForce => Record.Owner == Alpha ? !_isAlphaAlive && _isBetaAlive : !_isBetaAlive && _isAlphaAlive;

    private void Deliver(List<HandOverMessage> queue, Action<HandOverModel, HandOverMessage> to, bool isAlive)
    {
        HandOverMessage message = queue[0];
        queue.RemoveAt(0);
        if (isAlive)
        {
            to(this, message);
        }
    }

    private void RunSourceTask(int at)
    {
        string task = _sourceTasks[at];
        _sourceTasks.RemoveAt(at);
        switch (task)
        {
            case "warm": _source.OnWarmed(_now); break;
            case "copy":
                _source.OnAheadPart(new byte[16]);
                _source.OnAheadExported();
                break;
            case "hold": _source.OnSafePoint(); break;
            case "initials":
                _source.OnInitialsHeld();
                _source.OnHandshakesSettled();
                break;
            case "freeze":
                AlphaServes = false;
                _source.OnFrozen(_now, 1, 0, _now);
                break;
            case "part": _source.OnFinalPart(new byte[16], isLast: true); break;
            case "end":
                if (_source.State is not SourceState.Exporting)
                {
                    _source.OnFinalExported(Hash);
                }

                break;
            default: throw new InvalidOperationException(task);
        }

        if (task == "part")
        {
            _sourceTasks.Insert(0, "end");
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
                BetaHasState |= _destination.State is DestinationState.Restoring;
                _destination.OnRestored(Hash, _now);
                break;
            default: throw new InvalidOperationException(task);
        }
    }

    private Ownership Rebuild()
    {
        Ownership ownership = new();
        foreach (OwnershipRecord record in _history)
        {
            Assert.IsTrue(ownership.Install(record));
        }

        return ownership;
    }

    private void Write(int at, bool keep)
    {
        (OwnershipRequest request, Member requester) = _writes[at];
        if (keep)
        {
            _faults = _faults with { DoubledWrites = _faults.DoubledWrites - 1 };
        }
        else
        {
            _writes.RemoveAt(at);
        }

        OwnershipAnswer answer = Rebuild().Decide(request, requester, out OwnershipRecord? changed);
        OnChanged(changed);
        if (requester != Ownership.FailureDetector)
        {
            _answers.Add((answer, requester == Alpha));
        }
    }

    private void OnChanged(OwnershipRecord? changed)
    {
        if (changed is not null)
        {
            _history.Add(changed);
            _publications.Add((changed, true));
            _publications.Add((changed, false));
        }
    }

    private void Force()
    {
        Member host = Record.Owner == Alpha ? Beta : Alpha;
        _wasForced = true;
        _ = Rebuild().Decide(new ForceOwnership(1, "web", Record.Owner, Record.Epoch, host), Ownership.FailureDetector, out OwnershipRecord? changed);
        OnChanged(changed);
    }

    private void Answer(int at)
    {
        (OwnershipAnswer answer, bool toSource) = _answers[at];
        _answers.RemoveAt(at);
        if (toSource && _isAlphaAlive)
        {
            _source.OnDirectory(answer, _now);
        }
        else if (!toSource && _isBetaAlive)
        {
            _destination.OnDirectory(answer);
        }
    }

    private void Publish(int at)
    {
        (OwnershipRecord record, bool toSource) = _publications[at];
        _publications.RemoveAt(at);
        if (toSource && _isAlphaAlive)
        {
            _source.OnRecord(record, _now);
            Drain();
            ServeEmpty(record, Alpha, _source.State is SourceState.Gone or SourceState.Forwarding, () => AlphaServes = true);
        }
        else if (!toSource && _isBetaAlive)
        {
            _destination.OnRecord(record);
            Drain();
            ServeEmpty(record, Beta, _destination.State is DestinationState.Idle or DestinationState.Wiped, () => BetaServes = true);
        }
    }

    /// <summary>A node that owns a component by force and has nothing of it serves new connections.</summary>
    private void ServeEmpty(OwnershipRecord record, Member member, bool hasNothing, Action serve)
    {
        if (record == Record && record.Owner == member && hasNothing)
        {
            serve();
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
        _mustTellSource = _isAlphaAlive;
        _mustTellDestination = _isBetaAlive;
    }

    private void Crash(bool alpha)
    {
        _faults = _faults with { Crashes = _faults.Crashes - 1 };
        if (alpha)
        {
            (_isAlphaAlive, AlphaServes, AlphaHasState) = (false, false, false);
            _sourceTasks.Clear();
        }
        else
        {
            (_isBetaAlive, BetaServes, BetaHasState) = (false, false, false);
            _destinationTasks.Clear();
        }

        CutLink();
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
            case ThawAction:
                Assert.IsTrue(AlphaHasState, "what was destroyed is thawed");
                AlphaServes = true;
                break;
            case DestroyAction: (AlphaServes, AlphaHasState) = (false, false); break;
            case DirectoryAction { Request: AbortOwnership } when _mutation is Mutation.ThawWithoutWrite: AlphaServes = true; break;
            case DirectoryAction { Request: AbortOwnership } when _mutation is Mutation.ReadIsEnough && Record.Owner == Alpha: AlphaServes = true; break;
            case DirectoryAction { Request: AbortOwnership } directory:
                if (_mutation is Mutation.EarlyAbortNotice && _isLinkUp)
                {
                    _toDestination.Add(new AbortMessage(99, RefuseCode.Cancelled));
                }

                _writes.Add((directory.Request, Alpha));
                break;
            case DirectoryAction directory: _writes.Add((directory.Request, Alpha)); break;
            default: break;
        }
    }

    private void OnDestinationAction(HandOverAction action)
    {
        switch (action)
        {
            case SendAction send:
                BetaServes |= send.Message is ReadyMessage && _mutation is Mutation.ServeOnReady;
                if (_isLinkUp)
                {
                    _toSource.Add(send.Message);
                }

                break;
            case ReserveAction: _destinationTasks.Add("reserve"); break;
            case WarmAction: _destinationTasks.Add("warm"); break;
            case DecodeAction: _destinationTasks.Add("decode"); break;
            case RestoreAction: _destinationTasks.Add("restore"); break;
            case ServeAction:
                Assert.IsTrue(BetaHasState, "what was wiped is served");
                BetaServes = true;
                break;
            case WipeAction:
                BetaHasState = false;
                _destinationTasks.Clear();
                break;
            case DirectoryAction when _mutation is Mutation.DestinationGivesUp:
                _destination.OnMessage(new AbortMessage(99, RefuseCode.Timeout), _now);
                break;
            case DirectoryAction directory: _writes.Add((directory.Request, Beta)); break;
            default: break;
        }
    }
}
