using System.Diagnostics.CodeAnalysis;
using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Link;

namespace Net.Migration.HandOver;

internal enum DestinationState
{
    /// <summary>Holds nothing.</summary>
    Idle,

    /// <summary>The host checks and warms up.</summary>
    Reserving,

    /// <summary>Takes the copy, then the delta.</summary>
    Reserved,

    /// <summary>All has arrived; the host decodes and builds.</summary>
    Restoring,

    /// <summary>Restored, silent, Ready was said: the state stays until the directory has spoken.</summary>
    Standby,

    /// <summary>Over: owns it.</summary>
    Serving,

    /// <summary>Over: wiped.</summary>
    Wiped,
}

/// <summary>The destination's side of one attempt. Pure: events in, actions out.</summary>
/// <remarks>
/// <code>
/// event \ state            Idle          Reserving       Reserved            Restoring          Standby
/// Prepare                  -> Reserving  -               -                   -                  -
/// reserved and warm        -             -> Reserved     -                   -                  -
/// part                     -             refuse          decode              refuse             -
/// AheadEnd, all decoded    -             refuse          AheadDecoded        refuse             -
/// FinalEnd, all decoded    -             refuse          -> Restoring        refuse             -
/// restored, same hash      -             -               -                   -> Standby, Ready  -
/// decode fails             -             refuse          refuse              refuse             -
/// Abort                    -             wipe            wipe                wipe               wipe
/// link lost                -             wipe            wipe                wipe               asks the directory
/// timeout                  -             refuse          refuse              refuse             asks the directory, again and again
/// Committed                -             -               -                   -                  -> Serving(e+1)
/// record (self, e+1) *     -             wipe            wipe                wipe               -> Serving(e+1)
/// record, epoch above e    -             wipe            wipe                wipe               wipe
///
/// refuse   wipe, and tell the source: -> Wiped       wipe: -> Wiped
/// *        with the hash of what was restored (a planned move), or with none (a forced take-over)
/// </code>
/// From Ready on it never gives the state up on its own: the source may commit at any time, and it alone knows. A *forced* take-over that
/// makes this member the owner of e+1 may use the state as well: it is complete, and the source, frozen since, could have sent another
/// packet only after its own write had made e+1 its own. So a source that crashes after the transfer loses no connection.
/// </remarks>
internal sealed class DestinationHandOver(Member self, HandOverOptions options, ulong firstRequest)
{
    private readonly Queue<HandOverAction> _actions = new();
    private PrepareMessage? _prepare;
    private ReadOnlyMemory<byte> _share;
    private bool _isReserved;
    private bool _isWarm;
    private bool _isAheadEnded;
    private bool _isAheadDecoded;
    private bool _isLastPart;
    private int _decoding;
    private long _sealedBytes;
    private SnapshotHash _announced;
    private SnapshotHash _restored;
    private ulong _nextRequest = firstRequest;
    private Instant _expires = Instant.Never;
    private Instant _pollAt = Instant.Never;
    private Instant _readyAt;

    public DestinationState State { get; private set; }

    public ulong ServingEpoch { get; private set; }

    public ulong Attempt => _prepare?.Attempt ?? 0;

    public string Component => _prepare?.Component ?? "";

    /// <summary>What parts are bound to; null before <see cref="PrepareMessage"/>.</summary>
    public SnapshotBinding? Binding => _prepare?.Binding;

    public bool HasEnded => State is DestinationState.Serving or DestinationState.Wiped;

    public Instant Deadline => HasEnded ? Instant.Never : Instant.Min(_expires, _pollAt);

    public bool TryTakeAction([NotNullWhen(true)] out HandOverAction? action) => _actions.TryDequeue(out action);

    public void OnMessage(HandOverMessage message, Instant now)
    {
        if (message is PrepareMessage prepare && State is DestinationState.Idle)
        {
            OnPrepare(prepare, now);
            return;
        }

        if (State is DestinationState.Idle || HasEnded || message.Attempt != Attempt)
        {
            return;
        }

        switch (message)
        {
            case AbortMessage:
                Wipe();
                break;
            case CommittedMessage committed when State is DestinationState.Standby && committed.Epoch == _prepare!.Epoch + 1:
                Serve();
                break;
            case PartMessage part when State is DestinationState.Reserved && IsNext(part):
                OnPart(part);
                break;
            case AheadEndMessage when State is DestinationState.Reserved && !_isAheadEnded:
                _isAheadEnded = true;
                OnProgress();
                break;
            case FinalEndMessage end when State is DestinationState.Reserved && _isLastPart && _announced.IsNone && !end.Hash.IsNone:
                _announced = end.Hash;
                OnProgress();
                break;
            case PartMessage or AheadEndMessage or FinalEndMessage when State is not DestinationState.Standby:
                // The link keeps the order, so this is a broken source, not a late message.
                Refuse(RefuseCode.Failed);
                break;
            default:
                break;
        }
    }

    /// <summary>There is room, and the component may be hosted.</summary>
    /// <param name="share">32 random bytes for the snapshot's key.</param>
    public void OnReserved(ReadOnlyMemory<byte> share)
    {
        _share = share;
        _isReserved = true;
        Accept();
    }

    /// <summary>The dummy run is done.</summary>
    public void OnWarmed()
    {
        _isWarm = true;
        Accept();
    }

    /// <summary>It cannot be taken.</summary>
    public void OnRefused(RefuseCode code) => Refuse(code);

    /// <summary>A part was opened and applied.</summary>
    public void OnDecoded()
    {
        if (State is DestinationState.Reserved && _decoding > 0)
        {
            _decoding--;
            OnProgress();
        }
    }

