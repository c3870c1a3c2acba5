using Net.Core.Time;
using Net.Migration.Hosting;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios.Machines;

/// <summary>One machine's decisions, in turns: each takes all that has been posted, a little later than the first of it, and ends with a tick.</summary>
internal sealed class SimulatedActor : IActor
{
    private static readonly TimeSpan s_maxDelay = TimeSpan.FromMicroseconds(200);

    private readonly World _world;
    private readonly Machine _machine;
    private readonly Action<Exception> _onFault;
    private readonly Action<Instant> _tick;
    private readonly Stepper _stepper;
    private List<Action<Instant>> _posted = [];

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
        _posted.Add(action);
        if (_posted.Count == 1)
        {
            _world.After(_world.Random.Between(TimeSpan.Zero, s_maxDelay), () => _machine.Run(Turn));
        }
    }

    private void Turn()
    {
        (List<Action<Instant>> running, _posted) = (_posted, []);
        foreach (Action<Instant> action in running)
        {
            Guard(action);
        }

        Guard(_tick);
        _stepper.Schedule();
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
