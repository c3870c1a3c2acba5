using System.Buffers.Binary;
using System.Numerics;

namespace Net.Core.Wire;

/// <summary>Hashes connection IDs with SipHash-1-3 under a secret key, so that no peer can choose IDs that collide (checklist S9).</summary>
/// <param name="key0">First half of the key, random per endpoint.</param>
/// <param name="key1">Second half of the key.</param>
internal sealed class ConnectionIdComparer(ulong key0, ulong key1) : IEqualityComparer<ConnectionId>
{
    public bool Equals(ConnectionId x, ConnectionId y) => x.Equals(y);

    public int GetHashCode(ConnectionId obj)
    {
        Span<byte> padded = stackalloc byte[24];
        padded.Clear();
        obj.Span.CopyTo(padded);
        padded[23] = (byte)obj.Length;

        ulong v0 = key0 ^ 0x736f6d6570736575, v1 = key1 ^ 0x646f72616e646f6d;
        ulong v2 = key0 ^ 0x6c7967656e657261, v3 = key1 ^ 0x7465646279746573;
        for (int at = 0; at < 24; at += 8)
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(padded[at..]);
            v3 ^= word;
            Round(ref v0, ref v1, ref v2, ref v3);
            v0 ^= word;
        }

        v2 ^= 0xff;
        for (int i = 0; i < 3; i++)
        {
            Round(ref v0, ref v1, ref v2, ref v3);
        }

        return (int)(v0 ^ v1 ^ v2 ^ v3);
    }

    private static void Round(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v0 += v1;
        v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
        v0 = BitOperations.RotateLeft(v0, 32);
        v2 += v3;
        v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
        v2 = BitOperations.RotateLeft(v2, 32);
    }
}
