namespace Net.Core.Wire;

/// <summary>STREAMS_BLOCKED: the peer would open more streams of a kind than its limit permits (RFC 9000, section 19.14).</summary>
/// <param name="Unidirectional">Which of the two kinds is counted.</param>
/// <param name="Limit">The limit at which it stopped; 0 to 2^60.</param>
internal readonly record struct StreamsBlockedFrame(bool Unidirectional, ulong Limit) : IFrame<StreamsBlockedFrame>
{
    /// <summary>No stream ID could be numbered beyond it (RFC 9000, section 4.6).</summary>
    public const ulong MaxLimit = 1UL << 60;

    public int Length => 1 + VarInt.Length(Limit);

    public FrameType Type => Unidirectional ? FrameType.StreamsBlockedUnidirectional : FrameType.StreamsBlockedBidirectional;

    /// <summary>False when cut, or when the limit is above 2^60.</summary>
    public static bool TryRead(FrameType type, ref ByteReader reader, out StreamsBlockedFrame frame)
    {
        bool sound = reader.TryReadVarInt(out ulong limit) && limit <= MaxLimit;
        frame = new(type == FrameType.StreamsBlockedUnidirectional, limit);
        return sound;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)Type);
        writer.WriteVarInt(Limit);
    }
}
