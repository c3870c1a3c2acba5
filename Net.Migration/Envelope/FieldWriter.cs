using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Net.Core.Wire;

namespace Net.Migration.Envelope;

/// <summary>Writes fields of link messages, log records and bindings into a buffer that grows: none of these is on the path of a packet.</summary>
internal sealed class FieldWriter(int capacity = 256)
{
    private readonly ArrayBufferWriter<byte> _bytes = new(capacity);

    public ReadOnlyMemory<byte> Written => _bytes.WrittenMemory;

    public void WriteByte(byte value)
    {
        _bytes.GetSpan(1)[0] = value;
        _bytes.Advance(1);
    }

    public void WriteBool(bool value) => WriteByte(value ? (byte)1 : (byte)0);

    public void WriteUInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_bytes.GetSpan(sizeof(ushort)), value);
        _bytes.Advance(sizeof(ushort));
    }

    public void WriteUInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_bytes.GetSpan(sizeof(uint)), value);
        _bytes.Advance(sizeof(uint));
    }

    /// <summary>All 64 bits: for numbers that may be random, which a variable-length integer's 62 bits could not hold.</summary>
    public void WriteUInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(_bytes.GetSpan(sizeof(ulong)), value);
        _bytes.Advance(sizeof(ulong));
    }

    public void WriteVarInt(ulong value)
    {
        ByteWriter writer = new(_bytes.GetSpan(sizeof(ulong)));
        writer.WriteVarInt(value);
        _bytes.Advance(writer.Position);
    }

    public void WriteBytes(ReadOnlySpan<byte> value) => _bytes.Write(value);

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
        ByteWriter writer = new(_bytes.GetSpan(UdpAddress.EncodedLength));
        value.Write(ref writer);
        _bytes.Advance(writer.Position);
    }

    /// <summary>Overwrites what was written and starts again: some records hold keys.</summary>
    public void Wipe() => _bytes.Clear();
}
