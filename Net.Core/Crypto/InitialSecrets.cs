using System.Security.Cryptography;
using Net.Core.Wire;

namespace Net.Core.Crypto;

/// <summary>The secrets of Initial packets, which anyone who sees the client's first packet can derive (RFC 9001, section 5.2).</summary>
internal static class InitialSecrets
{
    /// <summary>Initial packets always use this suite.</summary>
    public const CipherSuite Suite = CipherSuite.Aes128GcmSha256;

    public const int Length = 32;

    /// <param name="version">1 or QUIC v2's number; any other is treated as 1.</param>
    /// <param name="clientDestination">The destination of the client's first Initial, or of its first after a Retry.</param>
    /// <param name="client">32 bytes: protects what the client sends.</param>
    /// <param name="server">32 bytes: protects what the server sends.</param>
    public static void Derive(uint version, ConnectionId clientDestination, Span<byte> client, Span<byte> server)
    {
        Span<byte> initial = stackalloc byte[Length];
        Hkdf.Extract(HashAlgorithmName.SHA256, clientDestination.Span, VersionConstants.InitialSalt(version), initial);
        Hkdf.ExpandLabel(HashAlgorithmName.SHA256, initial, "client in"u8, [], client[..Length]);
        Hkdf.ExpandLabel(HashAlgorithmName.SHA256, initial, "server in"u8, [], server[..Length]);
    }
}
