using Net.Core.Time;

namespace Net.Migration.Hosting;

/// <summary>Where decisions are made, one after the other: a thread (<see cref="Actor"/>), or the simulator's agenda.</summary>
internal interface IActor
{
    /// <summary>Has something done in a later turn, in the order of posting. From any thread.</summary>
    void Post(Action<Instant> action);

    /// <summary>
    /// As <see cref="Post"/>, but at once and on the caller's thread when nobody has a turn: behind what was posted before, and in place of a wait
    /// for another thread. The caller may be in a turn, and must hold no lock that a turn takes.
    /// </summary>
    void Do(Action<Instant> action) => Post(action);
}
