using Net.Core.Snapshots;
using Net.Core.Time;

namespace Net.Core.Recovery;

/// <summary>How many bytes may be in flight (RFC 9002, section 7). One per connection, as long as one path is used at a time.</summary>
/// <remarks>
/// What every algorithm shares stands here: slow start, one reduction per round trip, and that the window does not grow while it is not
/// used (section 7.8). Whether it is, is told by the most bytes that were in flight during this round trip and the one before: a moment's
/// count would call a paced sender idle. What is left to an algorithm is how far to reduce, and how to grow in congestion avoidance.
///
/// An export begins with the algorithm's number, so that the next owner goes on with the same, whatever it would choose itself.
/// </remarks>
internal abstract class CongestionController
{
    private Instant _recoveryStart = Instant.Never;
    private long _peak;
    private long _previousPeak;
    private Instant _roundStart = Instant.Never;

    protected CongestionController(int datagramSize)
    {
        DatagramSize = datagramSize;
        Window = InitialWindow(datagramSize);
    }

    /// <summary>Above this the window would no longer limit anything that the sent packets have room for.</summary>
    public const int MaxWindow = 1 << 28;

    /// <summary>Losing packets at both ends of so many PTOs means that the network carried nothing (kPersistentCongestionThreshold).</summary>
    public const int PersistentCongestionThreshold = 3;

    public abstract CongestionAlgorithm Algorithm { get; }

    public ulong Changes { get; protected set; }

    /// <summary>Bytes that may be in flight (congestion_window).</summary>
    public int Window { get; protected set; }

    /// <summary>Below it the window doubles each round trip (ssthresh).</summary>
    public int SlowStartThreshold { get; protected set; } = int.MaxValue;

    /// <summary>Bytes of a full datagram (max_datagram_size).</summary>
    public int DatagramSize { get; protected set; }

    public bool IsInSlowStart => Window < SlowStartThreshold;

    /// <summary>RFC 9002, section 7.2: ten datagrams, but no more than 14,720 bytes unless two datagrams are more.</summary>
    public static int InitialWindow(int datagramSize) => int.Min(10 * datagramSize, int.Max(14_720, 2 * datagramSize));

    /// <summary>kMinimumWindow.</summary>
    public int MinimumWindow => 2 * DatagramSize;

    /// <summary>When the window was reduced last; never, outside of any recovery (congestion_recovery_start_time).</summary>
    public Instant RecoveryStart => _recoveryStart;

    /// <summary>The window is used to the full, or nearly: three datagrams short, or half of it while it doubles each round trip.</summary>
    public bool IsWindowUsed
    {
        get
        {
            long used = long.Max(_peak, _previousPeak);
            return used + (3L * DatagramSize) >= Window || (IsInSlowStart && 2 * used >= Window);
        }
    }

