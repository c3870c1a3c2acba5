namespace Net.Core.Wire;

/// <summary>What can be said of a frame by its type alone (RFC 9000, sections 12.4 and 12.5).</summary>
internal static class FrameTypes
{
    /// <summary>False when cut, or longer than needed: of all varints the type alone must be in its shortest form (checklist S50).</summary>
    public static bool TryReadType(ref ByteReader reader, out FrameType type)
    {
        int start = reader.Position;
        bool complete = reader.TryReadVarInt(out ulong value);
        type = (FrameType)value;
        return complete && reader.Position - start == VarInt.Length(value);
    }

    public static bool IsStream(FrameType type) => type is >= FrameType.Stream and <= FrameType.StreamLast;

    public static bool IsKnown(FrameType type) => type is <= FrameType.HandshakeDone or FrameType.Datagram or FrameType.DatagramWithLength;

    /// <summary>The peer acknowledges the packet soon (RFC 9002, section 2).</summary>
    public static bool IsAckEliciting(FrameType type) => type is not (FrameType.Padding or FrameType.Ack or FrameType.AckEcn
        or FrameType.ConnectionClose or FrameType.ApplicationClose);

    /// <summary>A packet of these alone probes a path and is no reason to migrate to it (RFC 9000, section 9.1).</summary>
    public static bool IsProbing(FrameType type) => type is FrameType.Padding or FrameType.PathChallenge
        or FrameType.PathResponse or FrameType.NewConnectionId;

    /// <summary>The table of RFC 9000, section 12.4: what is elsewhere is a PROTOCOL_VIOLATION. Unknown types are allowed nowhere.</summary>
    public static bool IsAllowed(FrameType type, EncryptionLevel level) => level switch
    {
        EncryptionLevel.Initial or EncryptionLevel.Handshake => type is FrameType.Padding or FrameType.Ping or FrameType.Ack
            or FrameType.AckEcn or FrameType.Crypto or FrameType.ConnectionClose,
        EncryptionLevel.ZeroRtt => IsKnown(type) && type is not (FrameType.Ack or FrameType.AckEcn or FrameType.Crypto
            or FrameType.NewToken or FrameType.PathResponse or FrameType.RetireConnectionId or FrameType.HandshakeDone),
        _ => IsKnown(type),
    };

    /// <summary>Passes over a run of PADDING, which is often most of a datagram.</summary>
    public static void SkipPadding(ref ByteReader reader)
    {
        int run = reader.Rest.IndexOfAnyExcept((byte)0);
        _ = reader.TryReadBytes((ulong)(run < 0 ? reader.Remaining : run), out _);
    }
}
