using System.Security.Cryptography;
using Net.Core.Time;
using Net.Migration.Diagnostics;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.HandOver;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Carries out what the source's machine of one hand-over asks for. On the node's actor only.</summary>
internal sealed class SourceDriver(
    HandOverPlan plan, HandOverOptions options, ComponentShard shard, NodeSurroundings surroundings, Action<LinkMessage> control, Action<MigrateReport> report)
    : IDisposable
{
    /// <summary>Parts that are sealed in one turn of the actor, which has heartbeats to send: a megabyte.</summary>
    private const int PartsPerTurn = 16;

    /// <summary>Bytes of the copy that may wait for the link: what is copied later is newer, and memory for all of it is not there.</summary>
    private const long MaxWaiting = 4 * 1024 * 1024;

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(1);

    private readonly SourceHandOver _machine = new(plan, options);
    private ComponentExport? _export;
    private ILink? _link;
    private Instant _nextPoll = Instant.Never;
    private bool _hasMoreToCopy;
    private bool _isDisposed;
    private readonly MoveActivity? _activity = MoveActivity.Send(plan);
    private bool _isReported;
    private ComponentFreeze _frozen;
    private Exception? _exportFault;

    public string Component => plan.Record.Component;

    public bool HasEnded => _machine.HasEnded;

    /// <summary>From here on the connections are not this node's to serve, whatever else happens.</summary>
    public bool IsForwarding => _machine.State == SourceState.Forwarding;

    /// <summary>It is over, and this node owns nothing.</summary>
    public bool HasLost => _machine.State == SourceState.Gone;

    public ulong ServingEpoch => _machine.ServingEpoch;

    /// <summary>Under which it served before.</summary>
    public ulong Epoch => plan.Epoch;

    public Instant Deadline => Instant.Min(_machine.Deadline, _nextPoll);

    public void Start(ILink link, Instant now)
    {
        _link = link;
        if (_activity is not null)
        {
            link.Send(_activity.Context(plan.Attempt));
        }

        _machine.Start(now);
        Pump(now);
    }

    public void OnMessage(HandOverMessage message, Instant now)
    {
        _machine.OnMessage(message, now);
        Pump(now);
    }

    public void OnLinkLost(Instant now)
    {
        LoseLink(now);
        Pump(now);
    }

    /// <summary>Somebody is taken for dead. Is it the destination, clients need not wait until the link to it times out.</summary>
    public void OnDead(Member member, Instant now)
    {
        if (member == plan.Destination && !IsForwarding)
        {
            OnLinkLost(now);
        }
    }

    public void OnDirectory(OwnershipAnswer answer, Instant now)
    {
        _machine.OnDirectory(answer, now);
        Pump(now);
    }

    public void OnRecord(OwnershipRecord record, Instant now)
    {
        _machine.OnRecord(record, now);
        Pump(now);
    }

    public void OnInitialsHeld(Instant now)
    {
        _machine.OnInitialsHeld();
        Pump(now);
    }

    public void Tick(Instant now)
    {
        _machine.Tick(now);
        if (now >= _nextPoll)
        {
            _nextPoll = Instant.Never;
            Poll(now);
        }

        Pump(now);
    }

    public void Dispose()
    {
        _isDisposed = true;
        if (_export is ComponentExport export)
        {
            // Behind what the shard may still be writing to it.
            shard.Run(_ =>
            {
                export.Dispose();
                shard.EndCopy(export);
            });
        }

        CloseLink();
        if (!_isReported)
        {
            ReportLast();
        }

        if (!_isReported)
        {
            _activity?.End("aborted");
        }
    }

    /// <summary>Let go of before the destination's word that it serves: the command is answered now.</summary>
    private void ReportLast()
    {
        if (_machine.ReportNow())
        {
            while (_machine.TryTakeAction(out HandOverAction? action))
            {
                if (action is ReportAction last)
                {
                    Report(last.Report);
                }
            }
        }
    }

    private void Pump(Instant now)
    {
        while (_machine.TryTakeAction(out HandOverAction? action))
        {
            if (action is not SendAction)
            {
                // What is said before something is done is said.
                _link?.Flush();
            }

            Do(action, now);
        }

        _link?.Flush();
    }

    private void Do(HandOverAction action, Instant now)
    {
        switch (action)
        {
            case SendAction send:
                if (send.Message is FinalEndMessage)
                {
                    FaultPoints.At("source:transferring", Component, () => LoseLink(now), before: () => _link?.Flush());
                }

                _link?.Queue(send.Message);
                break;
            case DirectoryAction directory:
                if (directory.Request is MoveOwnership)
                {
                    FaultPoints.At("source:ready", Component, () => LoseLink(now));
                }

                control(new OwnershipAskMessage(directory.Request));
                if (directory.Request is MoveOwnership)
                {
                    FaultPoints.At("source:move-asked", Component, () => LoseLink(now));
                }

                Tell(MovePhase.Asked);
                break;
            case WarmAction: surroundings.WhenRehearsed(now, OnWarmed); break;
            case ExportAheadAction:
                FaultPoints.At("source:preparing", Component, () => LoseLink(now));
                ExportAhead();
                break;
            case HoldInitialsAction:
                FaultPoints.At("source:quiescing", Component, () => LoseLink(now));
                control(new HoldInitialsMessage(Component, plan.Epoch, Hold: true));
                break;
            case ReleaseInitialsAction: control(new HoldInitialsMessage(Component, plan.Epoch, Hold: false)); break;
            case HoldRequestsAction: OnShard(_ => shard.HoldRequests(), Poll); break;
            case ReleaseRequestsAction: OnShard(shard.ReleaseRequests); break;
            case RefuseHandshakesAction: OnShard(shard.RefuseHandshakes); break;
            case FreezeAction: Freeze(); break;
            // Was sent in the turn that froze, behind the last datagram.
            case SendMarkerAction: break;
            case SendResumeMarkerAction marker: OnShard(_ => shard.Channel.SendMarker(resume: true, marker.Epoch)); break;
            case ExportFinalAction:
                FaultPoints.At("source:frozen", Component, () => LoseLink(now));
                SealFinal(now);
                break;
            case ThawAction thaw: OnShard(at => shard.Thaw(thaw.Epoch, at)); break;
            case DestroyAction: OnShard(shard.Destroy); break;
            // A shard that owns nothing hands back what still comes: the ingress knows the owner.
            case ForwardAction:
                FaultPoints.At("source:forwarding", Component, () => LoseLink(now));
                break;
            case EndForwardAction: break;
            case ReportAction done: Report(done.Report); break;
            default: throw new InvalidOperationException($"a source does not do {action.GetType().Name}");
        }
    }

    private void OnWarmed(Instant now)
    {
        _machine.OnWarmed(now);
        Pump(now);
    }

    private void ExportAhead()
    {
        Span<byte> key = stackalloc byte[SnapshotBinding.KeyLength];
        plan.Binding.DeriveKey(plan.Share.Span, _machine.DestinationShare.Span, key);
        ComponentExport export = _export = new(plan.Binding, key, surroundings.Export);
        CryptographicOperations.ZeroMemory(key);
        CopyAhead(export, isFirst: true);
    }

    /// <summary>In several turns of the shard, which serves in between, and of the actor, which has other things to do as well.</summary>
    private void CopyAhead(ComponentExport export, bool isFirst) => OnShard(
        at =>
        {
            if (isFirst)
            {
                shard.BeginCopy(export);
            }

            _hasMoreToCopy = shard.ExportAhead(export, at);
            if (!_hasMoreToCopy)
            {
                export.EndAhead();
            }
        },
        GoOnCopying);

    /// <summary>Sends what has been copied, and has more copied when the link has taken most of it.</summary>
    private void GoOnCopying(Instant now)
    {
        ComponentExport export = _export!;
        bool isThere = true;
        for (int count = 0; count < PartsPerTurn && _machine.State == SourceState.Preparing; count++)
        {
            isThere = export.TryTakeAhead(isEnd: !_hasMoreToCopy, out byte[]? part);
            if (!isThere)
            {
                break;
            }

            _machine.OnAheadPart(part);
            Pump(now);
        }

        if (_machine.State != SourceState.Preparing)
        {
            return;
        }

        if (_link is { Waiting: > MaxWaiting })
        {
            _nextPoll = now + s_poll;
        }
        else if (isThere)
        {
            InLaterTurn(GoOnCopying);
        }
        else if (_hasMoreToCopy)
        {
            CopyAhead(export, isFirst: false);
        }
        else
        {
            _machine.OnAheadExported();
        }
    }

    /// <summary>Freeze, marker and delta are one turn of the shard: each change of threads would be part of the stall.</summary>
    private void Freeze()
    {
        ComponentExport export = _export!;
        OnShard(
            at =>
            {
                Tell(MovePhase.Freezing);
                _frozen = new(at, 0, 0);
                _frozen = shard.Freeze(at);
                shard.Channel.SendMarker(resume: false, plan.Epoch);
                try
                {
                    uint stay = shard.ExportFinal(export, at);
                    _frozen = _frozen with { Connections = _frozen.Connections - stay, Abandoned = _frozen.Abandoned + stay };
                }
#pragma warning disable CA1031 // It fails the export, which is asked for next, and not the freeze, which has to be undone.
                catch (Exception e)
#pragma warning restore CA1031
                {
                    _exportFault = e;
                }

                Tell(MovePhase.Exported);
            },
            now => _machine.OnFrozen(_frozen.LastProcessed, _frozen.Connections, _frozen.Abandoned, now),
            now =>
            {
                // Some connections may stand still, others not: the freeze has ended all the same, so that it can be undone.
                _machine.OnFailed(now);
                _machine.OnFrozen(_frozen.LastProcessed, _frozen.Connections, _frozen.Abandoned, now);
            },
            isUrgent: true);
    }

    private void SealFinal(Instant now)
    {
        Exception? fault = _exportFault;
        try
        {
            if (fault is null)
            {
                _export!.EndFinal();
                SendFinal(now);
            }
        }
#pragma warning disable CA1031 // Whatever it was, the move fails and this node goes on.
        catch (Exception e)
#pragma warning restore CA1031
        {
            fault = e;
        }

        if (fault is not null)
        {
            _machine.OnFailed(now);
            Pump(now);
            throw new InvalidOperationException($"{Component} cannot be written down", fault);
        }
    }

    /// <summary>In one turn of the actor, unless there is very much.</summary>
    private void SendFinal(Instant now)
    {
        ComponentExport export = _export!;
        for (int count = 0; count < PartsPerTurn; count++)
        {
            if (_machine.State is not (SourceState.Exporting or SourceState.Transferring))
            {
                return;
            }

            byte[] part = export.TakeFinal(out bool isLast);
            _machine.OnFinalPart(part, isLast);
            if (isLast)
            {
                _machine.OnFinalExported(export.Hash);
                Tell(MovePhase.Sent);
                return;
            }
        }

        InLaterTurn(SendFinal);
    }

    /// <summary>The actor has other things to do first.</summary>
    private void InLaterTurn(Action<Instant> then) => surroundings.Actor.Post(now =>
    {
        if (!_isDisposed)
        {
            Continue(fault: null, then, _machine.OnFailed, now);
        }
    });

    private void Report(MigrateReport done)
    {
        _isReported = true;
        _activity?.End(done);
        report(done);
        if (done.Moved)
        {
            // Nothing more is to be said on either side.
            CloseLink();
        }
    }

    /// <summary>From any thread.</summary>
    private void Tell(MovePhase phase)
    {
        surroundings.Phases?.Invoke(phase);
        _activity?.OnPhase(phase);
    }

    private void LoseLink(Instant now)
    {
        CloseLink();
        _machine.OnLinkLost(now);
    }

    private void CloseLink()
    {
        _ = _link?.DisposeAsync().AsTask();
        _link = null;
    }

    /// <summary>Handlers come to their safe points, handshakes to their end, and bytes leave when they do: asked for every millisecond meanwhile.</summary>
    private void Poll(Instant now)
    {
        if (_machine.State == SourceState.Preparing)
        {
            GoOnCopying(now);
            return;
        }

        if (_machine.State != SourceState.Quiescing)
        {
            return;
        }

        bool isQuiet = false, isSettled = false;
        OnShard(_ => (isQuiet, isSettled) = (shard.IsQuiet, shard.AreHandshakesSettled), later =>
        {
            if (isQuiet)
            {
                _machine.OnSafePoint();
            }

            if (isSettled)
            {
                _machine.OnHandshakesSettled();
            }

            _nextPoll = _machine.State == SourceState.Quiescing ? later + s_poll : Instant.Never;
        });
    }

    /// <summary>Does something on the shard's thread, then something here.</summary>
    /// <param name="work">On the shard's own thread: much of it is long, and some is the component's code.</param>
    /// <param name="then">Here, when it is done.</param>
    /// <param name="failed">Here, when it has thrown; null: the move fails.</param>
    /// <param name="isUrgent">The shard's thread may take the actor's turn itself: it has nothing else to do.</param>
    private void OnShard(Action<Instant> work, Action<Instant>? then = null, Action<Instant>? failed = null, bool isUrgent = false) => shard.RunAlone(at =>
    {
        Exception? fault = null;
        try
        {
            work(at);
        }
#pragma warning disable CA1031 // A part that cannot be written down must fail the move, not the thread that serves.
        catch (Exception e)
#pragma warning restore CA1031
        {
            fault = e;
        }

        Action<Instant> turn = now =>
        {
            if (!_isDisposed)
            {
                Continue(fault, then, failed ?? _machine.OnFailed, now);
            }
        };
        if (isUrgent)
        {
            surroundings.Actor.Do(turn);
        }
        else
        {
            surroundings.Actor.Post(turn);
        }
    });

    private void Continue(Exception? fault, Action<Instant>? then, Action<Instant> failed, Instant now)
    {
        try
        {
            if (fault is null)
            {
                then?.Invoke(now);
            }
            else
            {
                failed(now);
            }
        }
#pragma warning disable CA1031 // As above: sealing may fail as well.
        catch (Exception e)
#pragma warning restore CA1031
        {
            fault = e;
            _machine.OnFailed(now);
        }

        Pump(now);
        if (fault is not null)
        {
            throw new InvalidOperationException($"a move of {Component} failed", fault);
        }
    }
}
