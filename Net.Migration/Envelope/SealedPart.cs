using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Net.Migration.Envelope;

/// <summary>Facts about sealed parts that both ends share.</summary>
internal static class SealedPart
{
    /// <summary>Most plain bytes in one part.</summary>
    public const int MaxPlain = 256 * 1024;

    public const int TagLength = 16;

    /// <summary>Most bytes of one sealed part: what a receiver must be ready to hold at a time.</summary>
    public const int MaxLength = MaxPlain + TagLength;

    public const int NonceLength = 12;

    /// <summary>The sequence number: the key is fresh for every hand-over, so a counter never repeats under it.</summary>
    public static void WriteNonce(Span<byte> nonce, ulong sequence)
    {
        nonce.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(nonce[4..], sequence);
    }

    /// <summary>Binding, sequence, and whether it is the last part: so that a snapshot cut at a part's end does not pass for a whole one.</summary>
    public static byte[] AdditionalData(ReadOnlySpan<byte> binding, ulong sequence, bool isLast)
    {
        byte[] data = new byte[binding.Length + sizeof(ulong) + 1];
        binding.CopyTo(data);
        BinaryPrimitives.WriteUInt64BigEndian(data.AsSpan(binding.Length), sequence);
        data[^1] = isLast ? (byte)1 : (byte)0;
        return data;
    }

    /// <summary>chain = SHA-256(chain before | sealed part); the first "before" is the hash of the binding.</summary>
    public static void Extend(Span<byte> chain, ReadOnlySpan<byte> part)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(chain);
        hash.AppendData(part);
        _ = hash.GetHashAndReset(chain);
    }
}