    public static CongestionController Create(CongestionAlgorithm algorithm, int datagramSize) => algorithm switch
    {
        CongestionAlgorithm.NewReno => new NewReno(datagramSize),
        CongestionAlgorithm.Cubic => new Cubic(datagramSize),
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "no such algorithm"),
    };

    /// <param name="bytesInFlight">Of all spaces, this packet included.</param>
    public void OnSent(long bytesInFlight)
    {
        if (bytesInFlight > _peak)
        {
            _peak = bytesInFlight;
            Changes++;
        }
    }

    /// <param name="sentAt">When the acknowledged packet was sent.</param>
    /// <param name="size">Its bytes.</param>
    /// <param name="now">The time of the acknowledgement.</param>
    /// <param name="rtt">The path's round-trip time, this acknowledgement's sample included.</param>
    public void OnAcked(Instant sentAt, int size, Instant now, RttEstimator rtt)
    {
        Changes++;
        if (!IsInRecovery(sentAt))
        {
            bool isUsed = IsWindowUsed;
            if (isUsed && IsInSlowStart)
            {
                Window = int.Min(Window + size, MaxWindow);
            }
            else if (!IsInSlowStart)
            {
                Avoid(sentAt, size, isUsed, now, rtt);
            }
        }

        if (_roundStart.IsNever || sentAt >= _roundStart)
        {
            _previousPeak = _peak;
            _peak = 0;
            _roundStart = now;
        }
    }

    /// <summary>Loss, or an increased count of CE marks.</summary>
    /// <param name="sentAt">When the newest packet concerned was sent.</param>
    /// <param name="now">The time of the signal.</param>
    public void OnCongestion(Instant sentAt, Instant now)
    {
        if (IsInRecovery(sentAt))
        {
            return;
        }

        _recoveryStart = now;
        SlowStartThreshold = int.Max(Reduce(), MinimumWindow);
        Window = SlowStartThreshold;
        Changes++;
    }

    public void OnPersistentCongestion()
    {
        Window = MinimumWindow;
        _recoveryStart = Instant.Never;
        Restart();
        Changes++;
    }

    /// <summary>Another path: the initial window, and what was sent before has no say in it (RFC 9000, section 9.4).</summary>
    public void OnPathChanged(Instant now)
    {
        Window = InitialWindow(DatagramSize);
        SlowStartThreshold = int.MaxValue;
        // As if in recovery: what was sent over the old path neither grows nor shrinks the window of the new one.
        _recoveryStart = now;
        _peak = 0;
        _previousPeak = 0;
        _roundStart = Instant.Never;
        Restart();
        Changes++;
    }

    /// <summary>Packets may be larger or smaller from now on.</summary>
    public void OnDatagramSize(int size)
    {
        // A window that nothing has touched yet is the initial one of the new size (RFC 9002, section 7.2).
        bool isInitial = Window == InitialWindow(DatagramSize) && SlowStartThreshold == int.MaxValue;
        DatagramSize = size;
        Window = isInitial ? InitialWindow(size) : int.Max(Window, MinimumWindow);
        Changes++;
    }

    /// <summary>Makes what happened look younger by a time in which nothing could happen, as SentPackets.Postpone does.</summary>
    public virtual void Postpone(TimeSpan span)
    {
        _recoveryStart += span;
        _roundStart += span;
        Changes++;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)Algorithm);
        writer.WriteNumber((ulong)DatagramSize);
        writer.WriteNumber((ulong)Window);
        writer.WriteNumber((ulong)SlowStartThreshold);
        writer.WriteInstant(_recoveryStart);
        writer.WriteNumber((ulong)_peak);
        writer.WriteNumber((ulong)_previousPeak);
        writer.WriteInstant(_roundStart);
        ExportOwn(writer);
    }

    /// <exception cref="SnapshotException">An algorithm that this build does not have, or fields that contradict each other.</exception>
    public static CongestionController Import(SnapshotReader reader)
    {
        ulong algorithm = reader.ReadNumber();
        if (algorithm is not ((ulong)CongestionAlgorithm.NewReno or (ulong)CongestionAlgorithm.Cubic))
        {
            throw new SnapshotException("a congestion control algorithm is unknown");
        }

        CongestionController controller = Create((CongestionAlgorithm)algorithm, datagramSize: (int)reader.ReadNumber(ushort.MaxValue));
        controller.Window = (int)reader.ReadNumber(MaxWindow);
        controller.SlowStartThreshold = (int)reader.ReadNumber(int.MaxValue);
        controller._recoveryStart = reader.ReadInstant();
        controller._peak = (long)reader.ReadNumber(long.MaxValue / 4);
        controller._previousPeak = (long)reader.ReadNumber(long.MaxValue / 4);
        controller._roundStart = reader.ReadInstant();
        bool sound = controller.DatagramSize >= LossRecovery.MinDatagramSize
            && controller.Window >= controller.MinimumWindow
            && controller.SlowStartThreshold >= 2 * LossRecovery.MinDatagramSize
            && IsPast(controller._recoveryStart, reader)
            && IsPast(controller._roundStart, reader)
            && controller.ImportOwn(reader);
        return sound ? controller : throw new SnapshotException("congestion control contradicts itself");
    }

    /// <summary>An acknowledgement in congestion avoidance, of a packet sent since the last reduction.</summary>
    /// <param name="isUsed">False: the window must not grow, as nobody knows whether the path would carry more.</param>
    protected abstract void Avoid(Instant sentAt, int size, bool isUsed, Instant now, RttEstimator rtt);

    /// <summary>Congestion: the window of before is still there. Returns the bytes that it is to have now.</summary>
    protected abstract int Reduce();

    /// <summary>Slow start begins again: what was learnt in congestion avoidance is forgotten.</summary>
    protected abstract void Restart();

    protected abstract void ExportOwn(SnapshotWriter writer);

    /// <returns>False when the fields contradict each other.</returns>
    protected abstract bool ImportOwn(SnapshotReader reader);

    protected static bool IsPast(Instant instant, SnapshotReader reader) => instant.IsNever || instant <= reader.Now;

    /// <summary>A packet sent before the last reduction tells nothing about the window since (InCongestionRecovery).</summary>
    private bool IsInRecovery(Instant sentAt) => !_recoveryStart.IsNever && sentAt <= _recoveryStart;
}
