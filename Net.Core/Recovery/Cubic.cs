using Net.Core.Snapshots;
using Net.Core.Time;

namespace Net.Core.Recovery;

/// <summary>CUBIC (RFC 9438): after a reduction the window returns to where it was along a cubic curve of time, not of round trips.</summary>
/// <remarks>
/// <code>
/// W_cubic(t) = C * (t - K)^3 + W_max     bytes; C = 0.4 datagrams per second cubed; t since the epoch began
/// K          = cbrt((W_max - cwnd_epoch) / C)
/// W_est      = what Reno would have: cwnd_epoch + alpha * (acknowledged bytes / cwnd) datagrams
/// </code>
/// An epoch begins with the first acknowledgement in congestion avoidance. Time in which the window was not used is none of it
/// (section 5.8). All arithmetic is in integers, so that every machine that owns the connection comes to the same window.
/// Invariant: <c>_renoWindow</c> and <c>_epochStart</c> stand for something only while there is an epoch.
/// </remarks>
internal sealed class Cubic(int datagramSize) : CongestionController(datagramSize), IPart<Cubic>
{
    /// <summary>beta_cubic = 7/10: what is left of the window after a reduction.</summary>
    private const int BetaTenths = 7;

    /// <summary>The Reno window is counted in parts of a byte: one acknowledgement is worth less than a byte in a large window.</summary>
    private const int RenoScale = 1024;

    /// <summary>Far beyond any W_max: keeps the cube far from overflow.</summary>
    private const long MaxMicroseconds = 10_000_000_000;

    private Instant _epochStart = Instant.Never;
    private Instant _lastAckAt = Instant.Never;
    private long _maxWindow;
    private long _priorWindow;
    private long _timeToMax;
    private long _renoWindow;
    private long _rest;

    public static ulong Section => SectionNumber.Congestion;

    public override CongestionAlgorithm Algorithm => CongestionAlgorithm.Cubic;

    /// <summary>W_max: the window at which the path was full, in bytes; less after two reductions with nothing gained between them.</summary>
    public long MaxWindowSeen => _maxWindow;

    /// <summary>K.</summary>
    public TimeSpan TimeToMax => TimeSpan.FromMicroseconds(_timeToMax);

    /// <summary>W_est, in bytes.</summary>
    public long RenoWindow => _renoWindow / RenoScale;

    public override void Postpone(TimeSpan span)
    {
        base.Postpone(span);
        _epochStart += span;
        _lastAckAt += span;
    }

    static Cubic IPart<Cubic>.Import(SnapshotReader reader) =>
        Import(reader) as Cubic ?? throw new SnapshotException("another congestion control algorithm");

    protected override void Avoid(Instant sentAt, int size, bool isUsed, Instant now, RttEstimator rtt)
    {
        if (_epochStart.IsNever)
        {
            BeginEpoch(now);
        }
        else
        {
            // Not used until now; or nothing was in flight when this packet was sent.
            TimeSpan unused = now - _lastAckAt;
            TimeSpan idle = sentAt > _lastAckAt ? sentAt - _lastAckAt : TimeSpan.Zero;
            _epochStart += isUsed ? idle : unused;
        }

        _lastAckAt = now;
        if (isUsed)
        {
            Grow(size, now - _epochStart, rtt.Smoothed);
        }
    }

    protected override int Reduce()
    {
        // Fast convergence (section 4.7): who could not even return to where it was gives way to newcomers.
        _maxWindow = Window < _maxWindow ? Window * (10L + BetaTenths) / 20 : Window;
        _priorWindow = Window;
        EndEpoch();
        return (int)(Window * (long)BetaTenths / 10);
    }

    protected override void Restart()
    {
        // With nothing to return to, the next epoch begins at its own W_max (sections 4.8 and 4.10).
        _maxWindow = 0;
        // After another path's start there is no reduction to look back to; after persistent congestion there is.
        _priorWindow = SlowStartThreshold == int.MaxValue ? 0 : _priorWindow;
        EndEpoch();
    }

