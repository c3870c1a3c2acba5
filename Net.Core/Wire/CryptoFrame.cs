namespace Net.Core.Wire;

/// <summary>CRYPTO: handshake bytes of one encryption level (RFC 9000, section 19.6). It borrows the datagram.</summary>
/// <param name="offset">Of the first byte in the level's stream.</param>
/// <param name="data">May be empty.</param>
internal readonly ref struct CryptoFrame(ulong offset, ReadOnlySpan<byte> data) : IFrame<CryptoFrame>
{
    public ulong Offset { get; } = offset;

    public ReadOnlySpan<byte> Data { get; } = data;

    public int Length => HeaderLength(Offset, Data.Length) + Data.Length;

    /// <summary>Bytes before the data.</summary>
    public static int HeaderLength(ulong offset, int length) => 1 + VarInt.Length(offset) + VarInt.Length((ulong)length);

    /// <summary>False when cut, or when the data would end beyond 2^62-1.</summary>
    public static bool TryRead(scoped ref ByteReader reader, out CryptoFrame frame)
    {
        ReadOnlySpan<byte> data = default;
        bool sound = reader.TryReadVarInt(out ulong offset)
            && reader.TryReadVarBytes(out data)
            && offset + (ulong)data.Length <= VarInt.MaxValue;
        frame = new(offset, data);
        return sound;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteByte((byte)FrameType.Crypto);
        writer.WriteVarInt(Offset);
        writer.WriteVarBytes(Data);
    }
}
