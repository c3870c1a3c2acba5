using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Net.Core.Wire;

namespace Net.Migration.Envelope;

/// <summary>Writes fields of link messages, log records and bindings into a buffer that grows: none of these is on the path of a packet.</summary>
/// <remarks>What it outgrows is overwritten, as some records hold keys.</remarks>
/// <param name="capacity">Bytes that it has room for from the start.</param>
internal sealed class FieldWriter(int capacity = 256)
{
    private byte[] _bytes = new byte[capacity];
    private int _length;

    /// <summary>Valid until the next write.</summary>
    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, _length);

    public void WriteByte(byte value)
    {
        Reserve(1)[0] = value;
        _length++;
    }

    public void WriteBool(bool value) => WriteByte(value ? (byte)1 : (byte)0);

    public void WriteUInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(Reserve(sizeof(ushort)), value);
        _length += sizeof(ushort);
    }

    public void WriteUInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Reserve(sizeof(uint)), value);
        _length += sizeof(uint);
    }

    /// <summary>All 64 bits: for numbers that may be random, which a variable-length integer's 62 bits could not hold.</summary>
    public void WriteUInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(Reserve(sizeof(ulong)), value);
        _length += sizeof(ulong);
    }

    public void WriteVarInt(ulong value)
    {
        ByteWriter writer = new(Reserve(sizeof(ulong)));
        writer.WriteVarInt(value);
        _length += writer.Position;
    }

    public void WriteBytes(ReadOnlySpan<byte> value)
    {
        value.CopyTo(Reserve(value.Length));
        _length += value.Length;
    }

    public void WriteVarBytes(ReadOnlySpan<byte> value)
    {
        WriteVarInt((ulong)value.Length);
        WriteBytes(value);
    }

    public void WriteString(string value) => WriteVarBytes(Encoding.UTF8.GetBytes(value));

    /// <summary>In ticks of 100 ns, never negative: a span that went by, or one to wait.</summary>
    public void WriteDuration(TimeSpan value) => WriteVarInt((ulong)long.Max(0, value.Ticks));

    public void WriteAddress(UdpAddress value)
    {
        ByteWriter writer = new(Reserve(UdpAddress.EncodedLength));
        value.Write(ref writer);
        _length += writer.Position;
    }

    /// <summary>Overwrites what was written and starts again.</summary>
    public void Wipe()
    {
        CryptographicOperations.ZeroMemory(_bytes.AsSpan(0, _length));
        _length = 0;
    }

    private Span<byte> Reserve(int count)
    {
        if (count > _bytes.Length - _length)
        {
            byte[] larger = new byte[int.Max(checked(_length + count), (int)long.Min(2L * _bytes.Length, Array.MaxLength))];
            Written.Span.CopyTo(larger);
            CryptographicOperations.ZeroMemory(_bytes.AsSpan(0, _length));
            _bytes = larger;
        }

        return _bytes.AsSpan(_length);
    }
}
