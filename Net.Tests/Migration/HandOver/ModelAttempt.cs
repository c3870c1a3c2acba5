using System.Reflection;
using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.HandOver;
using Net.Migration.Link;

namespace Net.Tests.Migration.HandOver;

/// <summary>One attempt to hand over: both real machines, the link between them, and what their hosts have been asked to do.</summary>
internal sealed class ModelAttempt
{
    private static readonly MethodInfo Copy = typeof(object).GetMethod("MemberwiseClone", BindingFlags.Instance | BindingFlags.NonPublic)!;
    private static readonly SnapshotHash Hash = new(Enumerable.Repeat((byte)7, SnapshotHash.Length).ToArray());

    private readonly ulong _number;
    private SourceHandOver _source;
    private DestinationHandOver _destination;
    private string? _sourceText, _destinationText;
    private List<HandOverMessage> _toDestination = [];
    private List<HandOverMessage> _toSource = [];
    private List<string> _sourceTasks = [];
    private List<string> _destinationTasks = [];
    private Instant _now;
    private bool _mustTellSource, _mustTellDestination;
    private int _copiedPacket, _copiedReceived, _savedPacket, _savedReceived;

    /// <param name="number">Of the attempt.</param>
    /// <param name="record">Under which the source serves.</param>
    /// <param name="now">The time.</param>
    /// <param name="begins">Whether the source is asked to.</param>
    public ModelAttempt(ulong number, OwnershipRecord record, Instant now, bool begins)
    {
        (_number, _now) = (number, now);
        _source = new(new(number, record, HandOverModel.Beta, 1, 1, new byte[32], number * 1000), new());
        _destination = new(HandOverModel.Beta, new(), (number * 1000) + 500);
        if (begins)
        {
            _source.Start(now);
        }
    }

    public ulong Number => _number;

    public Instant Now => _now;

    public SourceHandOver Source => _source;

    public DestinationHandOver Destination => _destination;

    public bool IsLinkUp { get; private set; } = true;

    public ModelAttempt Clone()
    {
        ModelAttempt clone = (ModelAttempt)Copy.Invoke(this, null)!;
        // A machine's only reference that changes is its queue of actions, which is empty between two steps.
        clone._source = (SourceHandOver)Copy.Invoke(_source, null)!;
        clone._destination = (DestinationHandOver)Copy.Invoke(_destination, null)!;
        clone._toDestination = [.. _toDestination];
        clone._toSource = [.. _toSource];
        clone._sourceTasks = [.. _sourceTasks];
        clone._destinationTasks = [.. _destinationTasks];
        return clone;
    }

    public void Write(ModelKey key)
    {
        key.Add(ModelKey.NumberOf(_sourceText ??= _source.ToString()), ModelKey.NumberOf(_destinationText ??= _destination.ToString()));
        string[] queued = [.. _toDestination.Select(static m => m.GetType().Name), "", .. _toSource.Select(static m => m.GetType().Name), "", .. _sourceTasks, "", .. _destinationTasks];
        foreach (string name in queued)
        {
            key.Add(ModelKey.NumberOf(name));
        }

        key.Add(IsLinkUp, _mustTellSource, _mustTellDestination);
        key.Add((int)_number, _copiedPacket, _copiedReceived, _savedPacket, _savedReceived);
    }

    /// <summary>Messages that arrive, work that ends, losses that are noticed.</summary>
    public void AddSteps(Action<bool, string, Action<HandOverModel>> add)
    {
        add(_toDestination.Count > 0, "to destination", static m => m.Attempt.DeliverToDestination(m.Destination.IsAlive));
        add(_toSource.Count > 0, "to source", static m => m.Attempt.DeliverToSource(m.Source.IsAlive));
        for (int i = 0; i < _sourceTasks.Count; i++)
        {
            int at = i;
            add(true, "source: " + _sourceTasks[i], m => m.Attempt.RunSourceTask(m, at));
        }

        add(_destinationTasks.Count > 0, "destination: " + _destinationTasks.FirstOrDefault(), static m => m.Attempt.RunDestinationTask(m));
        add(_mustTellSource, "source sees the loss", static m => m.Attempt.SeeLoss(atSource: true));
        add(_mustTellDestination, "destination sees the loss", static m => m.Attempt.SeeLoss(atSource: false));
    }

