using Net.Core.Crypto;
using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>A traffic secret that is ready for packet protection (RFC 9001, section 5.1).</summary>
/// <param name="Level">0-RTT, Handshake or 1-RTT.</param>
/// <param name="IsWrite">Ours; otherwise the peer's.</param>
/// <param name="Suite">Gives hash and AEAD.</param>
/// <param name="Secret">The receiver owns it, and wipes it.</param>
internal readonly record struct TlsSecret(EncryptionLevel Level, bool IsWrite, CipherSuite Suite, ReadOnlyMemory<byte> Secret)
{
    /// <summary>Never the secret.</summary>
    public override string ToString() => $"{Level} {(IsWrite ? "write" : "read")} secret for {Suite}";
}
