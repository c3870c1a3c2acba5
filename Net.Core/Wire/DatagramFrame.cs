namespace Net.Core.Wire;

/// <summary>DATAGRAM: bytes that are sent once and never again (RFC 9221, section 4). It borrows the datagram.</summary>
/// <param name="data">May be empty.</param>
internal readonly ref struct DatagramFrame(ReadOnlySpan<byte> data) : IFrame<DatagramFrame>
{
    public ReadOnlySpan<byte> Data { get; } = data;

    public int Length => HeaderLength(Data.Length) + Data.Length;

    /// <summary>Bytes before the data, with a length field.</summary>
    public static int HeaderLength(int length) => 1 + VarInt.Length((ulong)length);

    /// <summary>Bytes of data that fit a frame of so many bytes, with a length field; below 0 when nothing does, not even no data.</summary>
    public static int MaxData(int frame)
    {
        // One byte of length tells up to 63, two up to 16,383, four as much as a datagram may hold.
        int data = frame - 2;
        data = data > 63 ? int.Max(63, frame - 3) : data;
        return data > 16_383 ? int.Max(16_383, frame - 5) : data;
    }

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
