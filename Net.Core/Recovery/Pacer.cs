using Net.Core.Snapshots;
using Net.Core.Time;

namespace Net.Core.Recovery;

/// <summary>Spreads the congestion window over the round trip (RFC 9002, section 7.7): a bucket of bytes that fills at the pacing rate.</summary>
/// <remarks>
/// The bucket holds what leaves in two milliseconds, and ten datagrams at least: enough for timers that are no finer, and for one
/// segmented send. Probes are sent regardless and may leave a debt, bounded by the bucket's size.
/// Invariant: <c>-capacity &lt;= _tokens</c>; a bucket that no one has drawn from yet is full.
/// </remarks>
internal sealed class Pacer : IPart<Pacer>
{
    /// <summary>What the bucket holds at least: the initial window is a permitted burst.</summary>
    public const int MinBurstDatagrams = 10;

    private static readonly TimeSpan s_burst = TimeSpan.FromMilliseconds(2);

    private long _tokens;
    private Instant _filledAt = Instant.Never;

    public static ulong Section => SectionNumber.Congestion;

    public ulong Changes { get; private set; }

    /// <summary>Bytes that may be sent at once.</summary>
    public static long Capacity(CongestionController congestion, RttEstimator rtt) =>
        long.Max(MinBurstDatagrams * congestion.DatagramSize, BytesIn(s_burst, congestion, rtt));

    /// <summary>Bytes that may be sent now.</summary>
    public long Available(Instant now, CongestionController congestion, RttEstimator rtt)
    {
        long capacity = Capacity(congestion, rtt);
        return _filledAt.IsNever
            ? capacity
            : long.Min(capacity, _tokens + BytesIn(now - _filledAt, congestion, rtt));
    }

    public void OnSent(int size, Instant now, CongestionController congestion, RttEstimator rtt)
    {
        long capacity = Capacity(congestion, rtt);
        _tokens = long.Max(-capacity, Available(now, congestion, rtt) - size);
        _filledAt = now;
        Changes++;
    }

    /// <summary>When it is worth while to ask again: half the bucket, so that a wake-up sends more than one datagram.</summary>
    public Instant NextAt(Instant now, CongestionController congestion, RttEstimator rtt)
    {
        long missing = (Capacity(congestion, rtt) / 2) - Available(now, congestion, rtt);
        Int128 ticks = (Int128)long.Max(missing, 0) * Rtt(rtt) / ((Int128)congestion.Window * Factor(congestion)) * 4;
        return now + new TimeSpan((long)Int128.Min(ticks, TimeSpan.TicksPerSecond) + 1);
    }

    /// <summary>The next burst is free: another path, or a new owner whose clock knows nothing of the last one.</summary>
    public void Reset()
    {
        _filledAt = Instant.Never;
        _tokens = 0;
        Changes++;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteSigned(_tokens);
        writer.WriteInstant(_filledAt);
    }

    public static Pacer Import(SnapshotReader reader)
    {
        Pacer pacer = new() { _tokens = reader.ReadSigned(), _filledAt = reader.ReadInstant() };
        bool sound = long.Abs(pacer._tokens) <= CongestionController.MaxWindow * 1024L
            && (pacer._filledAt.IsNever ? pacer._tokens == 0 : pacer._filledAt <= reader.Now);
        return sound ? pacer : throw new SnapshotException("a pacing budget is out of range");
    }

    private static long BytesIn(TimeSpan span, CongestionController congestion, RttEstimator rtt)
    {
        // Rate = N * window / round trip. N in quarters: 2 while the window doubles each round trip, else 5/4.
        Int128 bytes = (Int128)long.Max(span.Ticks, 0) * congestion.Window * Factor(congestion) / (4 * (Int128)Rtt(rtt));
        return (long)Int128.Min(bytes, CongestionController.MaxWindow);
    }

    private static int Factor(CongestionController congestion) => congestion.IsInSlowStart ? 8 : 5;

    private static long Rtt(RttEstimator rtt) => long.Max(rtt.Smoothed.Ticks, TimeSpan.TicksPerMicrosecond);
}
