using System.Threading.Tasks.Sources;
using Net.Core.Io;
using Net.Core.Time;

namespace Net.Http3.Sessions;

internal enum OperationKind
{
    Read,
    Write,
    Respond,
    Inform,
    Delay,
    Open,
    Finish,
    ReadHead,
}

/// <summary>Who performs the operations of one exchange, on its connection's thread.</summary>
internal interface IOperationOwner
{
    IShardQueue Queue { get; }

    /// <summary>Performs the operation, or leaves it pending. Calls <see cref="ExchangeOperation.Complete"/> or <see cref="ExchangeOperation.Fail"/> last.</summary>
    void Perform(ExchangeOperation operation, Instant now);
}

/// <summary>One awaited call of a handler: started on its thread, performed on the connection's, used again for the next one.</summary>
/// <remarks>
/// An operation that is never completed runs no continuation, and holds the handler only as long as somebody holds the operation:
/// that is how a handler is abandoned when its exchange has moved away.
/// </remarks>
/// <param name="owner">Performs it.</param>
/// <param name="inline">Whether the handler goes on inside <see cref="Complete"/> (the simulator), or on the thread pool.</param>
internal sealed class ExchangeOperation(IOperationOwner owner, bool inline) : IShardWork, IValueTaskSource<int>, IValueTaskSource
{
    private const int Idle = 0, Posted = 1, Pending = 2, Completed = 3;

    private ManualResetValueTaskSourceCore<int> _core = new() { RunContinuationsAsynchronously = !inline };
    private volatile int _phase;
    private volatile bool _isAwaited;

    public OperationKind Kind { get; private set; }

    public Memory<byte> Buffer { get; private set; }

    public ReadOnlyMemory<byte> Data { get; private set; }

    /// <summary>How much of <see cref="Data"/> is done.</summary>
    public int Progress { get; set; }

    /// <summary>Such as the head to send.</summary>
    public object? Argument { get; private set; }

    public TimeSpan Delay { get; private set; }

    /// <summary>When a delay ends; set when it is first performed.</summary>
    public Instant Until { get; set; }

    /// <summary>It has reached the connection's thread and is not done.</summary>
    public bool IsPending => _phase == Pending;

    /// <summary>The caller waits for it and runs no code until it completes.</summary>
    public bool IsAwaited => _phase == Pending && _isAwaited;

    /// <summary>It is done, and the caller has not seen that yet.</summary>
    public bool IsCompleted => _phase == Completed;

    public ValueTask<int> Read(Memory<byte> buffer)
    {
        Begin(OperationKind.Read);
        Buffer = buffer;
        return Post();
    }

    public ValueTask Write(ReadOnlyMemory<byte> data)
    {
        Begin(OperationKind.Write);
        Data = data;
        return PostVoid();
    }

    public ValueTask Wait(TimeSpan delay)
    {
        Begin(OperationKind.Delay);
        Delay = delay;
        return PostVoid();
    }

    public ValueTask Do(OperationKind kind, object? argument)
    {
        Begin(kind);
        Argument = argument;
        return PostVoid();
    }

    public void Run(Instant now)
    {
        _phase = Pending;
        owner.Perform(this, now);
    }

    public void Abandon(Exception fault) => Fail(new Server.Http3RequestAbortedException("the connection's thread has ended", fault));

    public void Complete(int result)
    {
        Clear();
        _phase = Completed;
        _core.SetResult(result);
    }

    public void Fail(Exception error)
    {
        Clear();
        _phase = Completed;
        _core.SetException(error);
    }

    public int GetResult(short token)
    {
        // Validates the token, so that a second await of an operation that is used again harms nobody but its caller.
        if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending)
        {
            throw new InvalidOperationException("the operation is not complete");
        }

        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _isAwaited = false;
            _phase = Idle;
        }
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        _isAwaited = true;
        _core.OnCompleted(continuation, state, token, flags);
    }

    private void Begin(OperationKind kind)
    {
#pragma warning disable CS0420 // Interlocked is as good as volatile.
        if (Interlocked.CompareExchange(ref _phase, Posted, Idle) != Idle)
#pragma warning restore CS0420
        {
            throw new InvalidOperationException("an operation of this kind is still running: await it first");
        }

        _core.Reset();
        (Kind, Progress, Until) = (kind, 0, Instant.Never);
    }

    private ValueTask<int> Post()
    {
        // The token is taken first: the operation may be complete, and used again, before Post returns.
        ValueTask<int> task = new(this, _core.Version);
        Send();
        return task;
    }

    private ValueTask PostVoid()
    {
        ValueTask task = new(this, _core.Version);
        Send();
        return task;
    }

    private void Send()
    {
        if (!owner.Queue.Post(this))
        {
            Fail(new Server.Http3RequestAbortedException("the connection's thread has ended"));
        }
    }

    private void Clear() => (Buffer, Data, Argument) = (default, default, null);
}
