using Net.Core.Time;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios.Machines;

/// <summary>A process on a machine of its own: it has a clock, it can crash (SIGKILL) and be stopped for a while (SIGSTOP).</summary>
/// <param name="offset">What its clock shows beyond the world's: instants of two machines cannot be compared.</param>
internal sealed class Machine(World world, string name, TimeSpan offset)
{
    private readonly Queue<Action> _waiting = new();
    private TimeSpan _offset = offset;
    private Instant _pausedAt;

    public string Name => name;

    public bool IsUp { get; private set; } = true;

    public bool IsPaused { get; private set; }

    /// <summary>Its clock has stood still in a pause, as a virtual machine's may: it believes in leases that have run out.</summary>
    public bool HasLostTime { get; private set; }

    public Instant Now => IsPaused && HasLostTime ? _pausedAt : world.Now + _offset;

    public void After(TimeSpan delay, Action action) => world.After(delay, () => Run(action));

    /// <param name="local">On this machine's clock; the past means now.</param>
    public void At(Instant local, Action action) => world.At(local <= Now ? world.Now : local - _offset, () => Run(action));

    /// <summary>Does something now, after the pause, or never.</summary>
    public void Run(Action action)
    {
        if (IsUp && IsPaused)
        {
            _waiting.Enqueue(action);
        }
        else if (IsUp)
        {
            action();
        }
    }

    public void Crash()
    {
        IsUp = false;
        _waiting.Clear();
    }

    public void Pause(bool clockStops = false)
    {
        _pausedAt = Now;
        HasLostTime |= clockStops;
        IsPaused = true;
    }

    public void Continue()
    {
        if (!IsPaused)
        {
            return;
        }

        if (HasLostTime)
        {
            _offset = _pausedAt - world.Now;
        }

        IsPaused = false;
        while (!IsPaused && _waiting.TryDequeue(out Action? action))
        {
            Run(action);
        }
    }
}

/// <summary>Has something stepped when it is woken, and when its deadline comes: what a thread that waits does.</summary>
internal sealed class Stepper(Machine machine, Func<Instant> deadline, Action step)
{
    private Instant _at = Instant.Never;
    private long _version;

    public void Wake(TimeSpan delay) => Set(machine.Now + delay);

    public void Schedule() => Set(deadline());

    private void Set(Instant when)
    {
        if (when >= _at)
        {
            return;
        }

        _at = when;
        long version = ++_version;
        machine.At(when, () =>
        {
            if (version == _version)
            {
                _at = Instant.Never;
                step();
                Schedule();
            }
        });
    }
}
