namespace Net.Core.Recovery;

/// <summary>What loss recovery keeps for one packet number space. Parts only: it has no behaviour of its own.</summary>
internal sealed class RecoverySpace(bool immediateAcks)
{
    public PacketNumbers Numbers { get; set; } = new();

    public SentPackets Sent { get; set; } = new();

    public ReceivedPackets Received { get; set; } = new(immediateAcks);

    public EcnValidation Ecn { get; set; } = new();

    /// <summary>Its keys are gone: nothing is sent or acknowledged here any more.</summary>
    public bool IsDiscarded { get; set; }
}
