using System.Numerics;

namespace Net.Http3.Qpack;

/// <summary>The Huffman code of RFC 7541, appendix B, which QPACK shares (RFC 9204, section 4.1.2).</summary>
/// <remarks>
/// The code is canonical: within one length codes grow with the symbol, and a longer code follows the shorter ones. So the 257
/// lengths are the whole table. Codes are kept left-aligned in 32 bits.
/// </remarks>
internal static class Huffman
{
    private const int EndOfString = 256, FastBits = 9, MinLength = 5, MaxLength = 30;

    private static readonly uint[] s_codes = new uint[257];
    // Per length: the first left-aligned code beyond it, and where its symbols begin in s_symbols.
    private static readonly ulong[] s_ends = new ulong[MaxLength + 1];
    private static readonly uint[] s_firsts = new uint[MaxLength + 1];
    private static readonly int[] s_starts = new int[MaxLength + 1];
    private static readonly short[] s_symbols = new short[257];
    // By the next 9 bits: symbol * 16 + length, or 0 for a longer code.
    private static readonly ushort[] s_fast = new ushort[1 << FastBits];

    static Huffman()
    {
        ulong code = 0;
        int position = 0;
        for (int length = MinLength; length <= MaxLength; length++)
        {
            (s_firsts[length], s_starts[length]) = ((uint)code, position);
            for (int symbol = 0; symbol <= EndOfString; symbol++)
            {
                if (Lengths[symbol] != length)
                {
                    continue;
                }

                s_codes[symbol] = (uint)code;
                s_symbols[position++] = (short)symbol;
                if (length <= FastBits)
                {
                    s_fast.AsSpan((int)(code >> (32 - FastBits)), 1 << (FastBits - length)).Fill((ushort)((symbol << 4) | length));
                }

                code += 1UL << (32 - length);
            }

            s_ends[length] = code;
        }
    }

    private static ReadOnlySpan<byte> Lengths =>
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    /// <summary>No text of <paramref name="encoded"/> bytes decodes to more bytes than this: the shortest code has 5 bits.</summary>
    public static int MaxDecodedLength(int encoded) => (int)((encoded * 8L) / MinLength);

    /// <summary>Bytes that <see cref="Encode"/> writes.</summary>
    public static int EncodedLength(string text)
    {
        long bits = 0;
        foreach (char c in text)
        {
            bits += Lengths[(byte)c];
        }

        return (int)((bits + 7) / 8);
    }

    /// <summary>Writes <paramref name="text"/>, whose characters are bytes, padded with the beginning of the end-of-string code.</summary>
    public static int Encode(string text, Span<byte> destination)
    {
        ulong bits = 0;
        int pending = 0, written = 0;
        foreach (char c in text)
        {
            int length = Lengths[(byte)c];
            bits |= ((ulong)s_codes[(byte)c] << 32) >> pending;
            for (pending += length; pending >= 8; pending -= 8)
            {
                destination[written++] = (byte)(bits >> 56);
                bits <<= 8;
            }
        }

        if (pending > 0)
        {
            destination[written++] = (byte)((bits >> 56) | (0xFFu >> pending));
        }

        return written;
    }

    /// <summary>Decodes a whole string.</summary>
    /// <param name="encoded">What the peer sent.</param>
    /// <param name="destination">At least <see cref="MaxDecodedLength"/> bytes.</param>
    /// <param name="written">Bytes decoded.</param>
    /// <returns><c>false</c> for the end-of-string symbol, for more than 7 bits of padding, and for padding that is not all ones.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> encoded, Span<byte> destination, out int written)
    {
        written = 0;
        ulong bits = 0;
        int available = 0, next = 0;
        while (true)
        {
            while (available <= 56 && next < encoded.Length)
            {
                bits |= (ulong)encoded[next++] << (56 - available);
                available += 8;
            }

            if (available == 0)
            {
                return true;
            }

            // Missing bits are read as ones: then a code that fits the rest is a symbol, and anything else must be padding.
            uint window = (uint)(bits >> 32) | (available >= 32 ? 0 : uint.MaxValue >> available);
            int symbol, length;
            if (s_fast[window >> (32 - FastBits)] is ushort fast and not 0)
            {
                (symbol, length) = (fast >> 4, fast & 15);
            }
            else
            {
                length = FastBits + 1;
                while (window >= s_ends[length])
                {
                    length++;
                }

                symbol = s_symbols[s_starts[length] + (int)((window - s_firsts[length]) >> (32 - length))];
            }

            if (length > available)
            {
                // What is left is shorter than any code that it begins: it must be at most 7 ones.
                return available <= 7 && BitOperations.LeadingZeroCount(~bits) >= available;
            }

            if (symbol == EndOfString)
            {
                return false;
            }

            destination[written++] = (byte)symbol;
            bits <<= length;
            available -= length;
        }
    }
}
