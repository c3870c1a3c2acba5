using Net.Core.Time;

namespace Net.Core.Io;

/// <summary>The thread, the clock and the channel of a shard.</summary>
/// <remarks>
/// One thread at a time steps the shard. Mostly that is this one; but while it waits, who has just posted work may lend the shard its own thread for
/// as long as that work takes (<see cref="Shard.PostAtOnce"/>): waking another thread costs more than a short step. What may wait is left to this one
/// (<see cref="IShardWork.MayBeLent"/>).
/// </remarks>
internal sealed class ShardThread
{
    private readonly IDatagramChannel _channel;
    private readonly Thread _thread;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly object _gate = new();
    private volatile bool _mustStop;
    private bool _isStepping;
    private int _stepper;
    private Instant _sleepsUntil = Instant.Never;
    private Exception? _fault;

    /// <param name="shard">Stepped by this thread alone from <see cref="Start"/> on.</param>
    /// <param name="name">Shown by debuggers.</param>
    public ShardThread(Shard shard, string name)
    {
        Shard = shard;
        _channel = shard.Channel;
        _thread = new(Run) { IsBackground = true, Name = name };
        shard.StepAtOnce = TryStep;
    }

    public Shard Shard { get; }

    /// <summary>Ends when the thread has; with the exception that killed it, if one did.</summary>
    public Task Completion => _completion.Task;

    public void Start() => _thread.Start();

    /// <summary>Has the shard stop after its present step; its channel is then disposed. Any thread may call it, also the shard's.</summary>
    public void RequestStop()
    {
        _mustStop = true;
        _channel.Wake();
    }

    private void Run()
    {
        try
        {
            while (!_mustStop)
            {
                BeginStep();
                bool hasMore = Shard.Step(MonotonicClock.Now);
                Instant deadline = Shard.Deadline;
                _sleepsUntil = deadline;
                EndStep();
                if (!hasMore)
                {
                    _channel.Wait(deadline.IsNever ? Timeout.InfiniteTimeSpan : deadline - MonotonicClock.Now);
                }
            }

            // For good: nobody steps it any more.
            BeginStep();
            Shard.Stop(MonotonicClock.Now);
            _channel.Dispose();
            Shard.Release();
            _completion.SetResult();
        }
        catch (Exception fault)
        {
            // A fault of ours. The shard is not sound any more: its connections end, other shards go on.
            Shard.Abandon(fault);
            _channel.Dispose();
            if (_stepper == Environment.CurrentManagedThreadId)
            {
                // In a step, and for good. A fault of the wait may leave somebody else in one, who still receives.
                Shard.Release();
            }

            _completion.SetException(fault);
        }
    }

    private void BeginStep()
    {
        lock (_gate)
        {
            while (_isStepping)
            {
                Monitor.Wait(_gate);
            }

            (_isStepping, _stepper) = (true, Environment.CurrentManagedThreadId);
        }

        if (_fault is not null)
        {
            throw _fault;
        }
    }

    private void EndStep()
    {
        lock (_gate)
        {
            (_isStepping, _stepper) = (false, 0);
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>One step on the caller's thread, unless somebody else is in one. If it is the caller itself, its step sees to what it has posted.</summary>
    private bool TryStep()
    {
        lock (_gate)
        {
            if (_isStepping && _stepper == Environment.CurrentManagedThreadId)
            {
                return true;
            }

            if (_isStepping || _mustStop || _fault is not null)
            {
                return false;
            }

            (_isStepping, _stepper) = (true, Environment.CurrentManagedThreadId);
        }

        bool mustWake = true;
        try
        {
            // A thread that is woken for nothing takes a core from the one that works.
            mustWake = Shard.Step(MonotonicClock.Now, isLent: true) || Shard.Deadline < _sleepsUntil;
        }
#pragma warning disable CA1031 // It is the shard's end, and that is its own thread's to tell.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            _fault = fault;
        }

        EndStep();
        if (mustWake)
        {
            _channel.Wake();
        }

        return true;
    }
}
