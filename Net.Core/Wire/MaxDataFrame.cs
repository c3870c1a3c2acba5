namespace Net.Core.Wire;

/// <summary>MAX_DATA: lets the peer send stream bytes up to an offset summed over all streams (RFC 9000, section 19.9).</summary>
/// <param name="Limit">Total bytes since the connection began, never an increment; 0 to 2^62-1.</param>
internal readonly record struct MaxDataFrame(ulong Limit) : IFrame<MaxDataFrame>
{
    public int Length => 1 + VarInt.Length(Limit);

    public static bool TryRead(ref ByteReader reader, out MaxDataFrame frame)
    {
        bool complete = reader.TryReadVarInt(out ulong value);
        frame = new(value);
        return complete;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)FrameType.MaxData);
        writer.WriteVarInt(Limit);
    }
}