    protected override void ExportOwn(SnapshotWriter writer)
    {
        writer.WriteInstant(_epochStart);
        writer.WriteInstant(_lastAckAt);
        writer.WriteNumber((ulong)_maxWindow);
        writer.WriteNumber((ulong)_priorWindow);
        writer.WriteNumber((ulong)_timeToMax);
        writer.WriteNumber((ulong)_renoWindow);
        writer.WriteNumber((ulong)_rest);
    }

    protected override bool ImportOwn(SnapshotReader reader)
    {
        _epochStart = reader.ReadInstant();
        _lastAckAt = reader.ReadInstant();
        _maxWindow = (long)reader.ReadNumber(MaxWindow);
        _priorWindow = (long)reader.ReadNumber(MaxWindow);
        _timeToMax = (long)reader.ReadNumber(MaxMicroseconds);
        _renoWindow = (long)reader.ReadNumber((ulong)MaxWindow * RenoScale);
        _rest = (long)reader.ReadNumber(MaxWindow);
        return _epochStart.IsNever == _lastAckAt.IsNever && IsPast(_epochStart, reader) && IsPast(_lastAckAt, reader);
    }

    private void BeginEpoch(Instant now)
    {
        _epochStart = now;
        _maxWindow = long.Max(_maxWindow, Window);
        // (bytes / (0.4 * bytes of a datagram)) seconds cubed, in microseconds cubed.
        UInt128 cube = (UInt128)(_maxWindow - Window) * 10 * 1_000_000_000_000_000_000UL / (4 * (UInt128)DatagramSize);
        _timeToMax = CubeRoot(cube);
        _renoWindow = (long)Window * RenoScale;
        _rest = 0;
    }

    private void EndEpoch()
    {
        _epochStart = Instant.Never;
        _lastAckAt = Instant.Never;
    }

    private void Grow(int size, TimeSpan elapsed, TimeSpan roundTrip)
    {
        // alpha_cubic = 3 * (1 - beta) / (1 + beta) makes Reno's share with our beta, until the window of before is reached (section 4.3).
        bool isBelowPrior = RenoWindow < _priorWindow;
        long alpha = isBelowPrior ? 3 * (10 - BetaTenths) : 1;
        long divisor = isBelowPrior ? 10 + BetaTenths : 1;
        _renoWindow = long.Min(_renoWindow + (alpha * DatagramSize * size * RenoScale / (divisor * Window)), (long)MaxWindow * RenoScale);

        if (CurveAt(elapsed) < RenoWindow)
        {
            Window = int.Max(Window, (int)RenoWindow);
            return;
        }

        // A round trip ahead, as that is when this growth shows; never by more than half of the window per round trip (section 4.2).
        long target = long.Clamp(CurveAt(elapsed + roundTrip), Window, Window + (Window / 2));
        long gained = _rest + ((target - Window) * size);
        _rest = gained % Window;
        Window = (int)long.Min(Window + (gained / Window), MaxWindow);
    }

    /// <summary>W_cubic(t), in bytes.</summary>
    private long CurveAt(TimeSpan elapsed)
    {
        long distance = long.Clamp((elapsed.Ticks / TimeSpan.TicksPerMicrosecond) - _timeToMax, -MaxMicroseconds, MaxMicroseconds);
        Int128 cube = (Int128)distance * distance * distance;
        Int128 bytes = cube * (4L * DatagramSize) / ((Int128)10 * 1_000_000_000_000_000_000L);
        return (long)Int128.Clamp(bytes + _maxWindow, 0, MaxWindow);
    }

    /// <summary>The largest number whose cube is not above <paramref name="value"/>, one bit at a time.</summary>
    private static long CubeRoot(UInt128 value)
    {
        UInt128 root = 0;
        for (int bit = 33; bit >= 0; bit--)
        {
            UInt128 candidate = root | (UInt128.One << bit);
            root = candidate * candidate * candidate <= value ? candidate : root;
        }

        return (long)root;
    }
}
