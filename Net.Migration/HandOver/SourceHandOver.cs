using System.Diagnostics.CodeAnalysis;
using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Link;

namespace Net.Migration.HandOver;

internal enum SourceState
{
    /// <summary>Serving(e); nothing was asked of anybody.</summary>
    Idle,

    /// <summary>Serving(e): agreement, warm-up, copy ahead.</summary>
    Preparing,

    /// <summary>Serving(e): requests come to a safe point, first Initials are held, handshakes have their grace.</summary>
    Quiescing,

    /// <summary>Freeze was asked for; when it is done is the host's word.</summary>
    Freezing,

    /// <summary>Frozen: the delta is exported; no byte of it has been sent.</summary>
    Exporting,

    /// <summary>Frozen: at least one part of the final state has left; the destination decodes.</summary>
    Transferring,

    /// <summary>Frozen: the move has been asked for. It may happen at any time until another write has won.</summary>
    Committing,

    /// <summary>Frozen: only the own write (source, e) -> (source, e+1) makes this serve again.</summary>
    Aborting,

    /// <summary>The destination owns it; this passes on what still arrives.</summary>
    Forwarding,

    /// <summary>Over, serving at <see cref="SourceHandOver.ServingEpoch"/>.</summary>
    Serving,

    /// <summary>Over, owns nothing.</summary>
    Gone,
}

/// <summary>The source's side of one attempt to hand a component over. Pure: events in, actions out.</summary>
/// <remarks>
/// One object is one attempt. "Lost" is a record with a higher epoch that neither this commit nor this abort can have made: a forced take-over.
/// <code>
/// event \ state      Preparing        Quiescing         Freezing/Exporting     Transferring         Committing           Aborting          Forwarding
/// Accept, Warmed..   -> Quiescing *   -                 -                      -                    -                    -                 -
/// all held | grace   -                -> Freezing       -                      -                    -                    -                 -
/// Frozen             -                -                 marker, export final   -                    -                    -                 -
/// first final part   -                -                 -> Transferring, send  send                 -                    -                 -
/// Ready, same hash   early abort      early abort       early abort            -> Committing, write -                    -                 -
/// Ready, other hash  early abort      early abort       early abort            -> Aborting, write   -> Aborting, write   -                 -
/// Refuse             early abort      early abort       early abort            -> Aborting, write   -> Aborting, write   -                 -
/// link lost          early abort      early abort       early abort            -> Aborting, write   -> Aborting, write   -                 -
/// timeout, cancel    early abort      early abort       early abort            -> Aborting, write   -> Aborting, write   -                 -
/// retry timer        -                -                 -                      -                    write again          write again       -
/// record: our move   Lost             Lost              Lost                   Lost                 -> Forwarding        -> Forwarding     -
/// record: our abort  Lost             Lost              Lost                   Lost                 Lost                 -> Serving(e+1)   -
/// record: other      Lost             Lost              Lost                   Lost                 Lost                 Lost              -
/// move refused       -                -                 -                      -                    -> Aborting, write   -                 -
/// linger over        -                -                 -                      -                    -                    -                 -> Gone
///
/// early abort        tell the destination, release what is held, thaw under e if frozen: -> Serving(e). While the freeze is being carried out it
///                    waits for the host's word first.
/// Lost               destroy: -> Gone
/// *                  when accepted, warm here, copied, and decoded there
/// </code>
/// In Aborting nothing is said to the destination until the directory has answered: our own earlier commit may still win, and then it must
/// hold the state. The epoch e is left by exactly one write of this object's two, or by the failure detector's.
/// </remarks>
internal sealed class SourceHandOver(HandOverPlan plan, HandOverOptions options)
{
    private readonly Queue<HandOverAction> _actions = new();
    private ulong _nextRequest = plan.FirstRequest;
    private bool _isAccepted;
    private bool _isWarm;
    private bool _isExported;
    private bool _isDecoded;
    private bool _areRequestsHeld;
    private bool _areInitialsHeld;
    private bool _areHandshakesSettled;
    private bool _isGraceOver;
    private bool _wasRequestHoldAsked;
    private RefuseCode? _abortAfterFreeze;
    private RefuseCode _abortCode;
    private SnapshotHash _hash;
    private Instant _expires = Instant.Never;
    private Instant _graceEnds = Instant.Never;
    private Instant _retryAt = Instant.Never;
    private Instant _forgetAt = Instant.Never;
    private Instant _reportAt = Instant.Never;
    private Instant _lastProcessed;
    private Instant _readyAt;
    private Instant _committedAt;
    private ulong _sealedBytes;
    private uint _connections = plan.Connections;
    private uint _abandoned;

