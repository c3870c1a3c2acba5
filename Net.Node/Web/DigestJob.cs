using System.Buffers;
using System.Security.Cryptography;

namespace Net.Node.Web;

/// <summary>The SHA-256 of a content, made in steps by whoever waits for it, so that nobody waits for long in one call.</summary>
/// <remarks>Thread-safe: several requests push the same job on, one at a time.</remarks>
/// <param name="length">Of the content, in bytes.</param>
internal sealed class DigestJob(long length)
{
    /// <summary>Bytes per step: some milliseconds.</summary>
    public const int StepLength = 4 << 20;

    private const int ChunkLength = 256 * 1024;

    private readonly Lock _lock = new();
    private IncrementalHash? _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _position;
    private volatile byte[]? _digest;

    /// <summary>32 bytes, once it is done.</summary>
    public byte[]? Digest => _digest;

    /// <param name="content">The caller's own view of the same bytes: that of another one may be closed by now.</param>
    /// <returns><c>false</c>: another caller is at it.</returns>
    /// <exception cref="IOException">The content cannot be read: the job is of no use any more.</exception>
    public bool TryStep(IContent content)
    {
        if (!_lock.TryEnter())
        {
            return false;
        }

        try
        {
            if (_digest is null)
            {
                Step(content);
            }

            return true;
        }
        finally
        {
            _lock.Exit();
        }
    }

    private void Step(IContent content)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkLength);
        for (int left = StepLength; left > 0 && _position < length;)
        {
            int count = (int)Math.Min(Math.Min(left, ChunkLength), length - _position);
            content.Read(_position, buffer.AsSpan(0, count));
            _hash!.AppendData(buffer, 0, count);
            _position += count;
            left -= count;
        }

        ArrayPool<byte>.Shared.Return(buffer);
        if (_position == length)
        {
            _digest = _hash!.GetHashAndReset();
            _hash.Dispose();
            _hash = null;
        }
    }
}
