using System.Diagnostics;
using Net.Core.Time;

namespace Net.Core.Io;

/// <summary>The host's monotonic clock, as the protocol counts time.</summary>
internal static class MonotonicClock
{
    private static readonly double s_ticksPerCount = (double)TimeSpan.TicksPerSecond / Stopwatch.Frequency;

    public static Instant Now => new(ToTicks(Stopwatch.GetTimestamp()));

    // Linux counts nanoseconds and Windows 100 ns: both divide evenly, and a double would lose ticks after a year of uptime.
    private static long ToTicks(long count) => Stopwatch.Frequency switch
    {
        TimeSpan.TicksPerSecond => count,
        1_000_000_000 => count / 100,
        _ => (long)(count * s_ticksPerCount),
    };
}
