namespace Net.Core.Wire;

/// <summary>RESET_STREAM: the sender gives up its half of a stream (RFC 9000, section 19.4).</summary>
/// <param name="Id">The stream.</param>
/// <param name="ErrorCode">The application's reason, 0 to 2^62-1.</param>
/// <param name="FinalSize">Bytes that flow control counts for the stream, sent or not (section 4.5).</param>
internal readonly record struct ResetStreamFrame(StreamId Id, ulong ErrorCode, ulong FinalSize) : IFrame<ResetStreamFrame>
{
    public int Length => 1 + VarInt.Length(Id.Value) + VarInt.Length(ErrorCode) + VarInt.Length(FinalSize);

    public static bool TryRead(ref ByteReader reader, out ResetStreamFrame frame)
    {
        ulong errorCode = 0, finalSize = 0;
        bool complete = reader.TryReadVarInt(out ulong id) && reader.TryReadVarInt(out errorCode) && reader.TryReadVarInt(out finalSize);
        frame = new(new(id), errorCode, finalSize);
        return complete;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)FrameType.ResetStream);
        writer.WriteVarInt(Id.Value);
        writer.WriteVarInt(ErrorCode);
        writer.WriteVarInt(FinalSize);
    }
}
