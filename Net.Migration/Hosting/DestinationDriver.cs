using System.Buffers;
using System.Security.Cryptography;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Migration.Diagnostics;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.HandOver;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Carries out what the destination's machine of one hand-over asks for. On the node's actor only.</summary>
internal sealed class DestinationDriver(
    Member self, HandOverOptions options, ILink link, NodeSurroundings surroundings, Action<LinkMessage> control, IDestinationNode node, byte[] share,
    ulong firstRequest)
    : IDisposable
{
    /// <summary>Bytes that are restored in the actor's turn: a few milliseconds. Not where code of the component's runs, which may take any time.</summary>
    private const long MaxLent = 1024 * 1024;

    /// <summary>Connections that are thawed in the actor's turn: as <see cref="MaxLent"/>.</summary>
    private const int MaxThawed = 200;

    /// <summary>Without a datagram to process, a move counts as done after this: nobody is waiting.</summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromMilliseconds(100);

    /// <summary>How long the last word has to arrive, when the source does not close the link before: closing it would overtake that word.</summary>
    private static readonly TimeSpan s_lastWord = TimeSpan.FromSeconds(5);

    private readonly DestinationHandOver _machine = new(self, options, firstRequest);
    private readonly ImageStore _image = new(new());
    // From the pool: arrays of this size are collected with the oldest generation alone, which would be in the freezes of later moves.
    private readonly byte[] _plain = ArrayPool<byte>.Shared.Rent(SealedPart.MaxPlain);
    private SnapshotOpener? _opener;
    private PrepareMessage? _prepare;
    private TraceContextMessage? _cause;
    private MoveActivity? _activity;
    private ComponentShard? _shard;
    private Instant _silenceEnds = Instant.Never;
    private Instant _servedAt;
    private Instant _arrivedAt = Instant.Never;
    private bool _isAwaited;
    private bool _isRestoringAhead;
    private bool _hasRestoredAhead;
    private Instant _closeAt = Instant.Never;
    private bool _isLinkLost;
    private bool _isDisposed;

    public string Component => _machine.Component;

    /// <summary>It is over, and nothing that it said is on its way any more.</summary>
    public bool HasEnded => _machine.HasEnded && !_isAwaited && _isLinkLost;

    public bool IsServing => _machine.State == DestinationState.Serving;

    public Instant Deadline => Instant.Min(Instant.Min(_machine.Deadline, _silenceEnds), _closeAt);

    public void OnMessage(HandOverMessage message, Instant now)
    {
        if (message is TraceContextMessage cause)
        {
            _cause = cause;
            return;
        }

        if (message is AheadEndMessage end && _machine.State is DestinationState.Reserved && !_hasRestoredAhead)
        {
            // The source goes on to its freeze when it hears that the copy was decoded: not before what can be built of it is.
            _isRestoringAhead = _hasRestoredAhead = true;
            RestoreAhead(end, now, isFirst: true);
            return;
        }

        _arrivedAt = message is PartMessage && _arrivedAt.IsNever ? now : _arrivedAt;
        if (_isRestoringAhead && message is (PartMessage or FinalEndMessage or AheadEndMessage))
        {
            // The shard reads the image: nothing is added to it, and no source that keeps the order has anything to add.
            _machine.OnDecodeFailed();
        }
        else
        {
            _machine.OnMessage(message, now);
        }

        Pump(now);
    }

    public void OnLinkLost(Instant now)
    {
        _isLinkLost = true;
        _machine.OnLinkLost(now);
        Pump(now);
    }

    public void OnDirectory(OwnershipAnswer answer, Instant now)
    {
        _machine.OnDirectory(answer);
        Pump(now);
    }

    public void OnRecord(OwnershipRecord record, Instant now)
    {
        _machine.OnRecord(record);
        Pump(now);
    }

    public void Tick(Instant now)
    {
        _machine.Tick(now);
        if (now >= _silenceEnds)
        {
            // Nobody has spoken to it, so nobody has waited: the stall ended when it could have been answered.
            Resumed(_servedAt, now);
        }

        Pump(now);
        if (now >= _closeAt)
        {
            (_isLinkLost, _closeAt) = (true, Instant.Never);
        }
    }

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _activity?.End(IsServing ? null : "aborted");
        _opener?.Dispose();
        CryptographicOperations.ZeroMemory(_plain);
        ArrayPool<byte>.Shared.Return(_plain);
        CryptographicOperations.ZeroMemory(share);
        _ = link.DisposeAsync().AsTask();
    }

    private void Pump(Instant now)
    {
        while (_machine.TryTakeAction(out HandOverAction? action))
        {
            Do(action, now);
        }

        if (_machine.HasEnded && !_isLinkLost && _closeAt.IsNever)
        {
            _closeAt = now + s_lastWord;
        }
    }

    private void Do(HandOverAction action, Instant now)
    {
        switch (action)
        {
            case SendAction send: Send(send.Message, now); break;
            case DirectoryAction directory: control(new OwnershipAskMessage(directory.Request)); break;
            case ReserveAction reserve:
                FaultPoints.At("destination:preparing", Component);
                Reserve(reserve.Prepare);
                break;
            case WarmAction: surroundings.WhenRehearsed(now, OnWarmed); break;
            case DecodeAction decode:
                if (decode.Part.IsFinal)
                {
                    FaultPoints.At("destination:transferring", Component);
                }

                Decode(decode.Part);
                break;
            case RestoreAction: Restore(); break;
            case ServeAction serve: Serve(serve.Epoch, now); break;
            case WipeAction: Wipe(); break;
            default: throw new InvalidOperationException($"a destination does not do {action.GetType().Name}");
        }
    }

    private void Send(HandOverMessage message, Instant now)
    {
        if (message is ReadyMessage)
        {
            FaultPoints.At("destination:restored", Component, () =>
            {
                _ = link.DisposeAsync().AsTask();
                _isLinkLost = true;
                _machine.OnLinkLost(now);
            });
        }

        link.Send(message);
        if (message is AheadDecodedMessage)
        {
            FaultPoints.At("destination:quiescing", Component);
        }
    }

    private void OnWarmed(Instant now)
    {
        _machine.OnWarmed();
        Pump(now);
    }

    private void Reserve(PrepareMessage prepare)
    {
        _prepare = prepare;
        _activity = MoveActivity.Receive(prepare, _cause);
        RefuseCode? refusal = node.TryReserve(prepare, out _shard);
        if (refusal is RefuseCode code)
        {
            End("refused");
            _machine.OnRefused(code);
            return;
        }

        Span<byte> key = stackalloc byte[SnapshotBinding.KeyLength];
        prepare.Binding.DeriveKey(prepare.Share.Span, share, key);
        _opener = new(prepare.Binding, key);
        CryptographicOperations.ZeroMemory(key);
        ComponentShard shard = _shard!;
        shard.Run(_ => shard.StandBy());
        _machine.OnReserved(share);
    }

    private void Decode(PartMessage part)
    {
        try
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (!_opener!.TryOpen(part.Bytes.Span, part.IsLast, _plain, out int length))
            {
                _machine.OnDecodeFailed();
                return;
            }

            _image.Apply(_plain.AsSpan(0, length));
            CryptographicOperations.ZeroMemory(_plain.AsSpan(0, length));
            _machine.OnDecoded();
        }
        catch (SnapshotException)
        {
            _machine.OnDecodeFailed();
        }
    }

    /// <summary>In several turns of the shard: what comes meanwhile, such as an abort, is not kept waiting.</summary>
    /// <param name="endedAt">When the end of the copy came.</param>
    private void RestoreAhead(AheadEndMessage end, Instant endedAt, bool isFirst)
    {
        ComponentShard shard = _shard!;
        shard.RunAlone(at =>
        {
            Exception? fault = null;
            bool hasMore = false;
            try
            {
                // An attempt that has come to nothing has wiped its image, on this thread.
                hasMore = _image.IsWhole && shard.RestoreAhead(_image, Instant.Min(_arrivedAt, endedAt), endedAt, isFirst);
            }
#pragma warning disable CA1031 // As below.
            catch (Exception e)
#pragma warning restore CA1031
            {
                fault = e;
            }

            surroundings.Actor.Post(now =>
            {
                if (_isDisposed || _machine.HasEnded)
                {
                    return;
                }

                if (fault is null && hasMore)
                {
                    RestoreAhead(end, endedAt, isFirst: false);
                    return;
                }

                if (fault is null)
                {
                    _isRestoringAhead = false;
                    _machine.OnMessage(end, now);
                }
                else
                {
                    _machine.OnDecodeFailed();
                }

                Pump(now);
                if (fault is not null)
                {
                    throw new InvalidOperationException($"a snapshot of {Component} was refused", fault);
                }
            });
        });
    }

    private void Restore()
    {
        Tell(MovePhase.Decoded);
        ComponentShard shard = _shard!;
        // What takes long, or may, is done by the shard's own thread: this one has heartbeats to send.
        bool isShort = !shard.Callbacks.RestoresState && shard.Standby.BytesToRestore(_image) <= MaxLent;
        Action<Action<Instant>> run = isShort ? shard.RunAtOnce : shard.RunAlone;
        run(at =>
        {
            Exception? fault = null;
            try
            {
                shard.Restore(_image, at);
            }
#pragma warning disable CA1031 // A snapshot is hostile input, and so may be what a component makes of it: the move is refused, the source goes on.
            catch (Exception e)
#pragma warning restore CA1031
            {
                fault = e;
            }

            Tell(MovePhase.Restored);
            surroundings.Actor.Do(now =>
            {
                if (_isDisposed)
                {
                    return;
                }

                if (fault is null && _opener!.IsComplete && _image.IsWhole)
                {
                    _machine.OnRestored(_opener.Hash, now);
                }
                else
                {
                    _machine.OnDecodeFailed();
                }

                Pump(now);
                if (fault is not null)
                {
                    throw new InvalidOperationException($"a snapshot of {Component} was refused", fault);
                }
            });
        });
    }

    private void Serve(ulong epoch, Instant now)
    {
        Tell(MovePhase.Committed);
        ComponentShard shard = _shard!;
        _isAwaited = true;
        bool isShort = !shard.Callbacks.TellsServing && shard.Standby.Restored.Count <= MaxThawed;
        if (isShort)
        {
            OnServed(now);
        }

        Action<Action<Instant>> run = isShort ? shard.RunAtOnce : shard.RunAlone;
        run(at =>
        {
            shard.Serve(epoch, first => OnFirst(first), at);
            Tell(MovePhase.Serving);
            FaultPoints.At("destination:serving", Component);
            if (!isShort)
            {
                // Who tells when the stall ended waits for it, but not here.
                surroundings.Actor.Post(OnServed);
            }
        });
        // Behind it: clients wait.
        node.OnServing(_prepare!.Component, epoch);
        _image.Wipe();
    }

    /// <summary>Clients can be answered.</summary>
    private void OnServed(Instant now) => (_servedAt, _silenceEnds) = (now, _isAwaited ? now + s_silence : Instant.Never);

    /// <summary>On the shard's thread: a client was heard.</summary>
    private void OnFirst(Instant first)
    {
        Tell(MovePhase.First);
        surroundings.Actor.Post(later => Resumed(first, later));
    }

    private void Resumed(Instant at, Instant now)
    {
        if (_isAwaited)
        {
            (_isAwaited, _silenceEnds) = (false, Instant.Never);
            End(error: null);
            _machine.OnResumed(at);
            Pump(now);
        }
    }

    /// <summary>From any thread.</summary>
    private void Tell(MovePhase phase)
    {
        surroundings.Phases?.Invoke(phase);
        _activity?.OnPhase(phase);
    }

    private void End(string? error)
    {
        surroundings.Metrics?.OnArrival(_prepare!.Component, error);
        _activity?.End(error);
        _activity = null;
    }

    private void Wipe()
    {
        if (_shard is ComponentShard shard)
        {
            End("aborted");
            shard.RunAlone(_ =>
            {
                // Here, as the shard may be restoring from it.
                _image.Wipe();
                shard.StandDown();
                // And not before: a component that hangs here is not sent here again and again, each time with an image.
                surroundings.Actor.Post(_ => node.OnReleased(_prepare!.Component));
            });
        }
        else
        {
            _image.Wipe();
        }
    }
}

/// <summary>What a hand-over needs of the node that takes a component.</summary>
internal interface IDestinationNode
{
    /// <returns>Why it cannot be taken; null when it can, and the room is kept.</returns>
    RefuseCode? TryReserve(PrepareMessage prepare, out ComponentShard? shard);

    /// <summary>The component is this node's, under the epoch given.</summary>
    void OnServing(string component, ulong epoch);

    /// <summary>The attempt is over, and came to nothing.</summary>
    void OnReleased(string component);
}
