namespace Net.Core.Wire;

/// <summary>MAX_STREAM_DATA: lets the peer send bytes of one stream up to an offset (RFC 9000, section 19.10).</summary>
/// <param name="Id">The stream.</param>
/// <param name="Limit">Total bytes since the stream began, never an increment; 0 to 2^62-1.</param>
internal readonly record struct MaxStreamDataFrame(StreamId Id, ulong Limit) : IFrame<MaxStreamDataFrame>
{
    public int Length => 1 + VarInt.Length(Id.Value) + VarInt.Length(Limit);

    public static bool TryRead(ref ByteReader reader, out MaxStreamDataFrame frame)
    {
        ulong value = 0;
        bool complete = reader.TryReadVarInt(out ulong id) && reader.TryReadVarInt(out value);
        frame = new(new(id), value);
        return complete;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)FrameType.MaxStreamData);
        writer.WriteVarInt(Id.Value);
        writer.WriteVarInt(Limit);
    }
}