    public SourceState State { get; private set; }

    /// <summary>The epoch under which the source serves while it does; after <see cref="SourceState.Serving"/> the one it was thawed under.</summary>
    public ulong ServingEpoch { get; private set; } = plan.Epoch;

    /// <summary>The destination's share of the snapshot's key, once it has accepted.</summary>
    public ReadOnlyMemory<byte> DestinationShare { get; private set; }

    public bool HasEnded => State is SourceState.Serving or SourceState.Gone;

    public Instant Deadline => HasEnded ? Instant.Never
        : Instant.Min(Instant.Min(_expires, _graceEnds), Instant.Min(_retryAt, Instant.Min(_forgetAt, _reportAt)));

    private bool IsBeforeFinal => State is SourceState.Preparing or SourceState.Quiescing or SourceState.Freezing or SourceState.Exporting;

    private bool MayStillCommit => State is SourceState.Transferring or SourceState.Committing;

    public bool TryTakeAction([NotNullWhen(true)] out HandOverAction? action) => _actions.TryDequeue(out action);

    /// <summary>Begins. The link to the destination is up, and <see cref="HelloMessage"/>s have agreed on a version.</summary>
    /// <exception cref="InvalidOperationException">It has begun before: an attempt is made once.</exception>
    public void Start(Instant now)
    {
        if (State is not SourceState.Idle)
        {
            throw new InvalidOperationException("an attempt is made once");
        }

        State = SourceState.Preparing;
        _expires = now + options.Timeout;
        Do(new WarmAction());
        Do(new SendAction(plan.Prepare(options.Timeout)));
    }

    public void OnMessage(HandOverMessage message, Instant now)
    {
        if (message.Attempt != plan.Attempt || HasEnded)
        {
            return;
        }

        switch (message)
        {
            case AcceptMessage accept when State is SourceState.Preparing && !_isAccepted:
                _isAccepted = true;
                DestinationShare = accept.Share;
                CopyAhead();
                break;
            case AheadDecodedMessage when State is SourceState.Preparing && _isExported:
                _isDecoded = true;
                Quiesce(now);
                break;
            case ReadyMessage ready:
                OnReady(ready, now);
                break;
            case RefuseMessage refuse:
                GiveUp(refuse.Code, now);
                break;
            case ResumedMessage resumed when State is SourceState.Forwarding && !_reportAt.IsNever:
                Report(resumed.SinceReady + (_readyAt - _lastProcessed));
                break;
            default:
                // Late, repeated, or of the other direction: nothing that safety hangs on.
                break;
        }
    }

    /// <summary>The dummy run is done.</summary>
    public void OnWarmed(Instant now)
    {
        _isWarm = true;
        CopyAhead();
        Quiesce(now);
    }

    /// <summary>A sealed part of the copy.</summary>
    public void OnAheadPart(ReadOnlyMemory<byte> bytes)
    {
        if (State is SourceState.Preparing)
        {
            SendPart(bytes, isFinal: false, isLast: false);
        }
    }

    /// <summary>The last part of the copy was given.</summary>
    public void OnAheadExported()
    {
        if (State is SourceState.Preparing && _isAccepted && !_isExported)
        {
            _isExported = true;
            Do(new SendAction(new AheadEndMessage(plan.Attempt)));
        }
    }

    /// <summary>Every running request is held or needs no holding.</summary>
    public void OnSafePoint()
    {
        _areRequestsHeld |= State is SourceState.Quiescing;
        Freeze();
    }

    /// <summary>Every ingress holds first Initials.</summary>
    public void OnInitialsHeld()
    {
        _areInitialsHeld |= State is SourceState.Quiescing;
        Freeze();
    }

