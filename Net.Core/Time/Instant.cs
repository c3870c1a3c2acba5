namespace Net.Core.Time;

/// <summary>A point on a monotonic clock, in ticks of 100 ns since an origin that only its host knows.</summary>
/// <remarks>
/// The protocol never reads a clock: every call that needs the time is given it, and time never goes back between two calls.
/// Instants of two hosts cannot be compared, so they travel as ages (see SnapshotWriter.WriteInstant).
/// </remarks>
internal readonly record struct Instant(long Ticks) : IComparable<Instant>
{
    /// <summary>Later than every instant: the deadline of something that has none.</summary>
    public static Instant Never => new(long.MaxValue);

    public bool IsNever => Ticks == long.MaxValue;

    public static Instant operator +(Instant instant, TimeSpan span) =>
        instant.IsNever ? Never : new(instant.Ticks + span.Ticks);

    public static Instant operator -(Instant instant, TimeSpan span) =>
        instant.IsNever ? Never : new(instant.Ticks - span.Ticks);

    public static TimeSpan operator -(Instant later, Instant earlier) => new(later.Ticks - earlier.Ticks);

    public static bool operator <(Instant a, Instant b) => a.Ticks < b.Ticks;

    public static bool operator >(Instant a, Instant b) => a.Ticks > b.Ticks;

    public static bool operator <=(Instant a, Instant b) => a.Ticks <= b.Ticks;

    public static bool operator >=(Instant a, Instant b) => a.Ticks >= b.Ticks;

    public static Instant Min(Instant a, Instant b) => a <= b ? a : b;

    public static Instant Max(Instant a, Instant b) => a >= b ? a : b;

    public int CompareTo(Instant other) => Ticks.CompareTo(other.Ticks);
}
