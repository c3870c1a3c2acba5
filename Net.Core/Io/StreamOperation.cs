using System.Threading.Tasks.Sources;
using Net.Core.Connections;
using Net.Core.Time;

namespace Net.Core.Io;

/// <summary>The one read, or the one write, that a stream's user may have under way; the same object every time.</summary>
/// <remarks>
/// The caller's memory belongs to the shard's thread from the post until the result is set, and only that thread sets it: a cancellation
/// is posted, too. So whenever the caller is told of an end, by whatever cause, nobody touches the memory any more.
/// </remarks>
internal abstract class StreamOperation : IValueTaskSource<int>, IValueTaskSource, IShardWork
{
    private readonly CancelWork _cancel;
    private ManualResetValueTaskSourceCore<int> _core = new() { RunContinuationsAsynchronously = true };
    private CancellationToken _token;
    private CancellationTokenRegistration _registration;
    private int _isBusy;

    protected StreamOperation(Shard shard, Connection connection)
    {
        Shard = shard;
        Connection = connection;
        _cancel = new(this);
    }

    /// <summary>Posted, tried, and not finished. In the shard's thread only.</summary>
    public bool IsPending { get; private set; }

    protected Shard Shard { get; }

    public Connection Connection { get; }

    /// <summary>
    /// Whether nothing waits for another thread: operations are done on the caller's where that is possible (<see cref="Shard.PostAtOnce"/>), and who
    /// waits for their end goes on inside the step. For our own short and never waiting work. Set before the first operation.
    /// </summary>
    public bool IsUrgent
    {
        get => !_core.RunContinuationsAsynchronously;
        set => _core.RunContinuationsAsynchronously = !value;
    }

    /// <summary>What "two at a time" is called in the exception.</summary>
    protected abstract string Name { get; }

    public void Run(Instant now)
    {
        IsPending = true;
        if (_token.IsCancellationRequested)
        {
            Cancel();
        }
        else
        {
            Continue();
        }
    }

    public void Abandon(Exception fault) => Finish(0, Faults.Internal(fault));

    /// <summary>Goes on where it stands; in the shard's thread, whenever something may have changed. Nothing happens when it is not pending.</summary>
    public void Continue()
    {
        if (IsPending && TryFinish(out int result, out Exception? fault))
        {
            Finish(result, fault);
        }
    }

    /// <summary>Ends it, if it is pending. In the shard's thread.</summary>
    public void Fail(Exception fault)
    {
        if (IsPending)
        {
            Finish(0, fault);
        }
    }

    int IValueTaskSource<int>.GetResult(short token) => GetResult(token);

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <summary>Takes the operation for one caller.</summary>
    /// <exception cref="InvalidOperationException">There is one under way.</exception>
    protected void Take()
    {
        if (Interlocked.Exchange(ref _isBusy, 1) != 0)
        {
            throw new InvalidOperationException($"another {Name} is under way on this stream");
        }
    }

    /// <returns>The token of the value task to give to the caller.</returns>
    protected short Start(CancellationToken cancellationToken)
    {
        short version = _core.Version;
        _token = cancellationToken;
        _registration = cancellationToken.UnsafeRegister(static state => ((StreamOperation)state!).PostCancel(), this);
        if (!(IsUrgent ? Shard.PostAtOnce(this) : Shard.Post(this)))
        {
            _ = _registration.Unregister();
            Clear();
            _core.SetException(Faults.Stopped());
        }

        return version;
    }

    /// <summary>Does what can be done now, in the shard's thread.</summary>
    /// <returns>Whether it has ended.</returns>
    protected abstract bool TryFinish(out int result, out Exception? fault);

    /// <summary>Called when a cancellation has stopped it, before its caller is told.</summary>
    protected abstract void OnCancelled();

    /// <summary>Lets go of the caller's memory.</summary>
    protected abstract void Clear();

    /// <summary>Called after its end, in the shard's thread.</summary>
    protected virtual void OnFinished()
    {
    }

    private void PostCancel() => _ = Shard.Post(_cancel);

    private void Cancel()
    {
        // No longer pending, so that what the cancellation ends does not end this operation, too.
        IsPending = false;
        OnCancelled();
        Finish(0, new OperationCanceledException(_token));
    }

    private void Finish(int result, Exception? fault)
    {
        IsPending = false;
        _ = _registration.Unregister();
        _registration = default;
        _token = default;
        Clear();
        OnFinished();
        // The caller may start the next one from here on.
        if (fault is null)
        {
            _core.SetResult(result);
        }
        else
        {
            _core.SetException(fault);
        }
    }

    private int GetResult(short token)
    {
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            Volatile.Write(ref _isBusy, 0);
        }
    }

    /// <summary>A cancellation that comes late, when another operation runs, finds a token that is not cancelled.</summary>
    private sealed class CancelWork(StreamOperation operation) : IShardWork
    {
        public Connection Connection => operation.Connection;

        public void Run(Instant now)
        {
            if (operation.IsPending && operation._token.IsCancellationRequested)
            {
                operation.Cancel();
            }
        }
    }
}

/// <summary>Copies received bytes into the caller's memory, as soon as there are any.</summary>
internal sealed class ReadOperation(StreamDriver stream) : StreamOperation(stream.Shard, stream.Connection)
{
    private Memory<byte> _buffer;

    protected override string Name => "read";

    public ValueTask<int> StartAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        Take();
        _buffer = buffer;
        return new(this, Start(cancellationToken));
    }

    protected override bool TryFinish(out int result, out Exception? fault) => stream.TryRead(_buffer.Span, out result, out fault);

    // What has arrived stays readable.
    protected override void OnCancelled()
    {
    }

    protected override void Clear() => _buffer = default;
}

/// <summary>Copies the caller's bytes into the stream's send buffer, as room appears.</summary>
internal sealed class WriteOperation(StreamDriver stream) : StreamOperation(stream.Shard, stream.Connection)
{
    private ReadOnlyMemory<byte> _rest;
    private bool _completeWrites;

    protected override string Name => "write";

    public ValueTask StartAsync(ReadOnlyMemory<byte> buffer, bool completeWrites, CancellationToken cancellationToken)
    {
        Take();
        _rest = buffer;
        _completeWrites = completeWrites;
        return new(this, Start(cancellationToken));
    }

    protected override bool TryFinish(out int result, out Exception? fault)
    {
        result = 0;
        bool hasEnded = stream.TryWrite(_rest.Span, _completeWrites, out int accepted, out fault);
        _rest = _rest[accepted..];
        return hasEnded;
    }

    // Nobody knows how much of it was sent: the stream's bytes have no meaning after that.
    protected override void OnCancelled() => stream.AbortWriting(stream.DefaultErrorCode);

    protected override void Clear() => _rest = default;

    protected override void OnFinished() => stream.OnWriteFinished();
}
