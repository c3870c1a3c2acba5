using Net.Core.Io;
using Net.Core.Time;

namespace Net.Migration.Hosting;

/// <summary>Everything that a node decides happens in turns, one after the other: nothing there needs a lock.</summary>
/// <remarks>
/// A turn is mostly the actor's own thread's. Who must not wait for that thread (in a freeze each change of threads is part of the stall) takes
/// the turn itself, if nobody has it: <see cref="Do"/>, or <see cref="Add"/> and <see cref="TakeTurn"/> where more may be at hand. Packets of clients never pass
/// here; their threads are the shards'. What is done must not wait.
/// A turn takes all that has been posted by then, and ends with a tick. What costs as much for many as for one, such as a flush, is done in that.
/// </remarks>
internal sealed class Actor : IActor, IDisposable
{
    /// <summary>Turns that a lent thread takes in a row: it has work of its own.</summary>
    private const int MaxLent = 4;

    /// <summary>What is due by time waits no longer for what else there is to do.</summary>
    private static readonly TimeSpan s_tickWithin = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan s_noticeable = TimeSpan.FromMilliseconds(1);

    // A monitor, as waiting for it does not spin: with few cores, a spinning thread takes the core from the one that it waits for.
    private readonly object _lock = new();
    private readonly Func<Instant> _deadline;
    private readonly Action<Instant> _tick;
    private readonly Action<Exception> _onFault;
    private readonly Action<TimeSpan, Instant>? _onBusy;
    private readonly Func<Instant> _clock;
    private readonly Thread _thread;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private List<Action<Instant>> _posted = [];
    private List<Action<Instant>> _running = [];
    private Instant _due;
    private Instant _sleepsUntil;
    private Instant _deafSince;
    private bool _isTurning;
    private bool _isUrgent;
    private bool _isStopped;

    /// <param name="deadline">When <paramref name="tick"/> wants to be called; asked at the end of every turn.</param>
    /// <param name="onFault">Told of what escapes from a turn: a fault of ours. The next turn follows all the same.</param>
    /// <param name="onBusy">Told how long a turn has taken so far, and when that was, if it is a millisecond or more: nobody was listened to meanwhile. Null: nobody asks.</param>
    /// <param name="clock">Null: the machine's. Waits are the machine's in any case.</param>
    public Actor(string name, Func<Instant> deadline, Action<Instant> tick, Action<Exception> onFault, Action<TimeSpan, Instant>? onBusy = null, Func<Instant>? clock = null)
    {
        _onBusy = onBusy;
        _clock = clock ?? (static () => MonotonicClock.Now);
        _deadline = deadline;
        _tick = tick;
        _onFault = onFault;
        _thread = new(Run) { IsBackground = true, Name = name };
    }

    /// <summary>Ends with the last turn.</summary>
    public Task Completion => _completion.Task;

    public void Start() => _thread.Start();

    /// <summary>Has something done in a later turn, by whoever has that. From any thread.</summary>
    public void Post(Action<Instant> action)
    {
        lock (_lock)
        {
            _posted.Add(action);
            // Whoever has the turn sees to it at its end.
            if (!_isTurning)
            {
                Monitor.Pulse(_lock);
            }
        }
    }

    /// <inheritdoc/>
    public void Do(Action<Instant> action)
    {
        Add(action);
        TakeTurn();
    }

    /// <summary>Has something done in the next turn. Who adds sees to it that there is one soon: <see cref="TakeTurn"/>. From any thread.</summary>
    public void Add(Action<Instant> action)
    {
        lock (_lock)
        {
            _posted.Add(action);
        }
    }

    /// <summary>Does what there is to do, on this thread, or has it done by who has the turn. From any thread, which must hold no lock.</summary>
    public void TakeTurn()
    {
        lock (_lock)
        {
            if (_posted.Count == 0)
            {
                return;
            }

            if (_isTurning || _isStopped)
            {
                // Who has the turn goes on with it, be it this thread: to wake another would take longer than what is to be done.
                _isUrgent = true;
                return;
            }

            BeginTurn();
        }

        Turn();
    }

    /// <summary>Ends it after the present turn; what is posted later is not done. Within a turn: that turn is the last.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isStopped = true;
            if (!_isTurning)
            {
                _completion.TrySetResult();
            }

            Monitor.Pulse(_lock);
        }
    }

    private void Run()
    {
        while (true)
        {
            lock (_lock)
            {
                while (!_isStopped && MayWait(out TimeSpan wait))
                {
                    _ = Monitor.Wait(_lock, wait);
                }

                if (_isStopped)
                {
                    return;
                }

                BeginTurn();
            }

            Turn();
        }
    }

    /// <summary>Whether the actor's own thread has nothing to do, and for how long.</summary>
    private bool MayWait(out TimeSpan wait)
    {
        // Somebody else's turn ends with a look at how long this sleeps.
        _sleepsUntil = _isTurning ? Instant.Never : _due;
        wait = _isTurning || (_posted.Count == 0 && _due.IsNever) ? Timeout.InfiniteTimeSpan
            : _posted.Count > 0 ? TimeSpan.Zero
            : TimeSpan.FromMilliseconds(double.Clamp(Math.Ceiling((_due - _clock()).TotalMilliseconds), 0, int.MaxValue));
        return wait != TimeSpan.Zero;
    }

    private void BeginTurn()
    {
        _isTurning = true;
        _isUrgent = false;
        (_posted, _running) = (_running, _posted);
    }

    private void Turn()
    {
        int turns = 1;
        while (!TryEnd(turns))
        {
            turns++;
        }
    }

    private bool TryEnd(int turns)
    {
        _deafSince = _clock();
        foreach (Action<Instant> action in _running)
        {
            Guard(action);
            if (_clock() - _deafSince > s_tickWithin)
            {
                // There are many to do, and what is due by time is not kept waiting by them.
                Tick();
            }
        }

        _running.Clear();
        Tick();
        TellBusy();
        Instant due = _deadline();
        lock (_lock)
        {
            if (_isUrgent && turns < MaxLent && !_isStopped)
            {
                BeginTurn();
                return false;
            }

            _isTurning = false;
            if (_isStopped)
            {
                _completion.TrySetResult();
            }

            _due = due;
            // Something is left, or is due before the actor's thread would wake by itself.
            if (_posted.Count > 0 || due < _sleepsUntil)
            {
                Monitor.Pulse(_lock);
            }

            return true;
        }
    }

    private void Tick()
    {
        TellBusy();
        Guard(_tick);
    }

    /// <summary>In front of a tick, which decides by how long others have been silent, and behind it, as it may take as long.</summary>
    private void TellBusy()
    {
        Instant now = _clock();
        if (now - _deafSince > s_noticeable)
        {
            _onBusy?.Invoke(now - _deafSince, now);
        }

        _deafSince = now;
    }

    private void Guard(Action<Instant> action)
    {
        try
        {
            action(_clock());
        }
#pragma warning disable CA1031 // One turn's fault must not end the node: connections are served by other threads, and go on.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            _onFault(fault);
        }
    }
}
