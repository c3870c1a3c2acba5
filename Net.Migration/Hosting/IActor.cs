using Net.Core.Time;

namespace Net.Migration.Hosting;

/// <summary>Where decisions are made, one after the other: a thread (<see cref="Actor"/>), or the simulator's agenda.</summary>
internal interface IActor
{
    /// <summary>Has something done in a later turn, in the order of posting. From any thread.</summary>
    void Post(Action<Instant> action);
}
