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
/// </remarks>
internal sealed class NewReno(int datagramSize) : CongestionController(datagramSize), IPart<NewReno>
{
    private long _acknowledged;

    public static ulong Section => SectionNumber.Congestion;

    public override CongestionAlgorithm Algorithm => CongestionAlgorithm.NewReno;

    static NewReno IPart<NewReno>.Import(SnapshotReader reader) =>
        Import(reader) as NewReno ?? throw new SnapshotException("another congestion control algorithm");

    protected override void Avoid(Instant sentAt, int size, bool isUsed, Instant now, RttEstimator rtt)
    {
        _acknowledged += isUsed ? size : 0;
        if (_acknowledged >= Window)
        {
            _acknowledged -= Window;
            Window = int.Min(Window + DatagramSize, MaxWindow);
        }
    }

    protected override int Reduce()
    {
        _acknowledged = 0;
        // kLossReductionFactor is one half.
        return Window / 2;
    }

    protected override void Restart() => _acknowledged = 0;

    protected override void ExportOwn(SnapshotWriter writer) => writer.WriteNumber((ulong)_acknowledged);

    protected override bool ImportOwn(SnapshotReader reader)
    {
        _acknowledged = (long)reader.ReadNumber(MaxWindow);
        return true;
    }
}
