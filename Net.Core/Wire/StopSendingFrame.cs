namespace Net.Core.Wire;

/// <summary>STOP_SENDING: asks the peer to reset a stream, as nobody will read what it still sends (RFC 9000, section 19.5).</summary>
/// <param name="Id">The stream.</param>
/// <param name="ErrorCode">The application's reason, 0 to 2^62-1.</param>
internal readonly record struct StopSendingFrame(StreamId Id, ulong ErrorCode) : IFrame<StopSendingFrame>
{
    public int Length => 1 + VarInt.Length(Id.Value) + VarInt.Length(ErrorCode);

    public static bool TryRead(ref ByteReader reader, out StopSendingFrame frame)
    {
        ulong value = 0;
        bool complete = reader.TryReadVarInt(out ulong id) && reader.TryReadVarInt(out value);
        frame = new(new(id), value);
        return complete;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)FrameType.StopSending);
        writer.WriteVarInt(Id.Value);
        writer.WriteVarInt(ErrorCode);
    }
}