    public void Touch() => (_sourceText, _destinationText) = (null, null);

    public void Cancel() => _source.Cancel(_now);

    public void CrashSource(HandOverModel model)
    {
        _sourceTasks.Clear();
        CutLink(model);
    }

    public void CrashDestination(HandOverModel model)
    {
        _destinationTasks.Clear();
        CutLink(model);
    }

    public void CutLink(HandOverModel model)
    {
        IsLinkUp = false;
        _toDestination.Clear();
        _toSource.Clear();
        _mustTellSource = model.Source.IsAlive;
        _mustTellDestination = model.Destination.IsAlive;
    }

    public void FireSource()
    {
        _now = Instant.Max(_now, _source.Deadline);
        _source.Tick(_now);
    }

    public void FireDestination()
    {
        _now = Instant.Max(_now, _destination.Deadline);
        _destination.Tick(_now);
    }

    public void Drain(HandOverModel model)
    {
        while (_source.TryTakeAction(out HandOverAction? action))
        {
            OnSourceAction(model, action);
        }

        while (_destination.TryTakeAction(out HandOverAction? action))
        {
            OnDestinationAction(model, action);
        }

        LetGo(model);
    }

    private void DeliverToDestination(bool isAlive)
    {
        HandOverMessage message = _toDestination[0];
        _toDestination.RemoveAt(0);
        if (isAlive)
        {
            _destination.OnMessage(message, _now);
        }
    }

    private void DeliverToSource(bool isAlive)
    {
        HandOverMessage message = _toSource[0];
        _toSource.RemoveAt(0);
        if (isAlive)
        {
            _source.OnMessage(message, _now);
        }
    }

    private void SeeLoss(bool atSource)
    {
        if (atSource)
        {
            _mustTellSource = false;
            _source.OnLinkLost(_now);
        }
        else
        {
            _mustTellDestination = false;
            _destination.OnLinkLost(_now);
        }
    }

