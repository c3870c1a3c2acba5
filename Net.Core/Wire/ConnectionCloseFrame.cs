namespace Net.Core.Wire;

/// <summary>CONNECTION_CLOSE: the connection ends here (RFC 9000, section 19.19). It borrows the datagram.</summary>
/// <param name="isApplication">The application's code (type 0x1d), not the transport's (0x1c).</param>
/// <param name="errorCode">0 to 2^62-1.</param>
/// <param name="frameType">The frame at fault, 0 when unknown; of the transport's form alone.</param>
/// <param name="reason">UTF-8 by agreement; nothing a receiver can rely on.</param>
internal readonly ref struct ConnectionCloseFrame(bool isApplication, ulong errorCode, ulong frameType, ReadOnlySpan<byte> reason)
    : IFrame<ConnectionCloseFrame>
{
    public bool IsApplication { get; } = isApplication;

    public ulong ErrorCode { get; } = errorCode;

    public ulong FrameType { get; } = isApplication ? 0 : frameType;

    public ReadOnlySpan<byte> Reason { get; } = reason;

    public int Length => 1 + VarInt.Length(ErrorCode) + (IsApplication ? 0 : VarInt.Length(FrameType))
        + VarInt.Length((ulong)Reason.Length) + Reason.Length;

    public static bool TryRead(FrameType type, scoped ref ByteReader reader, out ConnectionCloseFrame frame)
    {
        bool isApplication = type == Wire.FrameType.ApplicationClose;
        ulong faulty = 0;
        ReadOnlySpan<byte> reason = default;
        bool complete = reader.TryReadVarInt(out ulong errorCode)
            && (isApplication || reader.TryReadVarInt(out faulty))
            && reader.TryReadVarBytes(out reason);
        frame = new(isApplication, errorCode, faulty, reason);
        return complete;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)(IsApplication ? Wire.FrameType.ApplicationClose : Wire.FrameType.ConnectionClose));
        writer.WriteVarInt(ErrorCode);
        if (!IsApplication)
        {
            writer.WriteVarInt(FrameType);
        }

        writer.WriteVarBytes(Reason);
    }
}
