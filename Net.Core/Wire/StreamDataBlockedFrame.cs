namespace Net.Core.Wire;

/// <summary>STREAM_DATA_BLOCKED: the peer has more to send on a stream than its limit permits (RFC 9000, section 19.13).</summary>
/// <param name="Id">The stream.</param>
/// <param name="Limit">The stream's limit at which the sender stopped, in bytes.</param>
internal readonly record struct StreamDataBlockedFrame(StreamId Id, ulong Limit) : IFrame<StreamDataBlockedFrame>
{
    public int Length => 1 + VarInt.Length(Id.Value) + VarInt.Length(Limit);

    public static bool TryRead(ref ByteReader reader, out StreamDataBlockedFrame frame)
    {
        ulong value = 0;
        bool complete = reader.TryReadVarInt(out ulong id) && reader.TryReadVarInt(out value);
        frame = new(new(id), value);
        return complete;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)FrameType.StreamDataBlocked);
        writer.WriteVarInt(Id.Value);
        writer.WriteVarInt(Limit);
    }
}
