using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Net.Node.Web;

/// <summary>SHA-256 (FIPS 180-4) whose state can be written down between any two bytes, and goes on elsewhere.</summary>
/// <remarks>
/// No library lets a midstate out, and a digest of a long upload has to travel in a few bytes. It protects nothing: what protects
/// traffic uses the base library.
/// </remarks>
internal sealed class Sha256
{
    public const int DigestLength = 32;

    /// <summary>The most that <see cref="Export"/> writes: eight words, the length, and a block that is not full.</summary>
    public const int MaxExport = WordBytes + LengthBytes + BlockLength - 1;

    private const int BlockLength = 64;
    private const int WordBytes = 32;
    private const int LengthBytes = 8;

    private static readonly uint[] s_k =
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    private readonly uint[] _h = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
    private readonly byte[] _block = new byte[BlockLength];

    /// <summary>Bytes taken so far.</summary>
    public long Length { get; private set; }

    private int Pending => (int)(Length % BlockLength);

    public void Append(ReadOnlySpan<byte> data)
    {
        int pending = Pending;
        Length += data.Length;
        if (pending > 0)
        {
            int taken = Math.Min(BlockLength - pending, data.Length);
            data[..taken].CopyTo(_block.AsSpan(pending));
            data = data[taken..];
            if (pending + taken < BlockLength)
            {
                return;
            }

            Compress(_h, _block);
        }

        while (data.Length >= BlockLength)
        {
            Compress(_h, data);
            data = data[BlockLength..];
        }

        data.CopyTo(_block);
    }

    /// <summary>The digest of what was taken so far; more may follow.</summary>
    public void WriteDigest(Span<byte> destination)
    {
        Span<uint> h = stackalloc uint[8];
        _h.CopyTo(h);
        Span<byte> tail = stackalloc byte[2 * BlockLength];
        tail.Clear();
        int pending = Pending;
        _block.AsSpan(0, pending).CopyTo(tail);
        tail[pending] = 0x80;
        int length = pending + 1 + LengthBytes <= BlockLength ? BlockLength : 2 * BlockLength;
        BinaryPrimitives.WriteUInt64BigEndian(tail[(length - LengthBytes)..], (ulong)Length * 8);
        for (int at = 0; at < length; at += BlockLength)
        {
            Compress(h, tail.Slice(at, BlockLength));
        }

        for (int i = 0; i < h.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination[(4 * i)..], h[i]);
        }
    }

    /// <returns>Bytes written: at most <see cref="MaxExport"/>.</returns>
    public int Export(Span<byte> destination)
    {
        for (int i = 0; i < _h.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination[(4 * i)..], _h[i]);
        }

        BinaryPrimitives.WriteInt64BigEndian(destination[WordBytes..], Length);
        _block.AsSpan(0, Pending).CopyTo(destination[(WordBytes + LengthBytes)..]);
        return WordBytes + LengthBytes + Pending;
    }

    /// <returns><c>false</c>: these bytes are no export.</returns>
    public static bool TryImport(ReadOnlySpan<byte> state, out Sha256 hash)
    {
        hash = new();
        if (state.Length < WordBytes + LengthBytes)
        {
            return false;
        }

        long length = BinaryPrimitives.ReadInt64BigEndian(state[WordBytes..]);
        ReadOnlySpan<byte> rest = state[(WordBytes + LengthBytes)..];
        if (length < 0 || rest.Length != length % BlockLength)
        {
            return false;
        }

        for (int i = 0; i < hash._h.Length; i++)
        {
            hash._h[i] = BinaryPrimitives.ReadUInt32BigEndian(state[(4 * i)..]);
        }

        hash.Length = length;
        rest.CopyTo(hash._block);
        return true;
    }

    [SkipLocalsInit]
    private static void Compress(Span<uint> state, ReadOnlySpan<byte> block)
    {
        Span<uint> w = stackalloc uint[64];
        for (int t = 0; t < 16; t++)
        {
            w[t] = BinaryPrimitives.ReadUInt32BigEndian(block[(4 * t)..]);
        }

        for (int t = 16; t < w.Length; t++)
        {
            uint x = w[t - 15], y = w[t - 2];
            uint small0 = BitOperations.RotateRight(x, 7) ^ BitOperations.RotateRight(x, 18) ^ (x >> 3);
            uint small1 = BitOperations.RotateRight(y, 17) ^ BitOperations.RotateRight(y, 19) ^ (y >> 10);
            w[t] = w[t - 16] + small0 + w[t - 7] + small1;
        }

        uint a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
        ReadOnlySpan<uint> k = s_k;
        for (int t = 0; t < w.Length; t++)
        {
            uint big1 = BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25);
            uint t1 = h + big1 + ((e & f) ^ (~e & g)) + k[t] + w[t];
            uint big0 = BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22);
            uint t2 = big0 + ((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d + t1, c, b, a, t1 + t2);
        }

        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }
}