    /// <summary>No handshake is under way. Counts only when said after the Initials were held.</summary>
    public void OnHandshakesSettled()
    {
        _areHandshakesSettled |= State is SourceState.Quiescing && _areInitialsHeld;
        Freeze();
    }

    /// <summary>Every connection is frozen.</summary>
    /// <param name="lastProcessed">When the last datagram of any of them was processed.</param>
    /// <param name="connections">How many there are.</param>
    /// <param name="abandoned">How many handshakes were refused for it.</param>
    /// <param name="now">The time.</param>
    public void OnFrozen(Instant lastProcessed, uint connections, uint abandoned, Instant now)
    {
        if (State is not SourceState.Freezing)
        {
            return;
        }

        State = SourceState.Exporting;
        (_lastProcessed, _connections, _abandoned) = (lastProcessed, connections, abandoned);
        Do(new SendMarkerAction(plan.Epoch));
        if (_abortAfterFreeze is { } code)
        {
            GiveUp(code, now);
            return;
        }

        Do(new ExportFinalAction());
    }

    /// <summary>A sealed part of the delta. With the first one the point is passed after which only an own write thaws.</summary>
    public void OnFinalPart(ReadOnlyMemory<byte> bytes, bool isLast)
    {
        if (State is SourceState.Exporting or SourceState.Transferring)
        {
            State = SourceState.Transferring;
            SendPart(bytes, isFinal: true, isLast);
        }
    }

    /// <summary>The last part was given; this is the hash over all of them.</summary>
    /// <exception cref="InvalidOperationException">No final part was given, or the hash is none.</exception>
    public void OnFinalExported(SnapshotHash hash)
    {
        if (State is SourceState.Exporting || hash.IsNone)
        {
            throw new InvalidOperationException("a snapshot has a last part and a hash");
        }

        if (State is SourceState.Transferring)
        {
            _hash = hash;
            Do(new SendAction(new FinalEndMessage(plan.Attempt, hash)));
        }
    }

    /// <summary>The host could not do what it was asked for.</summary>
    public void OnFailed(Instant now) => GiveUp(RefuseCode.Failed, now);

    /// <summary>Who asked for the move does not want it any more; too late after the commit.</summary>
    public void Cancel(Instant now) => GiveUp(RefuseCode.Cancelled, now);

    /// <summary>The link to the destination is gone, and nothing that was said over it is certain to have arrived.</summary>
    public void OnLinkLost(Instant now) => GiveUp(RefuseCode.Failed, now);

    /// <summary>An answer of the directory; late and repeated ones are welcome.</summary>
    public void OnDirectory(OwnershipAnswer answer, Instant now)
    {
        if (answer.Record is { } record)
        {
            OnRecord(record, now);
        }

        // A write that was turned down will not happen, but an earlier copy of it may: only the own write can tell.
        bool isOurs = answer.Id >= plan.FirstRequest && answer.Id < _nextRequest;
        if (State is SourceState.Committing && isOurs && answer.Outcome is not OwnershipOutcome.Done)
        {
            Abort(RefuseCode.Failed, now);
        }
    }

    /// <summary>A record that the directory has shown, in whatever way. It is true that it once stood there; it may be old.</summary>
    public void OnRecord(OwnershipRecord record, Instant now)
    {
        bool concerns = record.Component == plan.Record.Component && record.Epoch > plan.Epoch;
        if (!concerns || State is SourceState.Idle or SourceState.Forwarding || HasEnded)
        {
            return;
        }

        bool isNext = record.Epoch == plan.Epoch + 1;
        if (isNext && record.Owner == plan.Destination && !_hash.IsNone && record.SnapshotHash == _hash
            && State is SourceState.Committing or SourceState.Aborting)
        {
            OnCommitted(record, now);
        }
        else if (isNext && record.Owner == plan.Source && State is SourceState.Aborting)
        {
            OnAborted(record.Epoch);
        }
        else
        {
            OnLost(record);
        }
    }

