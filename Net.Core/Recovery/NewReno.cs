using Net.Core.Snapshots;
using Net.Core.Time;

namespace Net.Core.Recovery;

/// <summary>The congestion control of RFC 9002, section 7 and appendix B.</summary>
/// <remarks>
/// | state                | entered by                            | window                                     |
/// |----------------------|---------------------------------------|--------------------------------------------|
/// | slow start           | start, persistent congestion          | grows by the bytes acknowledged            |
/// | recovery             | loss or CE of a packet sent after the last entry | halved once; no growth for packets sent before |
/// | congestion avoidance | an acknowledged packet sent in recovery | one datagram per window acknowledged     |
///
/// The window does not grow while it is not used (section 7.8). Whether it is, is told by the most bytes that were in flight during this
/// round trip and the one before: a moment's count would call a paced sender idle.
/// </remarks>
internal sealed class NewReno : CongestionController, IPart<NewReno>
{
    public const ulong Number = 1;

    private Instant _recoveryStart = Instant.Never;
    private long _acknowledged;
    private long _peak;
    private long _previousPeak;
    private Instant _roundStart = Instant.Never;

    public NewReno(int datagramSize)
    {
        DatagramSize = datagramSize;
        Window = InitialWindow(datagramSize);
    }

    public static ulong Section => SectionNumber.Congestion;

    public override ulong Algorithm => Number;

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

    public override void OnSent(long bytesInFlight)
    {
        if (bytesInFlight > _peak)
        {
            _peak = bytesInFlight;
            Changes++;
        }
    }

    public override void OnAcked(Instant sentAt, int size, Instant now)
    {
        Changes++;
        if (!IsInRecovery(sentAt) && IsWindowUsed)
        {
            Grow(size);
        }

        if (_roundStart.IsNever || sentAt >= _roundStart)
        {
            _previousPeak = _peak;
            _peak = 0;
            _roundStart = now;
        }
    }

    public override void OnCongestion(Instant sentAt, Instant now)
    {
        if (IsInRecovery(sentAt))
        {
            return;
        }

        _recoveryStart = now;
        // kLossReductionFactor is one half.
        SlowStartThreshold = int.Max(Window / 2, MinimumWindow);
        Window = SlowStartThreshold;
        _acknowledged = 0;
        Changes++;
    }

    public override void OnPersistentCongestion()
    {
        Window = MinimumWindow;
        _recoveryStart = Instant.Never;
        _acknowledged = 0;
        Changes++;
    }

    public override void OnPathChanged(Instant now)
    {
        Window = InitialWindow(DatagramSize);
        SlowStartThreshold = int.MaxValue;
        // As if in recovery: what was sent over the old path neither grows nor shrinks the window of the new one.
        _recoveryStart = now;
        _acknowledged = 0;
        _peak = 0;
        _previousPeak = 0;
        _roundStart = Instant.Never;
        Changes++;
    }

    public override void OnDatagramSize(int size)
    {
        // A window that nothing has touched yet is the initial one of the new size (RFC 9002, section 7.2).
        bool isInitial = Window == InitialWindow(DatagramSize) && SlowStartThreshold == int.MaxValue;
        DatagramSize = size;
        Window = isInitial ? InitialWindow(size) : int.Max(Window, MinimumWindow);
        Changes++;
    }

    public override void Postpone(TimeSpan span)
    {
        _recoveryStart += span;
        _roundStart += span;
        Changes++;
    }

    public override void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(Algorithm);
        writer.WriteNumber((ulong)DatagramSize);
        writer.WriteNumber((ulong)Window);
        writer.WriteNumber((ulong)SlowStartThreshold);
        writer.WriteInstant(_recoveryStart);
        writer.WriteNumber((ulong)_acknowledged);
        writer.WriteNumber((ulong)_peak);
        writer.WriteNumber((ulong)_previousPeak);
        writer.WriteInstant(_roundStart);
    }

    static NewReno IPart<NewReno>.Import(SnapshotReader reader) =>
        CongestionController.Import(reader) as NewReno ?? throw new SnapshotException("another congestion control algorithm");

    internal static NewReno ImportFields(SnapshotReader reader)
    {
        NewReno reno = new(datagramSize: (int)reader.ReadNumber(ushort.MaxValue))
        {
            Window = (int)reader.ReadNumber(MaxWindow),
            SlowStartThreshold = (int)reader.ReadNumber(int.MaxValue),
            _recoveryStart = reader.ReadInstant(),
            _acknowledged = (long)reader.ReadNumber(MaxWindow),
            _peak = (long)reader.ReadNumber(long.MaxValue / 4),
            _previousPeak = (long)reader.ReadNumber(long.MaxValue / 4),
            _roundStart = reader.ReadInstant(),
        };
        bool sound = reno.DatagramSize >= 1200
            && reno.Window >= reno.MinimumWindow
            && reno.SlowStartThreshold >= 2 * 1200
            && (reno._recoveryStart.IsNever || reno._recoveryStart <= reader.Now)
            && (reno._roundStart.IsNever || reno._roundStart <= reader.Now);
        return sound ? reno : throw new SnapshotException("congestion control contradicts itself");
    }

    /// <summary>A packet sent before the last reduction tells nothing about the window since (InCongestionRecovery).</summary>
    private bool IsInRecovery(Instant sentAt) => !_recoveryStart.IsNever && sentAt <= _recoveryStart;

    private void Grow(int size)
    {
        if (IsInSlowStart)
        {
            Window = int.Min(Window + size, MaxWindow);
            return;
        }

        _acknowledged += size;
        if (_acknowledged >= Window)
        {
            _acknowledged -= Window;
            Window = int.Min(Window + DatagramSize, MaxWindow);
        }
    }
}
