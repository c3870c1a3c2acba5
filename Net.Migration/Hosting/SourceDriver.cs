using System.Security.Cryptography;
using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.HandOver;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Carries out what the source's machine of one hand-over asks for. On the node's actor only.</summary>
internal sealed class SourceDriver(
    HandOverPlan plan, HandOverOptions options, ComponentShard shard, IActor actor, Action<LinkMessage> control, Action<MigrateReport> report)
    : IDisposable
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(1);

    private readonly SourceHandOver _machine = new(plan, options);
    private ComponentExport? _export;
    private ILink? _link;
    private Instant _nextPoll = Instant.Never;
    private bool _isDisposed;

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
        _machine.OnLinkLost(now);
        Pump(now);
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
            Poll();
        }

        Pump(now);
    }

    public void Dispose()
    {
        _isDisposed = true;
        if (_export is ComponentExport export)
        {
            // Behind what the shard may still be writing to it.
            shard.Run(_ => export.Dispose());
        }

        _ = _link?.DisposeAsync().AsTask();
    }

    private void Pump(Instant now)
    {
        while (_machine.TryTakeAction(out HandOverAction? action))
        {
            Do(action, now);
        }
    }

    private void Do(HandOverAction action, Instant now)
    {
        switch (action)
        {
            case SendAction send: _link?.Send(send.Message); break;
            case DirectoryAction directory: control(new OwnershipAskMessage(directory.Request)); break;
            // The copy ahead runs the very code of the freeze, on the real connections.
            case WarmAction: _machine.OnWarmed(now); break;
            case ExportAheadAction: ExportAhead(); break;
            case HoldInitialsAction: control(new HoldInitialsMessage(Component, plan.Epoch, Hold: true)); break;
            case ReleaseInitialsAction: control(new HoldInitialsMessage(Component, plan.Epoch, Hold: false)); break;
            case HoldRequestsAction: OnShard(_ => shard.HoldRequests(), _ => Poll()); break;
            case ReleaseRequestsAction: OnShard(shard.ReleaseRequests); break;
            case RefuseHandshakesAction: OnShard(shard.RefuseHandshakes); break;
            case FreezeAction: Freeze(); break;
            case SendMarkerAction marker: OnShard(_ => shard.Channel.SendMarker(resume: false, marker.Epoch)); break;
            case SendResumeMarkerAction marker: OnShard(_ => shard.Channel.SendMarker(resume: true, marker.Epoch)); break;
            case ExportFinalAction: ExportFinal(); break;
            case ThawAction thaw: OnShard(at => shard.Thaw(thaw.Epoch, at)); break;
            case DestroyAction: OnShard(_ => shard.Destroy()); break;
            // A shard that owns nothing hands back what still comes: the ingress knows the owner.
            case ForwardAction or EndForwardAction: break;
            case ReportAction done: report(done.Report); break;
            default: throw new InvalidOperationException($"a source does not do {action.GetType().Name}");
        }
    }

    private void ExportAhead()
    {
        Span<byte> key = stackalloc byte[SnapshotBinding.KeyLength];
        plan.Binding.DeriveKey(plan.Share.Span, _machine.DestinationShare.Span, key);
        ComponentExport export = _export = new(plan.Binding, key);
        CryptographicOperations.ZeroMemory(key);
        OnShard(at => shard.ExportAhead(export, at), _ =>
        {
            foreach (byte[] part in export.TakeAhead())
            {
                _machine.OnAheadPart(part);
            }

            _machine.OnAheadExported();
        });
    }

    private void Freeze()
    {
        ComponentFreeze frozen = default;
        OnShard(at => frozen = shard.Freeze(at), now => _machine.OnFrozen(frozen.LastProcessed, frozen.Connections, frozen.Abandoned, now));
    }

    private void ExportFinal()
    {
        ComponentExport export = _export!;
        OnShard(at => shard.ExportFinal(export, at), _ =>
        {
            foreach ((byte[] part, bool isLast) in export.TakeFinal())
            {
                _machine.OnFinalPart(part, isLast);
            }

            _machine.OnFinalExported(export.Hash);
        });
    }

    /// <summary>Handlers come to their safe points, and handshakes to their end, when they do: asked for every millisecond meanwhile.</summary>
    private void Poll()
    {
        if (_machine.State != SourceState.Quiescing)
        {
            return;
        }

        bool isQuiet = false, isSettled = false;
        OnShard(_ => (isQuiet, isSettled) = (shard.IsQuiet, shard.AreHandshakesSettled), now =>
        {
            if (isQuiet)
            {
                _machine.OnSafePoint();
            }

            if (isSettled)
            {
                _machine.OnHandshakesSettled();
            }

            _nextPoll = _machine.State == SourceState.Quiescing ? now + s_poll : Instant.Never;
        });
    }

    /// <summary>Does something on the shard's thread, then something here.</summary>
    private void OnShard(Action<Instant> work, Action<Instant>? then = null) => shard.Run(at =>
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

        actor.Post(now =>
        {
            if (_isDisposed)
            {
                return;
            }

            if (fault is null)
            {
                then?.Invoke(now);
            }
            else
            {
                _machine.OnFailed(now);
            }

            Pump(now);
            if (fault is not null)
            {
                throw new InvalidOperationException($"a move of {Component} failed", fault);
            }
        });
    });
}