    public void Tick(Instant now)
    {
        if (now >= _graceEnds)
        {
            _graceEnds = Instant.Never;
            _isGraceOver = true;
            Freeze();
        }

        if (now >= _expires)
        {
            _expires = Instant.Never;
            GiveUp(RefuseCode.Timeout, now);
        }

        if (now >= _retryAt)
        {
            WriteAgain(now);
        }

        if (now >= _reportAt)
        {
            // The destination has not said when it served: what is known is when it could.
            Report(_committedAt - _lastProcessed);
        }

        if (now >= _forgetAt)
        {
            _forgetAt = Instant.Never;
            State = SourceState.Gone;
            Do(new EndForwardAction());
        }
    }

    /// <summary>It has been moved and will not be watched any more: what is known of it is reported now, if it was not.</summary>
    /// <returns>Whether there was something to report.</returns>
    public bool ReportNow()
    {
        bool isDue = !_reportAt.IsNever;
        if (isDue)
        {
            Report(_committedAt - _lastProcessed);
        }

        return isDue;
    }

    /// <summary>Everything that decides what happens next, without times: for logs and for the exploration of all states.</summary>
    public override string ToString() =>
        $"{State}({ServingEpoch}) accepted={_isAccepted} warm={_isWarm} exported={_isExported} decoded={_isDecoded} requests={_areRequestsHeld} "
        + $"initials={_areInitialsHeld} handshakes={_areHandshakesSettled} grace={_isGraceOver} hash={!_hash.IsNone} after={_abortAfterFreeze} "
        + $"expires={!_expires.IsNever} retry={!_retryAt.IsNever} report={!_reportAt.IsNever}";

    private void Do(HandOverAction action) => _actions.Enqueue(action);

    private void SendPart(ReadOnlyMemory<byte> bytes, bool isFinal, bool isLast)
    {
        _sealedBytes += (ulong)bytes.Length;
        Do(new SendAction(new PartMessage(plan.Attempt, isFinal, isLast, bytes)));
    }

    private void CopyAhead()
    {
        // Not before the own dummy run: the copy uses the same code.
        if (State is SourceState.Preparing && _isAccepted && _isWarm && !_isExported)
        {
            Do(new ExportAheadAction());
        }
    }

    private void Quiesce(Instant now)
    {
        if (State is not SourceState.Preparing || !_isWarm || !_isDecoded)
        {
            return;
        }

        State = SourceState.Quiescing;
        _wasRequestHoldAsked = true;
        _graceEnds = now + options.HandshakeGrace;
        Do(new HoldInitialsAction());
        Do(new HoldRequestsAction());
    }

    private void Freeze()
    {
        bool areHandshakesDone = _isGraceOver || (_areInitialsHeld && _areHandshakesSettled);
        if (State is not SourceState.Quiescing || !_areRequestsHeld || !areHandshakesDone)
        {
            return;
        }

        State = SourceState.Freezing;
        _graceEnds = Instant.Never;
        if (!_areHandshakesSettled)
        {
            Do(new RefuseHandshakesAction());
        }

        Do(new FreezeAction());
    }

    private void OnReady(ReadyMessage ready, Instant now)
    {
        if (State is SourceState.Transferring && !_hash.IsNone && ready.Hash == _hash)
        {
            State = SourceState.Committing;
            _readyAt = now;
            WriteAgain(now);
        }
        else if (IsBeforeFinal || (MayStillCommit && ready.Hash != _hash))
        {
            // It holds something that was never sent, or claims to.
            GiveUp(RefuseCode.Failed, now);
        }
    }

    /// <summary>The write of the present state, under a new number: repeating one is harmless, as the epoch moves once.</summary>
    private void WriteAgain(Instant now)
    {
        OwnershipRequest? write = State switch
        {
            SourceState.Committing => new MoveOwnership(_nextRequest, plan.Record.Component, plan.Source, plan.Epoch, plan.Destination, _hash),
            SourceState.Aborting => new AbortOwnership(_nextRequest, plan.Record.Component, plan.Source, plan.Epoch),
            _ => null,
        };
        _retryAt = write is null ? Instant.Never : now + options.Retry;
        if (write is not null)
        {
            _nextRequest++;
            Do(new DirectoryAction(write));
        }
    }