    /// <summary>A part does not open, or what it holds is wrong.</summary>
    public void OnDecodeFailed() => Refuse(RefuseCode.CannotDecode);

    /// <summary>Every connection stands, silent.</summary>
    /// <param name="hash">Over the parts as they were opened here.</param>
    /// <param name="now">The time.</param>
    public void OnRestored(SnapshotHash hash, Instant now)
    {
        if (State is not DestinationState.Restoring)
        {
            return;
        }

        if (hash != _announced)
        {
            Refuse(RefuseCode.CannotDecode);
            return;
        }

        State = DestinationState.Standby;
        _restored = hash;
        _readyAt = now;
        _expires = Instant.Never;
        _pollAt = now + options.StandbyPoll;
        Do(new SendAction(new ReadyMessage(Attempt, hash)));
    }

    /// <summary>The first datagrams were processed here, or there were none to process.</summary>
    public void OnResumed(Instant now)
    {
        if (State is DestinationState.Serving)
        {
            Do(new SendAction(new ResumedMessage(Attempt, now - _readyAt)));
        }
    }

    /// <summary>The link to the source is gone.</summary>
    public void OnLinkLost(Instant now)
    {
        if (State is DestinationState.Standby)
        {
            Poll(now);
        }
        else if (State is not DestinationState.Idle && !HasEnded)
        {
            Wipe();
        }
    }

    public void OnDirectory(OwnershipAnswer answer)
    {
        if (answer.Record is { } record)
        {
            OnRecord(record);
        }
    }

    /// <summary>A record that the directory has shown; it may be old.</summary>
    public void OnRecord(OwnershipRecord record)
    {
        if (State is DestinationState.Idle || HasEnded || record.Component != Component || record.Epoch <= _prepare!.Epoch)
        {
            return;
        }

        bool isOurs = record.Owner == self && record.Epoch == _prepare.Epoch + 1
            && (record.SnapshotHash.IsNone || record.SnapshotHash == _restored);
        if (isOurs && State is DestinationState.Standby)
        {
            Serve();
        }
        else
        {
            Wipe();
        }
    }

    public void Tick(Instant now)
    {
        if (now >= _expires)
        {
            Refuse(RefuseCode.Timeout);
        }

        if (now >= _pollAt)
        {
            Poll(now);
        }
    }

    /// <summary>Everything that decides what happens next, without times: for logs and for the exploration of all states.</summary>
    public override string ToString() =>
        $"{State}({ServingEpoch}) reserved={_isReserved} warm={_isWarm} ahead={_isAheadEnded}/{_isAheadDecoded} last={_isLastPart} "
        + $"decoding={_decoding} announced={!_announced.IsNone} restored={!_restored.IsNone} expires={!_expires.IsNever} poll={!_pollAt.IsNever}";

    private void Do(HandOverAction action) => _actions.Enqueue(action);

    private void OnPrepare(PrepareMessage prepare, Instant now)
    {
        _prepare = prepare;
        State = DestinationState.Reserving;
        if (prepare.Destination != self)
        {
            // Meant for an earlier life of this node.
            Refuse(RefuseCode.Failed);
        }
        else if (prepare.SnapshotVersion != HandOverOptions.SnapshotVersion)
        {
            Refuse(RefuseCode.CannotDecode);
        }
        else if (prepare.StateBytes > (ulong)options.MaxSealedBytes)
        {
            Refuse(RefuseCode.NoCapacity);
        }
        else
        {
            _expires = now + prepare.Timeout + options.DestinationSlack;
            Do(new ReserveAction(prepare));
            Do(new WarmAction());
        }
    }

    private void Accept()
    {
        if (State is DestinationState.Reserving && _isReserved && _isWarm)
        {
            State = DestinationState.Reserved;
            Do(new SendAction(new AcceptMessage(Attempt, _share)));
        }
    }

    /// <summary>The copy comes before its end, the delta after the copy was decoded, nothing after the last part.</summary>
    private bool IsNext(PartMessage part) => !_isLastPart && (part.IsFinal ? _isAheadDecoded : !_isAheadEnded);

    private void OnPart(PartMessage part)
    {
        _sealedBytes += part.Bytes.Length;
        if (_sealedBytes > options.MaxSealedBytes)
        {
            Refuse(RefuseCode.NoCapacity);
            return;
        }

        _isLastPart = part.IsLast;
        _decoding++;
        Do(new DecodeAction(part));
    }

    private void OnProgress()
    {
        if (_decoding > 0)
        {
            return;
        }

        if (_isAheadEnded && !_isAheadDecoded)
        {
            _isAheadDecoded = true;
            Do(new SendAction(new AheadDecodedMessage(Attempt)));
        }

        if (!_announced.IsNone)
        {
            State = DestinationState.Restoring;
            Do(new RestoreAction());
        }
    }

    private void Poll(Instant now)
    {
        _pollAt = now + options.StandbyPoll;
        Do(new DirectoryAction(new ReadOwnership(_nextRequest++, Component)));
    }

    private void Serve()
    {
        State = DestinationState.Serving;
        ServingEpoch = _prepare!.Epoch + 1;
        Do(new ServeAction(ServingEpoch));
    }

    private void Refuse(RefuseCode code)
    {
        // After Ready the source may have committed already: what it was promised cannot be taken back.
        if (State is DestinationState.Idle or DestinationState.Standby || HasEnded)
        {
            return;
        }

        Do(new SendAction(new RefuseMessage(Attempt, code)));
        Wipe();
    }

    private void Wipe()
    {
        State = DestinationState.Wiped;
        Do(new WipeAction());
    }
}
