using Net.Core.Time;
using Net.Migration.Hosting;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios.Machines;

/// <summary>One machine's decisions, one after the other, each a little later than it was posted.</summary>
internal sealed class SimulatedActor : IActor
{
    private static readonly TimeSpan s_maxDelay = TimeSpan.FromMicroseconds(200);

    private readonly World _world;
    private readonly Machine _machine;
    private readonly Action<Exception> _onFault;
    private readonly Action<Instant> _tick;
    private readonly Stepper _stepper;
    private Instant _last;

    public SimulatedActor(World world, Machine machine, Func<Instant> deadline, Action<Instant> tick, Action<Exception> onFault)
    {
        _world = world;
        _machine = machine;
        _onFault = onFault;
        _tick = tick;
        _stepper = new(machine, deadline, () => Guard(tick));
    }

    public void Post(Action<Instant> action)
    {
        // In the order of posting, whatever the delays.
        _last = Instant.Max(_last, _world.Now + _world.Random.Between(TimeSpan.Zero, s_maxDelay));
        _world.At(_last, () => _machine.Run(() =>
        {
            Guard(action);
            Guard(_tick);
            _stepper.Schedule();
        }));
    }

    private void Guard(Action<Instant> action)
    {
        try
        {
            action(_machine.Now);
        }
        catch (Exception fault) when (fault is not UnitTestAssertException)
        {
            _onFault(fault);
        }
    }
}
