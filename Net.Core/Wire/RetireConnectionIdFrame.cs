namespace Net.Core.Wire;

/// <summary>RETIRE_CONNECTION_ID: the sender will no longer use a connection ID that it was given (RFC 9000, section 19.16).</summary>
/// <param name="SequenceNumber">The number under which the receiver of this frame had issued it.</param>
internal readonly record struct RetireConnectionIdFrame(ulong SequenceNumber) : IFrame<RetireConnectionIdFrame>
{
    public int Length => 1 + VarInt.Length(SequenceNumber);

    public static bool TryRead(ref ByteReader reader, out RetireConnectionIdFrame frame)
    {
        bool complete = reader.TryReadVarInt(out ulong value);
        frame = new(value);
        return complete;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)FrameType.RetireConnectionId);
        writer.WriteVarInt(SequenceNumber);
    }
}
