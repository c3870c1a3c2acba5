using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Snapshots;

/// <summary>Reads what <see cref="SnapshotWriter"/> wrote. A snapshot is hostile input: every read is bounded and throws <see cref="SnapshotException"/>.</summary>
/// <param name="bytes">One section's body, or a whole snapshot.</param>
/// <param name="now">The moment of the import: ages become instants of this machine's clock.</param>
internal sealed class SnapshotReader(ReadOnlyMemory<byte> bytes, Instant now)
{
    private const long MaxAge = TimeSpan.TicksPerDay * 36_525L;

    private ReadOnlyMemory<byte> _rest = bytes;

    public Instant Now { get; private set; } = now;

    public bool IsEmpty => _rest.IsEmpty;

    public int Remaining => _rest.Length;

    /// <summary>What was not read yet.</summary>
    public ReadOnlySpan<byte> Rest => _rest.Span;

    /// <summary>Reads something else from now on: one reader serves for many sections.</summary>
    public void Restart(ReadOnlyMemory<byte> bytes, Instant now) => (_rest, Now) = (bytes, now);

    public ulong ReadNumber()
    {
        ReadOnlySpan<byte> span = _rest.Span;
        ulong value = 0;
        for (int i = 0; i < span.Length && i < 10; i++)
        {
            ulong bits = span[i] & 0x7Fu;
            // The tenth byte holds the 64th bit alone; an encoding that ends in a zero byte is longer than needed.
            if ((i == 9 && bits > 1) || (i > 0 && span[i] == 0))
            {
                break;
            }

            value |= bits << (7 * i);
            if (span[i] < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return value;
            }
        }

        throw new SnapshotException("a number is cut short or malformed");
    }

    /// <exception cref="SnapshotException">Above <paramref name="max"/>.</exception>
    public ulong ReadNumber(ulong max)
    {
        ulong value = ReadNumber();
        return value <= max ? value : throw new SnapshotException("a number is out of range");
    }

    /// <summary>A count of things that follow, each at least one byte: no snapshot can ask for more than it holds.</summary>
    public int ReadCount()
    {
        ulong count = ReadNumber();
        return count <= (ulong)_rest.Length ? (int)count : throw new SnapshotException("a count is larger than what follows");
    }

    public long ReadSigned()
    {
        ulong value = ReadNumber();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    public bool ReadBool() => ReadNumber(1) == 1;

    public ReadOnlyMemory<byte> ReadBytes()
    {
        int length = (int)ReadNumber((ulong)_rest.Length);
        // The length's own bytes were counted in the bound above, and are gone now.
        if (length > _rest.Length)
        {
            throw new SnapshotException("bytes are cut short");
        }

        ReadOnlyMemory<byte> value = _rest[..length];
        _rest = _rest[length..];
        return value;
    }

    /// <exception cref="SnapshotException">Not exactly <paramref name="length"/> bytes.</exception>
    public ReadOnlyMemory<byte> ReadBytes(int length)
    {
        ReadOnlyMemory<byte> value = ReadBytes();
        return value.Length == length ? value : throw new SnapshotException("a field has the wrong length");
    }

    public string ReadString() => System.Text.Encoding.UTF8.GetString(ReadBytes().Span);

    public TimeSpan ReadDuration() => new(ReadSigned());

    public Instant ReadInstant()
    {
        if (ReadBool())
        {
            return Instant.Never;
        }

        // A hundred years either way: beyond that, sums of instants could overflow.
        long age = ReadSigned();
        return age is >= -MaxAge and <= MaxAge ? Now - new TimeSpan(age) : throw new SnapshotException("an age is out of range");
    }

    public ConnectionId ReadConnectionId()
    {
        ReadOnlyMemory<byte> value = ReadBytes();
        return value.Length <= ConnectionId.MaxLength ? new(value.Span) : throw new SnapshotException("a connection ID is too long");
    }

    public ResetToken ReadResetToken() => new(ReadBytes(ResetToken.Length).Span);

    public UdpAddress ReadAddress()
    {
        ByteReader bytes = new(ReadBytes(UdpAddress.EncodedLength).Span);
        return UdpAddress.TryRead(ref bytes, out UdpAddress value) ? value : throw new SnapshotException("an address is malformed");
    }

    /// <summary>Bytes that no length stands before.</summary>
    /// <exception cref="SnapshotException">There are fewer.</exception>
    public ReadOnlyMemory<byte> ReadRaw(int length)
    {
        if ((uint)length > (uint)_rest.Length)
        {
            throw new SnapshotException("bytes are cut short");
        }

        ReadOnlyMemory<byte> value = _rest[..length];
        _rest = _rest[length..];
        return value;
    }

    public ReadOnlyMemory<byte> ReadRest() => ReadRaw(_rest.Length);

    /// <exception cref="SnapshotException">Something is left over.</exception>
    public void End()
    {
        if (!IsEmpty)
        {
            throw new SnapshotException("a section holds more than its fields");
        }
    }
}
