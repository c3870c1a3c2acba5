using Net.Core.Wire;

namespace Net.Http3.Qpack;

/// <summary>Integers that begin in the low bits of a byte (RFC 9204, section 4.1.1; RFC 7541, section 5.1), up to 2^62-1.</summary>
internal static class PrefixedInteger
{
    /// <summary>A prefix byte, and at most nine that carry 7 bits each: 62 bits need no more (checklist S65).</summary>
    private const int MaxShift = 56;

    /// <summary>Bytes of the longest integer that is read.</summary>
    public const int MaxLength = 10;

    /// <summary>Reads an integer whose first byte holds other bits above its <paramref name="prefixBits"/> low ones.</summary>
    /// <returns><c>false</c> when it is cut short or exceeds 2^62-1.</returns>
    public static bool TryRead(ref ByteReader reader, int prefixBits, out ulong value)
    {
        value = 0;
        if (!reader.TryReadByte(out byte first))
        {
            return false;
        }

        ulong mask = (1UL << prefixBits) - 1;
        value = first & mask;
        if (value < mask)
        {
            return true;
        }

        for (int shift = 0; shift <= MaxShift; shift += 7)
        {
            if (!reader.TryReadByte(out byte next))
            {
                return false;
            }

            value += (next & 0x7FUL) << shift;
            if (value > VarInt.MaxValue)
            {
                return false;
            }

            if (next < 0x80)
            {
                return true;
            }
        }

        return false;
    }

    public static int Length(ulong value, int prefixBits)
    {
        ulong mask = (1UL << prefixBits) - 1;
        int length = 1;
        if (value >= mask)
        {
            length++;
            for (value -= mask; value >= 0x80; value >>= 7)
            {
                length++;
            }
        }

        return length;
    }

    /// <param name="writer">Where to.</param>
    /// <param name="flags">The bits above the prefix.</param>
    /// <param name="prefixBits">1 to 8.</param>
    /// <param name="value">0 to 2^62-1.</param>
    public static void Write(ref ByteWriter writer, byte flags, int prefixBits, ulong value)
    {
        ulong mask = (1UL << prefixBits) - 1;
        if (value < mask)
        {
            writer.WriteByte((byte)(flags | value));
            return;
        }

        writer.WriteByte((byte)(flags | mask));
        for (value -= mask; value >= 0x80; value >>= 7)
        {
            writer.WriteByte((byte)(value | 0x80));
        }

        writer.WriteByte((byte)value);
    }
}
