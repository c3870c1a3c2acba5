using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Net.Node.Web;

/// <summary>The key stream of AES-128-CTR with zero key and zero counter (NIST SP 800-38A, section 6.5): bytes that anybody can make again.</summary>
/// <remarks>Block i is the encryption of i as a 128-bit big-endian number, so that any offset is as near as the first.</remarks>
/// <param name="length">How much of it is shown; at most <see cref="MaxLength"/>.</param>
internal sealed class KeyStream(long length) : IContent
{
    public const long MaxLength = 1L << 40;

    private const int BlockLength = 16;

    /// <summary>Blocks per call of the cipher: each call has a cost of its own.</summary>
    private const int Batch = 1024;

    // One key for the whole process, but an instance for each thread: the base library promises nothing else.
    [ThreadStatic]
    private static Aes? s_aes;

    public long Length => length;

    public void Read(long offset, Span<byte> buffer)
    {
        Aes aes = s_aes ??= Cipher();
        byte[] counters = ArrayPool<byte>.Shared.Rent(Batch * BlockLength);
        Span<byte> partial = stackalloc byte[BlockLength];
        while (!buffer.IsEmpty)
        {
            int skip = (int)(offset % BlockLength), blocks = Math.Min(Batch, buffer.Length / BlockLength), count;
            if (skip != 0 || blocks == 0)
            {
                Fill(aes, offset / BlockLength, counters, partial);
                count = Math.Min(BlockLength - skip, buffer.Length);
                partial.Slice(skip, count).CopyTo(buffer);
            }
            else
            {
                count = blocks * BlockLength;
                Fill(aes, offset / BlockLength, counters, buffer[..count]);
            }

            buffer = buffer[count..];
            offset += count;
        }

        ArrayPool<byte>.Shared.Return(counters);
    }

    private static void Fill(Aes aes, long firstBlock, Span<byte> counters, Span<byte> blocks)
    {
        counters = counters[..blocks.Length];
        for (int at = 0; at < counters.Length; at += BlockLength)
        {
            BinaryPrimitives.WriteUInt64BigEndian(counters[at..], 0);
            BinaryPrimitives.WriteUInt64BigEndian(counters[(at + 8)..], (ulong)firstBlock++);
        }

#pragma warning disable CA5358 // The block function is what counter mode is made of; nothing here is secret.
        aes.EncryptEcb(counters, blocks, PaddingMode.None);
#pragma warning restore CA5358
    }

    private static Aes Cipher()
    {
        Aes aes = Aes.Create();
        aes.Key = new byte[16];
        return aes;
    }
}
