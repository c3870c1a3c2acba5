namespace Net.Core.Wire;

/// <summary>DATA_BLOCKED: the peer has more to send than the connection's limit permits (RFC 9000, section 19.12).</summary>
/// <param name="Limit">The connection-level limit at which the sender stopped, in bytes.</param>
internal readonly record struct DataBlockedFrame(ulong Limit) : IFrame<DataBlockedFrame>
{
    public int Length => 1 + VarInt.Length(Limit);

    public static bool TryRead(ref ByteReader reader, out DataBlockedFrame frame)
    {
        bool complete = reader.TryReadVarInt(out ulong value);
        frame = new(value);
        return complete;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)FrameType.DataBlocked);
        writer.WriteVarInt(Limit);
    }
}