    private void RunSourceTask(HandOverModel model, int at)
    {
        string task = _sourceTasks[at];
        _sourceTasks.RemoveAt(at);
        switch (task)
        {
            case "warm": _source.OnWarmed(_now); break;
            case "copy":
                (_copiedPacket, _copiedReceived) = (model.Source.NextPacket, model.Source.Received);
                _source.OnAheadPart(new byte[16]);
                _source.OnAheadExported();
                break;
            case "hold": _source.OnSafePoint(); break;
            case "initials":
                _source.OnInitialsHeld();
                _source.OnHandshakesSettled();
                break;
            case "freeze":
                model.Source.Serves = false;
                _source.OnFrozen(_now, 1, 0, _now);
                break;
            case "part":
                (_savedPacket, _savedReceived) = (model.Source.NextPacket, model.Source.Received);
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

    private void RunDestinationTask(HandOverModel model)
    {
        string task = _destinationTasks[0];
        _destinationTasks.RemoveAt(0);
        switch (task)
        {
            case "reserve": _destination.OnReserved(new byte[32]); break;
            case "warm": _destination.OnWarmed(); break;
            case "decode": _destination.OnDecoded(); break;
            case "restore":
                model.Destination.HasState |= _destination.State is DestinationState.Restoring;
                (model.Destination.NextPacket, model.Destination.Received) = model.Settings.Variant is Variant.CopyIsEnough
                    ? (_copiedPacket, _copiedReceived) : (_savedPacket, _savedReceived);
                _destination.OnRestored(Hash, _now);
                break;
            default: throw new InvalidOperationException(task);
        }
    }

    /// <summary>What can have no effect any more is taken away, so that its order need not be tried: it would be ignored.</summary>
    private void LetGo(HandOverModel model)
    {
        if (_source.HasEnded || !model.Source.IsAlive)
        {
            _toSource.Clear();
            _sourceTasks.Clear();
            _mustTellSource = false;
        }

        if (_destination.HasEnded || !model.Destination.IsAlive)
        {
            _toDestination.Clear();
            _destinationTasks.Clear();
            _mustTellDestination = false;
        }

        model.LetGo(at => at == HandOverModel.AtAlpha ? _source.HasEnded || !model.Source.IsAlive : _destination.HasEnded || !model.Destination.IsAlive);
    }

    private void OnSourceAction(HandOverModel model, HandOverAction action)
    {
        switch (action)
        {
            case SendAction send when IsLinkUp: _toDestination.Add(send.Message); break;
            case WarmAction: _sourceTasks.Add("warm"); break;
            case ExportAheadAction: _sourceTasks.Add("copy"); break;
            case HoldRequestsAction: _sourceTasks.Add("hold"); break;
            case HoldInitialsAction: _sourceTasks.Add("initials"); break;
            case FreezeAction: _sourceTasks.Add("freeze"); break;
            case ExportFinalAction: _sourceTasks.Add("part"); break;
            case ThawAction thaw:
                model.Break(!model.Source.HasState, Violations.DestroyedThaws);
                model.Source.Serve(thaw.Epoch);
                break;
            case DestroyAction: model.Source.Lose(); break;
            case DirectoryAction { Request: AbortOwnership } when model.Settings.Variant is Variant.NoOwnWrite: model.Source.Serve(model.Source.Epoch); break;
            case DirectoryAction { Request: AbortOwnership } when model.Settings.Variant is Variant.ReadIsEnough && model.Record.Owner == HandOverModel.Alpha: model.Source.Serve(model.Source.Epoch); break;
            case DirectoryAction { Request: AbortOwnership } directory:
                if (model.Settings.Variant is Variant.EarlyAbortNotice && IsLinkUp)
                {
                    _toDestination.Add(new AbortMessage(_number, RefuseCode.Cancelled));
                }

                model.Ask(directory.Request, HandOverModel.AtAlpha);
                break;
            case DirectoryAction directory: model.Ask(directory.Request, HandOverModel.AtAlpha); break;
            default: break;
        }
    }

    private void OnDestinationAction(HandOverModel model, HandOverAction action)
    {
        switch (action)
        {
            case SendAction send:
                if (send.Message is ReadyMessage && model.Settings.Variant is Variant.ServeOnReady)
                {
                    model.ServeRestored(2);
                }

                if (IsLinkUp)
                {
                    _toSource.Add(send.Message);
                }

                break;
            case ReserveAction reserve:
                // What a node looks at before it takes anything (NodeState.TryReserve).
                if (model.Destination.Serves || model.Destination.Pending > 0 || model.Destination.Known > reserve.Prepare.Epoch)
                {
                    _destination.OnRefused(RefuseCode.WrongEpoch);
                    break;
                }

                _destinationTasks.Add("reserve");
                break;
            case WarmAction: _destinationTasks.Add("warm"); break;
            case DecodeAction: _destinationTasks.Add("decode"); break;
            case RestoreAction: _destinationTasks.Add("restore"); break;
            case ServeAction serve: model.ServeRestored(serve.Epoch); break;
            case WipeAction:
                model.Destination.HasState = false;
                _destinationTasks.Clear();
                break;
            case DirectoryAction when model.Settings.Variant is Variant.DestinationGivesUp:
                _destination.OnMessage(new AbortMessage(_number, RefuseCode.Timeout), _now);
                break;
            case DirectoryAction directory: model.Ask(directory.Request, HandOverModel.AtBeta); break;
            default: break;
        }
    }
}
