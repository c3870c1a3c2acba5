using System.Security.Cryptography;

namespace Interop.Content;

/// <summary>Compares bytes with what they must be while they arrive, and hashes them; the first wrong one ends the case.</summary>
/// <param name="added">What each byte must have gained over the key stream: 1 for an echo.</param>
internal sealed class ContentCheck(byte added = 0) : IDisposable
{
    private readonly KeyStream _stream = new();
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] _expected = new byte[64 * 1024];

    public long Length { get; private set; }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_expected.Length < bytes.Length)
        {
            _expected = new byte[bytes.Length];
        }

        Span<byte> expected = _expected.AsSpan(0, bytes.Length);
        _stream.Fill(Length, expected);
        if (added != 0)
        {
            foreach (ref byte one in expected)
            {
                one += added;
            }
        }

        int same = bytes.CommonPrefixLength(expected);
        if (same != bytes.Length)
        {
            throw new CaseFailedException($"byte {Length + same} is {bytes[same]:x2}, not {expected[same]:x2}");
        }

        _hash.AppendData(bytes);
        Length += bytes.Length;
    }

    public string HexDigest() => Convert.ToHexStringLower(_hash.GetCurrentHash());

    public void Dispose()
    {
        _stream.Dispose();
        _hash.Dispose();
    }
}
