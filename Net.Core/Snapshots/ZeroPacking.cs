using System.Buffers.Binary;
using System.Numerics;

namespace Net.Core.Snapshots;

/// <summary>Takes the zeros out of bytes most of which are zero: eight bytes become one that says which of them are not, and those.</summary>
/// <remarks>
/// <code>
/// group    mask (bit i: byte i is not zero) | the bytes that are not
///          behind a mask of eight ones: count | 8 * count bytes as they are
/// </code>
/// So keys and the bytes of streams, which hold hardly any zeros, cost next to nothing more. What comes out is at most eight times what went
/// in: nobody can ask for more memory than an eighth of which he has sent.
/// </remarks>
internal static class ZeroPacking
{
    /// <summary>Most bytes that unpacking makes of each packed one.</summary>
    public const int MaxGrowth = Group;

    private const int Group = sizeof(ulong);
    private const int MaxRun = byte.MaxValue;

    /// <summary>Room that packing may need.</summary>
    public static int MaxPacked(int length) => length + (length / 4) + 2;

    /// <param name="packed">At least <see cref="MaxPacked"/>.</param>
    /// <returns>Bytes written.</returns>
    public static int Pack(ReadOnlySpan<byte> plain, Span<byte> packed)
    {
        int at = 0;
        while (!plain.IsEmpty)
        {
            int length = int.Min(Group, plain.Length);
            ref byte mask = ref packed[at++];
            mask = 0;
            for (int i = 0; i < length; i++)
            {
                byte value = plain[i];
                packed[at] = value;
                int isThere = value == 0 ? 0 : 1;
                mask |= (byte)(isThere << i);
                at += isThere;
            }

            plain = plain[length..];
            if (mask == byte.MaxValue)
            {
                int run = Full(plain);
                packed[at++] = (byte)run;
                plain[..(run * Group)].CopyTo(packed[at..]);
                at += run * Group;
                plain = plain[(run * Group)..];
            }
        }

        return at;
    }

    /// <returns>False when it is not the packed form of exactly as many bytes as there is room for.</returns>
    public static bool TryUnpack(ReadOnlySpan<byte> packed, Span<byte> plain)
    {
        while (!plain.IsEmpty)
        {
            if (packed.IsEmpty)
            {
                return false;
            }

            byte mask = packed[0];
            int length = int.Min(Group, plain.Length);
            int count = BitOperations.PopCount(mask);
            if (mask >> length != 0 || packed.Length <= count)
            {
                return false;
            }

            int at = 1;
            for (int i = 0; i < length; i++)
            {
                bool isThere = (mask & (1 << i)) != 0;
                plain[i] = isThere ? packed[at] : (byte)0;
                at += isThere ? 1 : 0;
            }

            packed = packed[at..];
            plain = plain[length..];
            if (mask == byte.MaxValue)
            {
                int run = packed.IsEmpty ? int.MaxValue : packed[0] * Group;
                if (run > plain.Length || run >= packed.Length)
                {
                    return false;
                }

                packed.Slice(1, run).CopyTo(plain);
                packed = packed[(run + 1)..];
                plain = plain[run..];
            }
        }

        return packed.IsEmpty;
    }

    /// <summary>How many groups from here on hold no zero.</summary>
    private static int Full(ReadOnlySpan<byte> plain)
    {
        const ulong low = 0x0101_0101_0101_0101, high = 0x8080_8080_8080_8080;
        int run = 0;
        while (run < MaxRun && plain.Length >= Group)
        {
            ulong bytes = BinaryPrimitives.ReadUInt64LittleEndian(plain);
            if (((bytes - low) & ~bytes & high) != 0)
            {
                break;
            }

            run++;
            plain = plain[Group..];
        }

        return run;
    }
}
