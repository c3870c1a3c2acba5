using Net.Core.Time;

namespace Net.Core.Recovery;

/// <summary>What loss recovery keeps for one packet number space. Parts only: it has no behaviour of its own.</summary>
/// <remarks>
/// A part is made when something is to be kept in it. Of a connection that was imported two spaces are over, and the parts of the third come from
/// their sections: so what is asked of all spaces at every turn is asked here, and makes nothing.
/// </remarks>
internal sealed class RecoverySpace(bool immediateAcks)
{
    private PacketNumbers? _numbers;
    private SentPackets? _sent;
    private ReceivedPackets? _received;
    private EcnValidation? _ecn;

    public PacketNumbers Numbers { get => _numbers ??= new(); set => _numbers = value; }

    public SentPackets Sent { get => _sent ??= new(); set => _sent = value; }

    public ReceivedPackets Received { get => _received ??= new(immediateAcks); set => _received = value; }

    public EcnValidation Ecn { get => _ecn ??= new(); set => _ecn = value; }

    public long BytesInFlight => _sent?.BytesInFlight ?? 0;

    public int AckElicitingInFlight => _sent?.AckElicitingInFlight ?? 0;

    public Instant LossTime => _sent?.LossTime ?? Instant.Never;

    public Instant AckDeadline => _received?.AckDeadline ?? Instant.Never;

    /// <summary>What is over has no say: nothing would ever change its verdict, and another path is to get its own chance (RFC 9000, section 13.4.2).</summary>
    public bool IsEcnUsable => IsDiscarded || (_ecn?.IsUsable ?? true);

    /// <inheritdoc cref="IsEcnUsable"/>
    public bool MayMark => IsDiscarded || (_ecn?.MayMark ?? true);

    /// <summary>
    /// An ACK tells of a loss: when it is lost as well, a peer that asks ever more rarely may have no chance left to hear of it. So it should elicit an
    /// answer, and is then repeated by its own probe timeout. One in flight is enough, so two ends with losses do not keep each other awake.
    /// </summary>
    public bool NeedsEcho => AckElicitingInFlight == 0 && _received is { TellsOfGaps: true };

    /// <summary>Its keys are gone: nothing is sent or acknowledged here any more.</summary>
    public bool IsDiscarded { get; set; }
}
