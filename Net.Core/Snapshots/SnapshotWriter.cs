using System.Security.Cryptography;
using System.Text;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Snapshots;

/// <summary>Writes the fields of parts, without regard to the machine's byte order, as variable-length numbers and counted bytes.</summary>
/// <param name="now">The moment of the freeze: instants are written as their distance from it.</param>
internal sealed class SnapshotWriter(Instant now)
{
    private const int FirstCapacity = 512;

    private byte[] _bytes = [];

    /// <summary>Bytes written.</summary>
    public int Length { get; private set; }

    public Instant Now { get; private set; } = now;

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, Length);

    /// <summary>Overwrites what was written, and begins again with another moment: one writer serves for many connections.</summary>
    public void Restart(Instant now)
    {
        Wipe();
        Now = now;
    }

    /// <summary>0 to 2^64-1; 1 byte below 2^7, 10 bytes at most (LEB128, as numbers here may exceed a QUIC varint's 62 bits).</summary>
    public void WriteNumber(ulong value) => Length += Encode(value, Reserve(10));

    /// <summary>Writes a number as <see cref="WriteNumber"/> does, elsewhere.</summary>
    /// <returns>Its length.</returns>
    public static int Encode(ulong value, Span<byte> room)
    {
        int count = 0;
        while (value >= 0x80)
        {
            room[count++] = (byte)(value | 0x80);
            value >>= 7;
        }

        room[count++] = (byte)value;
        return count;
    }

    /// <summary>A signed number as one that is small when its magnitude is.</summary>
    public static ulong ZigZag(long value) => (ulong)((value << 1) ^ (value >> 63));

    public void WriteSigned(long value) => WriteNumber(ZigZag(value));

    public void WriteBool(bool value) => WriteNumber(value ? 1UL : 0UL);

    public void WriteBytes(ReadOnlySpan<byte> value)
    {
        WriteNumber((ulong)value.Length);
        value.CopyTo(Reserve(value.Length));
        Length += value.Length;
    }

    public void WriteString(string value)
    {
        int length = Encoding.UTF8.GetByteCount(value);
        WriteNumber((ulong)length);
        Length += Encoding.UTF8.GetBytes(value, Reserve(length));
    }

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

    /// <summary>Overwrites what was written: a snapshot holds traffic secrets.</summary>
    public void Wipe() => Truncate(0);

    /// <summary>Overwrites what was written behind a position.</summary>
    public void Truncate(int length)
    {
        CryptographicOperations.ZeroMemory(_bytes.AsSpan(length, Length - length));
        Length = length;
    }

    /// <summary>Room for bytes that <see cref="Advance"/> then counts.</summary>
    public Span<byte> Reserve(int count)
    {
        if (count > _bytes.Length - Length)
        {
            byte[] larger = new byte[int.Max(Length + count, int.Max(FirstCapacity, 2 * _bytes.Length))];
            _bytes.AsSpan(0, Length).CopyTo(larger);
            CryptographicOperations.ZeroMemory(_bytes.AsSpan(0, Length));
            _bytes = larger;
        }

        return _bytes.AsSpan(Length);
    }

    public void Advance(int count) => Length += count;
}
