namespace Net.Core.Wire;

/// <summary>MAX_STREAMS: how many streams of a kind the peer may open in all (RFC 9000, section 19.11).</summary>
/// <param name="Unidirectional">Which of the two kinds is counted.</param>
/// <param name="Limit">Streams since the connection began, closed ones included; 0 to 2^60.</param>
internal readonly record struct MaxStreamsFrame(bool Unidirectional, ulong Limit) : IFrame<MaxStreamsFrame>
{
    /// <summary>No stream ID could be numbered beyond it (RFC 9000, section 4.6).</summary>
    public const ulong MaxLimit = 1UL << 60;

    public int Length => 1 + VarInt.Length(Limit);

    public FrameType Type => Unidirectional ? FrameType.MaxStreamsUnidirectional : FrameType.MaxStreamsBidirectional;

    /// <summary>False when cut, or when the limit is above 2^60.</summary>
    public static bool TryRead(FrameType type, ref ByteReader reader, out MaxStreamsFrame frame)
    {
        bool sound = reader.TryReadVarInt(out ulong limit) && limit <= MaxLimit;
        frame = new(type == FrameType.MaxStreamsUnidirectional, limit);
        return sound;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)Type);
        writer.WriteVarInt(Limit);
    }
}
