using System.Buffers;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Snapshots;

/// <summary>Writes the fields of parts, without regard to the machine's byte order, as variable-length numbers and counted bytes.</summary>
/// <param name="now">The moment of the freeze: instants are written as their distance from it.</param>
internal sealed class SnapshotWriter(Instant now)
{
    private readonly ArrayBufferWriter<byte> _bytes = new(512);

    public Instant Now { get; } = now;

    public ReadOnlyMemory<byte> Written => _bytes.WrittenMemory;

    /// <summary>0 to 2^64-1; 1 byte below 2^7, 10 bytes at most (LEB128, as numbers here may exceed a QUIC varint's 62 bits).</summary>
    public void WriteNumber(ulong value)
    {
        Span<byte> room = _bytes.GetSpan(10);
        int count = 0;
        while (value >= 0x80)
        {
            room[count++] = (byte)(value | 0x80);
            value >>= 7;
        }

        room[count++] = (byte)value;
        _bytes.Advance(count);
    }

    public void WriteSigned(long value) => WriteNumber((ulong)((value << 1) ^ (value >> 63)));

    public void WriteBool(bool value) => WriteNumber(value ? 1UL : 0UL);

    public void WriteBytes(ReadOnlySpan<byte> value)
    {
        WriteNumber((ulong)value.Length);
        _bytes.Write(value);
    }

    public void WriteString(string value) => WriteBytes(System.Text.Encoding.UTF8.GetBytes(value));

    public void WriteDuration(TimeSpan value) => WriteSigned(value.Ticks);

    /// <summary>As an age: its distance from <see cref="Now"/>, so that it means the same on a machine with another clock.</summary>
    public void WriteInstant(Instant value)
    {
        WriteBool(value.IsNever);
        if (!value.IsNever)
        {
            WriteDuration(Now - value);
        }
    }

    public void WriteConnectionId(ConnectionId value) => WriteBytes(value.Span);

    public void WriteResetToken(ResetToken value)
    {
        Span<byte> bytes = stackalloc byte[ResetToken.Length];
        value.CopyTo(bytes);
        WriteBytes(bytes);
    }

    public void WriteAddress(UdpAddress value)
    {
        ByteWriter bytes = new(stackalloc byte[UdpAddress.EncodedLength]);
        value.Write(ref bytes);
        WriteBytes(bytes.Written);
    }

    /// <summary>A section: its number, its key (which of several of that number), and the bytes that <paramref name="source"/> writes.</summary>
    /// <remarks>Even numbers are required: a reader that does not know one refuses the snapshot. Odd ones are skipped.</remarks>
    public void WriteSection(ulong number, ulong key, Action<SnapshotWriter> source)
    {
        SnapshotWriter body = new(Now);
        source(body);
        WriteNumber(number);
        WriteNumber(key);
        WriteBytes(body.Written.Span);
        body.Wipe();
    }

    /// <summary>Overwrites what was written: a snapshot holds traffic secrets.</summary>
    public void Wipe() => _bytes.Clear();
}
