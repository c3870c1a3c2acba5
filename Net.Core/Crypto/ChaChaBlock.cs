using System.Buffers.Binary;
using System.Numerics;

namespace Net.Core.Crypto;

/// <summary>The ChaCha20 block function (RFC 8439, section 2.3), for header protection only.</summary>
/// <remarks>Neither library lets a caller choose the block counter, which the sample dictates. Additions and rotations: constant time.</remarks>
internal static class ChaChaBlock
{
    /// <summary>The first bytes of the block that the sample selects (RFC 9001, section 5.4.4), first byte lowest.</summary>
    public static ulong HeaderMask(ReadOnlySpan<byte> key, ReadOnlySpan<byte> sample)
    {
        Span<uint> start = stackalloc uint[16];
        start[0] = 0x61707865;
        start[1] = 0x3320646E;
        start[2] = 0x79622D32;
        start[3] = 0x6B206574;
        for (int i = 0; i < 8; i++)
        {
            start[4 + i] = BinaryPrimitives.ReadUInt32LittleEndian(key[(4 * i)..]);
        }

        // Counter and nonce stand in the state in the order in which they stand in the sample.
        for (int i = 0; i < 4; i++)
        {
            start[12 + i] = BinaryPrimitives.ReadUInt32LittleEndian(sample[(4 * i)..]);
        }

        Span<uint> state = stackalloc uint[16];
        start.CopyTo(state);
        for (int round = 0; round < 10; round++)
        {
            for (int i = 0; i < 4; i++)
            {
                Quarter(ref state[i], ref state[4 + i], ref state[8 + i], ref state[12 + i]);
            }

            for (int i = 0; i < 4; i++)
            {
                Quarter(ref state[i], ref state[4 + ((i + 1) & 3)], ref state[8 + ((i + 2) & 3)], ref state[12 + ((i + 3) & 3)]);
            }
        }

        ulong mask = (ulong)(state[1] + start[1]) << 32 | (state[0] + start[0]);
        start.Clear();
        state.Clear();
        return mask;
    }

    private static void Quarter(ref uint a, ref uint b, ref uint c, ref uint d)
    {
        a += b;
        d = BitOperations.RotateLeft(d ^ a, 16);
        c += d;
        b = BitOperations.RotateLeft(b ^ c, 12);
        a += b;
        d = BitOperations.RotateLeft(d ^ a, 8);
        c += d;
        b = BitOperations.RotateLeft(b ^ c, 7);
    }
}
