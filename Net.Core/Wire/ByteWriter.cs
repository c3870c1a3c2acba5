using System.Buffers.Binary;

namespace Net.Core.Wire;

/// <summary>Writes fields in network byte order into a buffer whose room the caller has checked.</summary>
internal ref struct ByteWriter(Span<byte> buffer)
{
    private readonly Span<byte> _buffer = buffer;

    public int Position { get; private set; }

    public readonly int Free => _buffer.Length - Position;

    public readonly Span<byte> Written => _buffer[..Position];

    /// <summary>The room that is left; <see cref="Advance"/> says how much of it was used.</summary>
    public readonly Span<byte> Rest => _buffer[Position..];

    public void Advance(int count) => Position += count;

    public void WriteByte(byte value) => _buffer[Position++] = value;

    public void WriteUInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(Rest, value);
        Position += sizeof(ushort);
    }

    public void WriteUInt24(int value)
    {
        WriteByte((byte)(value >> 16));
        WriteUInt16((ushort)value);
    }

    public void WriteUInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Rest, value);
        Position += sizeof(uint);
    }

    public void WriteUInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(Rest, value);
        Position += sizeof(ulong);
    }

    public void WriteVarInt(ulong value) => WriteVarInt(value, VarInt.Length(value));

    /// <summary>An encoding of a chosen length, longer than needed perhaps: for fields that are filled in later.</summary>
    public void WriteVarInt(ulong value, int length)
    {
        switch (length)
        {
            case 1: WriteByte((byte)value); break;
            case 2: WriteUInt16((ushort)(value | 0x4000)); break;
            case 4: WriteUInt32((uint)(value | 0x8000_0000)); break;
            default: WriteUInt64(value | 0xC000_0000_0000_0000); break;
        }
    }

    public void WriteBytes(scoped ReadOnlySpan<byte> value)
    {
        value.CopyTo(Rest);
        Position += value.Length;
    }

    public void WriteVarBytes(scoped ReadOnlySpan<byte> value)
    {
        WriteVarInt((ulong)value.Length);
        WriteBytes(value);
    }
}
