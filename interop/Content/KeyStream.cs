using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Interop.Content;

/// <summary>What <c>/bytes/{n}</c> promises: AES-128-CTR with a zero key and a zero counter, from any offset.</summary>
internal sealed class KeyStream : IDisposable
{
    private const int BlockLength = 16;

    private readonly Aes _aes = Aes.Create();
    private byte[] _blocks = new byte[64 * 1024];

    public KeyStream() => _aes.Key = new byte[BlockLength];

    /// <summary>Writes the bytes that follow <paramref name="offset"/>.</summary>
    public void Fill(long offset, Span<byte> destination)
    {
        long first = offset / BlockLength;
        int skipped = (int)(offset % BlockLength);
        int length = (skipped + destination.Length + BlockLength - 1) / BlockLength * BlockLength;
        if (_blocks.Length < length)
        {
            _blocks = new byte[length];
        }

        Span<byte> blocks = _blocks.AsSpan(0, length);
        for (int i = 0; i < length / BlockLength; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(blocks[(i * BlockLength)..], 0);
            BinaryPrimitives.WriteInt64BigEndian(blocks[((i * BlockLength) + 8)..], first + i);
        }

        _aes.EncryptEcb(blocks, blocks, PaddingMode.None);
        blocks.Slice(skipped, destination.Length).CopyTo(destination);
    }

    public void Dispose() => _aes.Dispose();
}
