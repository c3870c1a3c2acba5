namespace Net.Core.Wire;

/// <summary>NEW_CONNECTION_ID: one more ID under which its sender can be reached (RFC 9000, section 19.15).</summary>
/// <param name="SequenceNumber">Counts the IDs that were issued, without gaps.</param>
/// <param name="RetirePriorTo">IDs with smaller numbers are to be retired.</param>
/// <param name="ConnectionId">1 to 20 bytes.</param>
/// <param name="Token">Ends the connection in a stateless reset to this ID.</param>
internal readonly record struct NewConnectionIdFrame(ulong SequenceNumber, ulong RetirePriorTo, ConnectionId ConnectionId, ResetToken Token)
    : IFrame<NewConnectionIdFrame>
{
    public int Length =>
        1 + VarInt.Length(SequenceNumber) + VarInt.Length(RetirePriorTo) + 1 + ConnectionId.Length + ResetToken.Length;

    /// <summary>False when cut, when the ID is empty or longer than 20 bytes, or when it would retire itself.</summary>
    public static bool TryRead(ref ByteReader reader, out NewConnectionIdFrame frame)
    {
        frame = default;
        if (!reader.TryReadVarInt(out ulong sequenceNumber)
            || !reader.TryReadVarInt(out ulong retirePriorTo)
            || retirePriorTo > sequenceNumber
            || !reader.TryReadByte(out byte length)
            || length is 0 or > ConnectionId.MaxLength
            || !reader.TryReadBytes(length, out ReadOnlySpan<byte> id)
            || !ResetToken.TryRead(ref reader, out ResetToken token))
        {
            return false;
        }

        frame = new(sequenceNumber, retirePriorTo, new(id), token);
        return true;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)FrameType.NewConnectionId);
        writer.WriteVarInt(SequenceNumber);
        writer.WriteVarInt(RetirePriorTo);
        writer.WriteByte((byte)ConnectionId.Length);
        writer.WriteBytes(ConnectionId.Span);
        Token.Write(ref writer);
    }
}
