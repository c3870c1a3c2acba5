using System.Security.Cryptography;
using Net.Core.Wire;

namespace Net.Core.Crypto;

/// <summary>The tag at the end of a Retry packet: proof that its sender saw the Initial it answers (RFC 9001, section 5.8).</summary>
internal static class RetryIntegrity
{
    public const int TagLength = 16;

    /// <param name="version">The version of the Retry packet.</param>
    /// <param name="retryWithoutTag">The packet from its first byte to the end of its token.</param>
    /// <param name="originalDestination">The destination of the client's first Initial.</param>
    /// <param name="tag">16 bytes.</param>
    public static void Compute(uint version, ReadOnlySpan<byte> retryWithoutTag, ConnectionId originalDestination, Span<byte> tag)
    {
        byte[] pseudo = new byte[1 + originalDestination.Length + retryWithoutTag.Length];
        pseudo[0] = (byte)originalDestination.Length;
        originalDestination.Span.CopyTo(pseudo.AsSpan(1));
        retryWithoutTag.CopyTo(pseudo.AsSpan(1 + originalDestination.Length));
        using AesGcm aead = new(VersionConstants.RetryKey(version), TagLength);
        aead.Encrypt(VersionConstants.RetryNonce(version), [], [], tag[..TagLength], pseudo);
    }

    /// <summary>Whether the last 16 bytes are the tag of what stands before them.</summary>
    public static bool Verify(uint version, ReadOnlySpan<byte> retry, ConnectionId originalDestination)
    {
        if (retry.Length < TagLength)
        {
            return false;
        }

        Span<byte> expected = stackalloc byte[TagLength];
        Compute(version, retry[..^TagLength], originalDestination, expected);
        return CryptographicOperations.FixedTimeEquals(expected, retry[^TagLength..]);
    }
}
