using Net.Core.Crypto;

namespace Net.Core.Tls;

/// <summary>A certificate chain and the key behind it. It never leaves the process: after the handshake nothing needs it.</summary>
/// <param name="chain">DER, our own certificate first, the root left out.</param>
/// <param name="signer">Signs with the first certificate's key.</param>
internal sealed class TlsCredential(IReadOnlyList<byte[]> chain, ISigner signer)
{
    public IReadOnlyList<byte[]> Chain { get; } = chain.Count > 0 ? chain : throw new ArgumentException("a credential has a certificate", nameof(chain));

    public ISigner Signer { get; } = signer;

    /// <summary>The first of the key's schemes that the peer can verify; null when there is none.</summary>
    public SignatureScheme? SchemeFor(IReadOnlyList<SignatureScheme> accepted)
    {
        foreach (SignatureScheme scheme in Signer.Schemes)
        {
            if (accepted.Contains(scheme))
            {
                return scheme;
            }
        }

        return null;
    }
}
