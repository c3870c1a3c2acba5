namespace Net.Core.Recovery;

/// <summary>What loss recovery keeps for one packet number space. Parts only: it has no behaviour of its own.</summary>
internal sealed class RecoverySpace(bool immediateAcks)
{
    public PacketNumbers Numbers { get; set; } = new();

    public SentPackets Sent { get; set; } = new();

    public ReceivedPackets Received { get; set; } = new(immediateAcks);

    public EcnValidation Ecn { get; set; } = new();

    /// <summary>
    /// An ACK tells of a loss: when it is lost as well, a peer that asks ever more rarely may have no chance left to hear of it. So it should elicit an
    /// answer, and is then repeated by its own probe timeout. One in flight is enough, so two ends with losses do not keep each other awake.
    /// </summary>
    public bool NeedsEcho => Sent.AckElicitingInFlight == 0 && Received.TellsOfGaps;

    /// <summary>Its keys are gone: nothing is sent or acknowledged here any more.</summary>
    public bool IsDiscarded { get; set; }
}
