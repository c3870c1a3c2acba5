using System.Buffers.Binary;

namespace Net.Core.Wire;

/// <summary>A stateless reset token: 16 bytes that only the owner of a connection ID can know (RFC 9000, section 10.3).</summary>
/// <remarks>Equality takes the same time whatever differs, as section 10.3.1 asks; the text form does not show the secret.</remarks>
internal readonly struct ResetToken : IEquatable<ResetToken>
{
    public const int Length = 16;

    private readonly ulong _high;
    private readonly ulong _low;

    /// <exception cref="ArgumentOutOfRangeException">Not 16 bytes.</exception>
    public ResetToken(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, Length);
        _high = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _low = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
    }

    private ResetToken(ulong high, ulong low)
    {
        _high = high;
        _low = low;
    }

    public static bool operator ==(ResetToken left, ResetToken right) => left.Equals(right);

    public static bool operator !=(ResetToken left, ResetToken right) => !left.Equals(right);

    public static bool TryRead(ref ByteReader reader, out ResetToken token)
    {
        token = default;
        if (reader.Remaining < Length || !reader.TryReadUInt64(out ulong high) || !reader.TryReadUInt64(out ulong low))
        {
            return false;
        }

        token = new(high, low);
        return true;
    }

    public void Write(ref ByteWriter writer)
    {
        writer.WriteUInt64(_high);
        writer.WriteUInt64(_low);
    }

    /// <summary>The first 16 bytes of <paramref name="destination"/> become the token.</summary>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _low);
    }

    public bool Equals(ResetToken other) => ((_high ^ other._high) | (_low ^ other._low)) == 0;

    public override bool Equals(object? obj) => obj is ResetToken other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_high, _low);

    public override string ToString() => "reset token";
}
