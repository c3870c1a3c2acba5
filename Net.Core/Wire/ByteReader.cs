using System.Buffers.Binary;

namespace Net.Core.Wire;

/// <summary>Reads fields in network byte order from bytes that a peer sent.</summary>
/// <remarks>Never throws: a field that is not there in full gives <c>false</c> and leaves the position where it was.</remarks>
internal ref struct ByteReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; private set; }

    public readonly int Remaining => _bytes.Length - Position;

    public readonly bool IsEmpty => Position == _bytes.Length;

    /// <summary>All that has not been read.</summary>
    public readonly ReadOnlySpan<byte> Rest => _bytes[Position..];

    /// <summary>All that was given, read or not.</summary>
    public readonly ReadOnlySpan<byte> Whole => _bytes;

    public bool TryReadByte(out byte value)
    {
        if (IsEmpty)
        {
            value = 0;
            return false;
        }

        value = _bytes[Position++];
        return true;
    }

    public bool TryReadUInt16(out ushort value)
    {
        bool complete = BinaryPrimitives.TryReadUInt16BigEndian(Rest, out value);
        Position += complete ? sizeof(ushort) : 0;
        return complete;
    }

    /// <summary>A 24-bit number, as TLS uses for lengths.</summary>
    public bool TryReadUInt24(out int value)
    {
        if (Remaining < 3)
        {
            value = 0;
            return false;
        }

        value = (_bytes[Position] << 16) | (_bytes[Position + 1] << 8) | _bytes[Position + 2];
        Position += 3;
        return true;
    }

    public bool TryReadUInt32(out uint value)
    {
        bool complete = BinaryPrimitives.TryReadUInt32BigEndian(Rest, out value);
        Position += complete ? sizeof(uint) : 0;
        return complete;
    }

    public bool TryReadUInt64(out ulong value)
    {
        bool complete = BinaryPrimitives.TryReadUInt64BigEndian(Rest, out value);
        Position += complete ? sizeof(ulong) : 0;
        return complete;
    }

    public bool TryReadVarInt(out ulong value)
    {
        value = 0;
        if (IsEmpty)
        {
            return false;
        }

        int length = 1 << (_bytes[Position] >> 6);
        if (Remaining < length)
        {
            return false;
        }

        ReadOnlySpan<byte> field = _bytes[Position..];
        value = length switch
        {
            1 => field[0],
            2 => BinaryPrimitives.ReadUInt16BigEndian(field) & 0x3FFFu,
            4 => BinaryPrimitives.ReadUInt32BigEndian(field) & 0x3FFF_FFFFu,
            _ => BinaryPrimitives.ReadUInt64BigEndian(field) & VarInt.MaxValue,
        };
        Position += length;
        return true;
    }

    public bool TryReadBytes(ulong length, out ReadOnlySpan<byte> value)
    {
        if (length > (ulong)Remaining)
        {
            value = default;
            return false;
        }

        value = _bytes.Slice(Position, (int)length);
        Position += (int)length;
        return true;
    }

    /// <summary>Bytes behind their length as a variable-length integer.</summary>
    public bool TryReadVarBytes(out ReadOnlySpan<byte> value)
    {
        int start = Position;
        if (TryReadVarInt(out ulong length) && TryReadBytes(length, out value))
        {
            return true;
        }

        Position = start;
        value = default;
        return false;
    }
}
