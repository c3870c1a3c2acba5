namespace Net.Core.Wire;

/// <summary>DATAGRAM: bytes that are sent once and never again (RFC 9221, section 4). It borrows the datagram.</summary>
/// <param name="data">May be empty.</param>
internal readonly ref struct DatagramFrame(ReadOnlySpan<byte> data) : IFrame<DatagramFrame>
{
    public ReadOnlySpan<byte> Data { get; } = data;

    public int Length => HeaderLength(Data.Length) + Data.Length;

    /// <summary>Bytes before the data, with a length field.</summary>
    public static int HeaderLength(int length) => 1 + VarInt.Length((ulong)length);

    /// <summary>False when cut. Without a length field all the rest is data.</summary>
    public static bool TryRead(FrameType type, scoped ref ByteReader reader, out DatagramFrame frame)
    {
        bool complete = type == FrameType.DatagramWithLength
            ? reader.TryReadVarBytes(out ReadOnlySpan<byte> data)
            : reader.TryReadBytes((ulong)reader.Remaining, out data);
        frame = new(data);
        return complete;
    }

    public void Write(ref ByteWriter writer) => Write(ref writer, withLength: true);

    /// <summary>Without a length field nothing can follow in the packet, not even padding.</summary>
    public void Write(ref ByteWriter writer, bool withLength)
    {
        if (withLength)
        {
            writer.WriteByte((byte)FrameType.DatagramWithLength);
            writer.WriteVarBytes(Data);
        }
        else
        {
            writer.WriteByte((byte)FrameType.Datagram);
            writer.WriteBytes(Data);
        }
    }
}
