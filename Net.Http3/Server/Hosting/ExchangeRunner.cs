using Net.Core.Io;
using Net.Core.Time;
using Net.Http3.Messages;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Http3.Server.Hosting;

/// <summary>Runs the handler of one exchange, and performs its operations on the connection's thread.</summary>
#pragma warning disable CA1001 // Without a timer a cancellation source holds nothing: an abandoned one may simply be dropped.
internal sealed class ExchangeRunner : IOperationOwner, IShardWork, IThreadPoolWorkItem
#pragma warning restore CA1001
{
    private enum Phase
    {
        /// <summary>No handler yet.</summary>
        Waiting,
        Running,
        Finished,
    }

    private readonly ExchangeHost _host;
    private readonly CancellationTokenSource _cancellation = new();
    private Phase _phase;
    private Http3ErrorCode? _abort;
    private Exception? _fault;
    private IExchangePort _port;
    private ulong? _tether;
    private bool _hasStayed, _hasEnded, _isDropped, _isRolledBack;
    private ulong? _entered;
    private bool _isFirstDelay = true;
    private bool _isReadCancelled;

    public ExchangeRunner(ExchangeHost host, ServerConnection connection, ExchangeState state)
    {
        _host = host;
        _port = new StreamPort(connection, state.Id);
        Peer = connection.Peer;
        State = state;
        ReadOperation = new(this, host.Options.Inline);
        WriteOperation = new(this, host.Options.Inline);
    }

    public ExchangeState State { get; }

    public ExchangeOperation ReadOperation { get; }

    /// <summary>Everything but reads: heads, body bytes, delays.</summary>
    public ExchangeOperation WriteOperation { get; }

    public IShardQueue Queue => _host.Queue;

    public bool IsRunning => _phase == Phase.Running;

    /// <summary>The handler waits for bytes of the request.</summary>
    public bool IsReading => ReadOperation is { IsPending: true, Kind: OperationKind.Read };

    public bool IsAborted => _abort is not null;

    /// <summary>What a handler that ended without a response is answered with.</summary>
    public int FaultStatus => _fault is Http3BodyTooLargeException ? 413 : 500;

    /// <summary>The request may be a copy, as long as the connection's handshake is not complete.</summary>
    public bool IsEarlyData => _port.IsEarlyData;

    /// <summary>The request's connection has moved away, and the handler has stayed.</summary>
    public bool IsTethered => _hasStayed;

    public ConnectionPeer Peer { get; }

    /// <summary>The handlers' host.</summary>
    public ExchangeHost Host => _host;

    /// <summary>Methods that may change something wait for the handshake: a copy does not come that far (RFC 8470, section 3).</summary>
    public bool MayStart => !IsEarlyData || State.Head.IsSafe;

    /// <summary>No code of the handler runs, and none will run before an operation completes.</summary>
    public bool IsQuiet => _phase != Phase.Running
        || ((ReadOperation.IsAwaited || WriteOperation.IsAwaited) && !ReadOperation.IsCompleted && !WriteOperation.IsCompleted);

    /// <summary>Starts the handler if it waits for that.</summary>
    public void Start()
    {
        if (_phase != Phase.Waiting)
        {
            return;
        }

        _phase = Phase.Running;
        State.OnStarted();
        if (_host.Options.Inline)
        {
            Execute();
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    public void Execute() => _ = HandleAsync();

    /// <summary>The request is over. Held handlers learn it when they are released.</summary>
    public void Abort(Http3ErrorCode code)
    {
        _abort ??= code;
        if (_phase == Phase.Waiting)
        {
            _phase = Phase.Finished;
        }
        else if (!_host.Holds)
        {
            Cancel();
        }
    }

    public void Perform(ExchangeOperation operation, Instant now)
    {
        // Abandoned: the exchange lives elsewhere, and here nothing of it ever completes.
        if (!IsGone && !_host.Holds)
        {
            TryPerform(operation, now);
        }
    }

    /// <summary>Writes down that the handler, if the move succeeds, stays here.</summary>
    public Tethers.Tether Leave(ITetherCarrier carrier)
    {
        Tethers.Tether tether = carrier.Begin(State.Id);
        _tether = tether.Number;
        return tether;
    }

    /// <summary>The connection has moved away: the handler goes on at the end of a tether; one that nobody can be tied to is told to end.</summary>
    public void Stay(ITetherCarrier carrier, Http3Session session, Instant now)
    {
        if (_phase != Phase.Running)
        {
            return;
        }

        _hasStayed = true;
        if (_tether is ulong number && _abort is null)
        {
            Tethers.TetherServer tether = new(number, this, session, carrier);
            _port = tether;
            carrier.OnLeft(tether);
        }
        else
        {
            _port = new NoPort();
            _abort ??= Http3ErrorCode.InternalError;
        }

        Release(now);
    }

    /// <summary>See <see cref="Http3Exchange.EnterStateAsync"/>.</summary>
    public async ValueTask<StateLease> EnterStateAsync()
    {
        StateLease lease = await _host.State.EnterAsync().ConfigureAwait(false);
        if (_isRolledBack)
        {
            // It waited here while the state went back: what it knows of it is true no more.
            lease.Dispose();
            throw new Http3RequestAbortedException(Http3ErrorCode.InternalError);
        }

        // Whoever is inside keeps checkpoints from being made.
        _entered = _host.State.Checkpoint;
        return lease;
    }

    /// <summary>The handler may have seen, or changed, what the component's state became after a checkpoint.</summary>
    /// <remarks>
    /// Without <see cref="ITetheredComponent"/> nothing says when a handler touches the state, and of one that began on another node it is not known: then
    /// it may have.
    /// </remarks>
    public bool DependsOnWhatFollowed(ulong checkpoint) =>
        _phase == Phase.Running && (_host.Component is not ITetheredComponent || State.IsResumed || _entered >= checkpoint);

    /// <summary>The state that the handler has seen is discarded: it gets in no more.</summary>
    public void Bar() => _isRolledBack = true;

    /// <summary>The handler rests in an operation, and is left there for good: nothing of it ever runs again.</summary>
    public void Drop() => _isDropped = true;

    /// <summary>Lets a pending read try again.</summary>
    public void OnReadable() => Retry(ReadOperation);

    /// <summary>Lets a pending write try again.</summary>
    public void OnWritable()
    {
        if (WriteOperation.Kind != OperationKind.Delay)
        {
            Retry(WriteOperation);
        }
    }

    /// <summary>Ends a delay whose time has come.</summary>
    public void OnTick(Instant now)
    {
        if (WriteOperation is { IsPending: true, Kind: OperationKind.Delay })
        {
            Perform(WriteOperation, now);
        }
    }

    /// <summary>Ends a pending read with -1, one that is held as soon as it is let go. From any thread.</summary>
    /// <param name="isStill">Whether the read that was meant still runs; asked on the connection's thread.</param>
    public void CancelRead(Func<bool> isStill) => Queue.Post(new Cancellation(this, isStill));

    /// <summary>The hold is over without a move: everything goes on.</summary>
    public void Release(Instant now)
    {
        if (MayStart)
        {
            Start();
        }

        if (_abort is not null)
        {
            Cancel();
            EndIfWaiting();
            return;
        }

        foreach (ExchangeOperation operation in (ReadOnlySpan<ExchangeOperation>)[ReadOperation, WriteOperation])
        {
            if (operation.IsPending && operation == ReadOperation && _isReadCancelled)
            {
                operation.Complete(-1);
            }
            else if (operation.IsPending)
            {
                Perform(operation, now);
            }
        }

        _isReadCancelled = false;
        EndIfWaiting();
    }

    /// <summary>The handler has ended: so does the response, but not in the middle of a freeze.</summary>
    public void Run(Instant now)
    {
        _hasEnded = true;
        if (!(_host.IsHeld && _host.IsTethering))
        {
            End();
        }
    }

    private bool IsGone => _isDropped || (_host.IsAbandoned && !_hasStayed);

    private void EndIfWaiting()
    {
        if (_hasEnded && _phase == Phase.Running)
        {
            End();
        }
    }

    private void End()
    {
        _phase = Phase.Finished;
        if (IsGone)
        {
            return;
        }

        if (_fault is not null and not Http3BodyTooLargeException && _abort is null)
        {
            _host.Options.OnFault?.Invoke(_fault);
        }

        _port.Finish(this, failed: _fault is not null);
        _cancellation.Dispose();
        if (_hasStayed)
        {
            _host.OnStayedEnded(this);
        }
    }

    private void Retry(ExchangeOperation operation)
    {
        if (operation.IsPending)
        {
            Perform(operation, default);
        }
    }

    private async Task HandleAsync()
    {
        try
        {
            Http3Exchange exchange = new(this);
            await _host.Component.HandleAsync(exchange, _cancellation.Token).ConfigureAwait(false);
            await exchange.FlushRestAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever a handler throws ends its own response, and nothing else.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            _fault = fault;
        }

        Queue.Post(this);
    }

    private void Cancel()
    {
        // The token first: whoever sees an operation fail finds it set. Its callbacks are the handler's code, and run where that runs.
        if (_phase == Phase.Running)
        {
            if (_host.Options.Inline)
            {
                try
                {
                    _cancellation.Cancel();
                }
                catch (AggregateException fault)
                {
                    _host.Options.OnFault?.Invoke(fault);
                }
            }
            else
            {
                _ = _cancellation.CancelAsync();
            }
        }

        Http3RequestAbortedException error = new(_abort!.Value);
        foreach (ExchangeOperation operation in (ReadOnlySpan<ExchangeOperation>)[ReadOperation, WriteOperation])
        {
            if (operation.IsPending)
            {
                operation.Fail(error);
            }
        }
    }

    private void TryPerform(ExchangeOperation operation, Instant now)
    {
        if (_abort is Http3ErrorCode code)
        {
            operation.Fail(new Http3RequestAbortedException(code));
            return;
        }

        try
        {
            switch (operation.Kind)
            {
                case OperationKind.Read: Read(operation); break;
                case OperationKind.Respond or OperationKind.Inform: Respond(operation); break;
                case OperationKind.Write: Write(operation); break;
                default: Wait(operation, now); break;
            }
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException && operation.IsPending)
        {
            operation.Fail(error);
        }

        _port.Settle();
    }

    private void Read(ExchangeOperation operation)
    {
        ReadOutcome outcome = _port.Read(operation.Buffer.Span, out int count, out FieldSection? trailers);
        if (trailers is not null && State.RequestTrailers is null)
        {
            State.OnTrailers(trailers);
        }

        if (outcome is ReadOutcome.Data or ReadOutcome.End)
        {
            State.OnRead(count);
            if (State.RequestOffset > _host.Options.Limits?.MaxRequestBodySize)
            {
                operation.Fail(new Http3BodyTooLargeException(_host.Options.Limits.MaxRequestBodySize.Value));
            }
            else
            {
                operation.Complete(count);
            }
        }
        else if (outcome == ReadOutcome.Wait && State.AwaitsContinue && State.Interim < Http3Limits.MaxInterimResponses && _port.Respond(new(100, [])))
        {
            // The handler wants the content: only now is the client told to send it.
            State.OnInterim(100);
        }
    }

    private void Respond(ExchangeOperation operation)
    {
        ResponseHead head = (ResponseHead)operation.Argument!;
        if (head.IsInterim && State.Interim == Http3Limits.MaxInterimResponses)
        {
            throw new InvalidOperationException("more interim responses than clients take");
        }

        // A successful CONNECT begins a tunnel, which has no length (RFC 9110, section 8.6).
        if (State.Head.IsConnect && head.Status is >= 200 and < 300 && head.Headers["content-length"] is not null)
        {
            throw new ArgumentException("content-length in a successful response to CONNECT");
        }

        if (!_port.Respond(head))
        {
            return;
        }

        if (head.IsInterim)
        {
            State.OnInterim(head.Status);
        }
        else
        {
            State.OnResponded(head.Status);
        }

        operation.Complete(0);
    }

    private void Write(ExchangeOperation operation)
    {
        if (!State.HasResponded)
        {
            throw new InvalidOperationException("a response begins with its head");
        }

        int left = operation.Data.Length - operation.Progress;
        if (State.DiscardsBody)
        {
            State.OnWritten(left);
            operation.Complete(0);
            return;
        }

        if (_port.BodyLeft is long room and >= 0 && left > room)
        {
            throw new InvalidOperationException("more body bytes than content-length, or than the status permits");
        }

        while (left > 0)
        {
            int written = _port.Write(operation.Data.Span[operation.Progress..]);
            if (written == 0)
            {
                return;
            }

            operation.Progress += written;
            left -= written;
            State.OnWritten(written);
        }

        operation.Complete(0);
    }

    private void Wait(ExchangeOperation operation, Instant now)
    {
        if (operation.Until.IsNever)
        {
            // What a move interrupted is not waited for twice.
            Instant until = now + operation.Delay;
            operation.Until = _isFirstDelay && State.IsResumed ? Instant.Min(until, State.DelayUntil) : until;
            _isFirstDelay = false;
            State.OnDelay(operation.Until);
        }

        if (now >= operation.Until)
        {
            State.OnDelay(Instant.Never);
            operation.Complete(0);
        }
        else
        {
            _host.WakeAt(this, operation.Until, now);
        }
    }

    private sealed class Cancellation(ExchangeRunner runner, Func<bool> isStill) : IShardWork
    {
        public void Run(Instant now)
        {
            if (!runner.IsGone && runner.ReadOperation.IsPending && isStill())
            {
                runner._isReadCancelled = runner._host.Holds;
                if (!runner._host.Holds)
                {
                    runner.ReadOperation.Complete(-1);
                }
            }
        }
    }
}
