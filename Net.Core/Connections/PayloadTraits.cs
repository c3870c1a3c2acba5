using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>What a packet's frames mean for the packet as a whole.</summary>
internal struct PayloadTraits
{
    /// <summary>The peer waits for an acknowledgement (RFC 9002, section 2).</summary>
    public bool IsAckEliciting { get; private set; }

    /// <summary>Some frame is more than a probe of a path, so that its sender has moved to it (RFC 9000, section 9.1).</summary>
    public bool IsNonProbing { get; private set; }

    public void Note(FrameType type)
    {
        IsAckEliciting |= type is not (FrameType.Padding or FrameType.Ack or FrameType.AckEcn or FrameType.ConnectionClose or FrameType.ApplicationClose);
        IsNonProbing |= type is not (FrameType.Padding or FrameType.PathChallenge or FrameType.PathResponse or FrameType.NewConnectionId);
    }
}
