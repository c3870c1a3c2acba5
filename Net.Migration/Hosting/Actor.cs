using Net.Core.Io;
using Net.Core.Time;

namespace Net.Migration.Hosting;

/// <summary>Everything that a node decides happens in turns, one after the other: nothing there needs a lock.</summary>
/// <remarks>
/// A turn is mostly the actor's own thread's. Who must not wait for that thread (in a freeze each change of threads is part of the stall) takes
/// the turn itself, if nobody has it: <see cref="Do"/>. Packets of clients never pass here; their threads are the shards'. What is done must not wait.
/// </remarks>
internal sealed class Actor : IActor, IDisposable
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Func<Instant> _deadline;
    private readonly Action<Instant> _tick;
    private readonly Action<Exception> _onFault;
    private readonly Thread _thread;
    private List<Action<Instant>> _posted = [];
    private List<Action<Instant>> _running = [];
    private Instant _due;
    private Instant _sleepsUntil;
    private bool _isTurning;
    private bool _isStopped;

    /// <param name="deadline">When <paramref name="tick"/> wants to be called; asked at the end of every turn.</param>
    /// <param name="onFault">Told of what escapes from a turn: a fault of ours. The next turn follows all the same.</param>
    public Actor(string name, Func<Instant> deadline, Action<Instant> tick, Action<Exception> onFault)
    {
        _deadline = deadline;
        _tick = tick;
        _onFault = onFault;
        _thread = new(Run) { IsBackground = true, Name = name };
    }

    public void Start() => _thread.Start();

    /// <summary>Has something done in a later turn, by the actor's thread. From any thread.</summary>
    public void Post(Action<Instant> action)
    {
        lock (_lock)
        {
            _posted.Add(action);
            if (_isTurning)
            {
                // Whoever has the turn sees to it at its end.
                return;
            }
        }

        _wake.Release();
    }

    /// <inheritdoc/>
    public void Do(Action<Instant> action)
    {
        lock (_lock)
        {
            _posted.Add(action);
            if (_isTurning || _isStopped)
            {
                return;
            }

            BeginTurn();
        }

        if (Turn())
        {
            _wake.Release();
        }
    }

    /// <summary>Ends it after the present turn; what is posted later is not done. Within a turn: that turn is the last.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isStopped = true;
        }

        _wake.Release();
    }

    private void Run()
    {
        while (true)
        {
            TimeSpan wait;
            lock (_lock)
            {
                if (_isStopped)
                {
                    return;
                }

                wait = _posted.Count > 0 ? TimeSpan.Zero
                    : _due.IsNever ? Timeout.InfiniteTimeSpan
                    : TimeSpan.FromMilliseconds(double.Clamp(Math.Ceiling((_due - MonotonicClock.Now).TotalMilliseconds), 0, int.MaxValue));
                // Somebody else's turn ends with a look at how long this sleeps.
                wait = _isTurning ? Timeout.InfiniteTimeSpan : wait;
                _sleepsUntil = _isTurning ? Instant.Never : _due;
                if (wait == TimeSpan.Zero)
                {
                    BeginTurn();
                }
            }

            if (wait == TimeSpan.Zero)
            {
                _ = Turn();
            }
            else
            {
                _ = _wake.Wait(wait);
            }
        }
    }

    private void BeginTurn()
    {
        _isTurning = true;
        (_posted, _running) = (_running, _posted);
    }

    /// <returns>Whether the actor's thread has to be woken: something is left, or is due before it would wake by itself.</returns>
    private bool Turn()
    {
        foreach (Action<Instant> action in _running)
        {
            Guard(action);
        }

        _running.Clear();
        Guard(_tick);
        Instant due = _deadline();
        lock (_lock)
        {
            _isTurning = false;
            _due = due;
            return _posted.Count > 0 || due < _sleepsUntil;
        }
    }

    private void Guard(Action<Instant> action)
    {
        try
        {
            action(MonotonicClock.Now);
        }
#pragma warning disable CA1031 // One turn's fault must not end the node: connections are served by other threads, and go on.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            _onFault(fault);
        }
    }
}
