namespace Net.Core.Wire;

/// <summary>STREAM: bytes of a stream (RFC 9000, section 19.8). It borrows the datagram.</summary>
/// <param name="id">The stream, which the frame opens if need be.</param>
/// <param name="offset">Of the first byte in the stream.</param>
/// <param name="data">May be empty, with or without <paramref name="fin"/>.</param>
/// <param name="fin">The stream ends behind the data.</param>
internal readonly ref struct StreamFrame(StreamId id, ulong offset, ReadOnlySpan<byte> data, bool fin) : IFrame<StreamFrame>
{
    private const byte FinBit = 0x01;
    private const byte LengthBit = 0x02;
    private const byte OffsetBit = 0x04;

    public StreamId Id { get; } = id;

    public ulong Offset { get; } = offset;

    public ReadOnlySpan<byte> Data { get; } = data;

    public bool Fin { get; } = fin;

    /// <summary>The offset behind the last byte; the final size when <see cref="Fin"/> is set.</summary>
    public ulong End => Offset + (ulong)Data.Length;

    public int Length => HeaderLength(Id, Offset, Data.Length) + Data.Length;

    /// <summary>Bytes before the data, with a length field.</summary>
    public static int HeaderLength(StreamId id, ulong offset, int length) => HeaderLength(id, offset) + VarInt.Length((ulong)length);

    /// <summary>Bytes before the data of a frame without a length field, the last of its packet.</summary>
    public static int HeaderLength(StreamId id, ulong offset) =>
        1 + VarInt.Length(id.Value) + (offset == 0 ? 0 : VarInt.Length(offset));

    /// <summary>False when cut, or when the data would end beyond 2^62-1 (checklist S51). Without a length field all the rest is data.</summary>
    public static bool TryRead(FrameType type, scoped ref ByteReader reader, out StreamFrame frame)
    {
        byte bits = (byte)type;
        frame = default;
        ulong offset = 0;
        if (!reader.TryReadVarInt(out ulong id) || ((bits & OffsetBit) != 0 && !reader.TryReadVarInt(out offset)))
        {
            return false;
        }

        ulong length = (ulong)reader.Remaining;
        if (((bits & LengthBit) != 0 && !reader.TryReadVarInt(out length))
            || offset + length > VarInt.MaxValue
            || !reader.TryReadBytes(length, out ReadOnlySpan<byte> data))
        {
            return false;
        }

        frame = new(new(id), offset, data, (bits & FinBit) != 0);
        return true;
    }

    public void Write(ref ByteWriter writer) => Write(ref writer, withLength: true);

    /// <summary>Without a length field nothing can follow in the packet, not even padding.</summary>
    public void Write(ref ByteWriter writer, bool withLength)
    {
        WriteHeader(ref writer, Id, Offset, Data.Length, Fin, withLength);
        writer.WriteBytes(Data);
    }

    /// <summary>What stands before the data, for a sender that then copies from its own buffers.</summary>
    public static void WriteHeader(ref ByteWriter writer, StreamId id, ulong offset, int length, bool fin, bool withLength = true)
    {
        int bits = (fin ? FinBit : 0) | (withLength ? LengthBit : 0) | (offset == 0 ? 0 : OffsetBit);
        writer.WriteByte((byte)((int)FrameType.Stream | bits));
        writer.WriteVarInt(id.Value);
        if (offset != 0)
        {
            writer.WriteVarInt(offset);
        }

        if (withLength)
        {
            writer.WriteVarInt((ulong)length);
        }
    }
}