    private void GiveUp(RefuseCode code, Instant now)
    {
        if (MayStillCommit)
        {
            Abort(code, now);
        }
        else if (State is SourceState.Freezing)
        {
            // Threads are about to stop at their batch boundaries; what was asked for has to end before it can be undone.
            _abortAfterFreeze ??= code;
        }
        else if (IsBeforeFinal)
        {
            AbortEarly(code);
        }
    }

    private void AbortEarly(RefuseCode code)
    {
        bool isFrozen = State is SourceState.Exporting;
        State = SourceState.Serving;
        Do(new SendAction(new AbortMessage(plan.Attempt, code)));
        if (isFrozen)
        {
            Do(new ThawAction(plan.Epoch));
            Do(new SendResumeMarkerAction(plan.Epoch));
        }

        ReleaseHeld();
        ReportFailure(code);
    }

    private void Abort(RefuseCode code, Instant now)
    {
        State = SourceState.Aborting;
        _abortCode = code;
        _expires = Instant.Never;
        WriteAgain(now);
    }

    private void OnAborted(ulong epoch)
    {
        State = SourceState.Serving;
        ServingEpoch = epoch;
        Do(new ThawAction(epoch));
        Do(new SendResumeMarkerAction(epoch));
        Do(new SendAction(new AbortMessage(plan.Attempt, _abortCode)));
        ReleaseHeld();
        ReportFailure(_abortCode);
    }

    private void OnCommitted(OwnershipRecord record, Instant now)
    {
        State = SourceState.Forwarding;
        _committedAt = now;
        _retryAt = Instant.Never;
        _expires = Instant.Never;
        _forgetAt = now + options.Linger;
        _reportAt = now + options.ReportGrace;
        ServingEpoch = 0;
        // First of all the destination may go on: every microsecond here is part of the stall.
        Do(new SendAction(new CommittedMessage(plan.Attempt, record.Epoch)));
        Do(new ForwardAction(record.Owner, record.Epoch, _forgetAt));
        Do(new DestroyAction());
    }

    private void OnLost(OwnershipRecord record)
    {
        bool isDestinationUseless = IsBeforeFinal;
        State = SourceState.Gone;
        ServingEpoch = 0;
        Do(new DestroyAction());
        if (isDestinationUseless)
        {
            Do(new SendAction(new AbortMessage(plan.Attempt, RefuseCode.WrongEpoch)));
        }

        Do(new ReportAction(Describe(record.Epoch, moved: false, TimeSpan.Zero, MigrateCode.Conflict, "another member took the component over")));
    }

    private void ReleaseHeld()
    {
        if (_wasRequestHoldAsked)
        {
            Do(new ReleaseRequestsAction());
            Do(new ReleaseInitialsAction());
        }
    }

    private void Report(TimeSpan freeze)
    {
        _reportAt = Instant.Never;
        Do(new ReportAction(Describe(plan.Epoch + 1, moved: true, freeze, MigrateCode.None, "")));
    }

    private void ReportFailure(RefuseCode code)
    {
        (MigrateCode migrateCode, string message) = code switch
        {
            RefuseCode.Timeout => (MigrateCode.Timeout, "it was not committed in time"),
            RefuseCode.CannotHost => (MigrateCode.Refused, $"{plan.Destination} cannot host {plan.Record.Component}: start it with --serve DIR"),
            RefuseCode.NoCapacity => (MigrateCode.Refused, $"{plan.Destination} has no room for it"),
            RefuseCode.CannotDecode => (MigrateCode.Refused, $"{plan.Destination} cannot read this snapshot"),
            RefuseCode.Cancelled => (MigrateCode.Refused, "it was cancelled"),
            RefuseCode.WrongEpoch => (MigrateCode.Conflict, "the component has another epoch"),
            _ => (MigrateCode.Unreachable, $"{plan.Destination} was lost on the way, or failed"),
        };
        Do(new ReportAction(Describe(ServingEpoch, moved: false, TimeSpan.Zero, migrateCode, message)));
    }

    private MigrateReport Describe(ulong epoch, bool moved, TimeSpan freeze, MigrateCode code, string message) =>
        new(plan.Record.Component, plan.Source.Name, plan.Destination.Name, epoch, moved, _connections, _abandoned, freeze, _sealedBytes, code, message);
}
