using System.Buffers.Binary;
using System.Numerics;

namespace Net.Core.Streams;

/// <summary>Runs of ones and zeros in a bitmap whose bit n is bit n % 8 of byte n / 8, a word at a time.</summary>
internal static class BitRuns
{
    /// <summary>The first bit at or after <paramref name="from"/> that has the value, or <paramref name="end"/>.</summary>
    public static int Next(ReadOnlySpan<byte> bitmap, int from, int end, bool value)
    {
        ulong invert = value ? 0 : ulong.MaxValue;
        while (from < end)
        {
            ulong word = (Word(bitmap, from >> 6) ^ invert) >> (from & 63);
            if (word != 0)
            {
                return int.Min(end, from + BitOperations.TrailingZeroCount(word));
            }

            from = (from | 63) + 1;
        }

        return end;
    }

    /// <summary>Sets the bits from <paramref name="from"/> up to, not including, <paramref name="end"/>.</summary>
    public static void Set(Span<byte> bitmap, int from, int end)
    {
        while (from < end)
        {
            int stop = int.Min(end, (from | 63) + 1);
            ulong ones = stop - from == 64 ? ulong.MaxValue : ((1UL << (stop - from)) - 1) << (from & 63);
            BinaryPrimitives.WriteUInt64LittleEndian(bitmap[((from >> 6) * 8)..], Word(bitmap, from >> 6) | ones);
            from = stop;
        }
    }

    private static ulong Word(ReadOnlySpan<byte> bitmap, int index) => BinaryPrimitives.ReadUInt64LittleEndian(bitmap[(index * 8)..]);
}
