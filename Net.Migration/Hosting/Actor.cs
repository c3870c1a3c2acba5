using Net.Core.Io;
using Net.Core.Time;

namespace Net.Migration.Hosting;

/// <summary>One thread for everything that a node decides: messages, answers and times come to it one after the other, so nothing there needs a lock.</summary>
/// <remarks>Packets never pass here; their threads are the shards'. What is posted must not wait.</remarks>
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
    private bool _isStopped;

    /// <param name="deadline">When <paramref name="tick"/> wants to be called; asked after every turn.</param>
    /// <param name="onFault">Told of what escapes from a turn: a fault of ours. The next turn follows all the same.</param>
    public Actor(string name, Func<Instant> deadline, Action<Instant> tick, Action<Exception> onFault)
    {
        _deadline = deadline;
        _tick = tick;
        _onFault = onFault;
        _thread = new(Run) { IsBackground = true, Name = name };
    }

    public void Start() => _thread.Start();

    /// <summary>Has something done in the next turn. From any thread.</summary>
    public void Post(Action<Instant> action)
    {
        lock (_lock)
        {
            _posted.Add(action);
        }

        _wake.Release();
    }

    /// <summary>Ends the thread after its present turn; what is posted later is not done.</summary>
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
        while (TryTake())
        {
            foreach (Action<Instant> action in _running)
            {
                Guard(action);
            }

            _running.Clear();
            Guard(_tick);
        }
    }

    /// <returns>False when it was stopped.</returns>
    private bool TryTake()
    {
        while (true)
        {
            lock (_lock)
            {
                if (_isStopped)
                {
                    return false;
                }

                if (_posted.Count > 0)
                {
                    (_posted, _running) = (_running, _posted);
                    return true;
                }
            }

            Instant deadline = _deadline();
            TimeSpan wait = deadline.IsNever ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Ceiling((deadline - MonotonicClock.Now).TotalMilliseconds));
            if (!deadline.IsNever && wait <= TimeSpan.Zero)
            {
                return true;
            }

            _wake.Wait(wait);
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
