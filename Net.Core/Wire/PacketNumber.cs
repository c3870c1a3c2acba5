namespace Net.Core.Wire;

/// <summary>Packet numbers travel as their 1 to 4 lowest bytes (RFC 9000, section 17.1 and appendix A).</summary>
internal static class PacketNumber
{
    public const int MaxLength = 4;

    /// <summary>Bytes that let a receiver which has all up to <paramref name="largestAcked"/> find the whole number again.</summary>
    public static int EncodedLength(ulong pn, ulong? largestAcked)
    {
        // More than twice the range in flight must be representable (section 17.1), hence "less than", not "at most".
        ulong range = 2 * (largestAcked is ulong acked ? pn - acked : pn + 1);
        return range switch
        {
            < 1UL << 8 => 1,
            < 1UL << 16 => 2,
            < 1UL << 24 => 3,
            _ => 4,
        };
    }

    /// <summary>What the caller sets in the two lowest bits of the packet's first byte.</summary>
    public static byte LengthBits(int length) => (byte)(length - 1);

    /// <summary>The lowest <paramref name="length"/> bytes. The header's first byte is the caller's: see <see cref="LengthBits"/>.</summary>
    public static void Write(ref ByteWriter writer, ulong pn, int length)
    {
        for (int shift = 8 * (length - 1); shift >= 0; shift -= 8)
        {
            writer.WriteByte((byte)(pn >> shift));
        }
    }

    /// <summary>The number nearest to the next one expected that ends in the bits received (appendix A.3); 0 to 2^62-1 whatever comes in.</summary>
    public static ulong Decode(ulong? largestReceived, uint truncated, int length)
    {
        ulong expected = largestReceived is ulong largest ? largest + 1 : 0;
        ulong window = 1UL << (8 * length);
        ulong half = window / 2;
        ulong candidate = (expected & ~(window - 1)) | truncated;
        if (candidate + half <= expected && candidate < VarInt.MaxValue + 1 - window)
        {
            return candidate + window;
        }

        // A number beyond the last one cannot be meant, though it may be the nearest.
        bool isTooLarge = candidate > expected + half || candidate > VarInt.MaxValue;
        return isTooLarge && candidate >= window ? candidate - window : candidate;
    }
}
