using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Tls.Messages;

namespace Net.Core.Tls;

/// <summary>The peer's Certificate and CertificateVerify, and the two requests that they become (RFC 8446, section 4.4).</summary>
/// <param name="peerIsServer">Whose label the signature carries.</param>
/// <param name="serverName">What the chain must be valid for; null for a client's.</param>
internal sealed class PeerIdentity(bool peerIsServer, string? serverName)
{
    public IReadOnlyList<byte[]> Chain { get; private set; } = [];

    /// <summary>The chain of the session that is resumed: shown then, and trusted only if it still is (as SslStream does).</summary>
    public void Recall(IReadOnlyList<ReadOnlyMemory<byte>> chain, HandshakeLink link)
    {
        Chain = [.. chain.Select(certificate => certificate.ToArray())];
        if (chain.Count > 0)
        {
            link.Ask(new ValidateCertificateRequest(link.NextRequestId, chain, serverName, peerIsServer));
        }
    }

    public TransportError OnCertificate(in HandshakeMessage message)
    {
        TransportError error = Certificate.TryRead(message.Body, out Certificate certificate);
        Chain = certificate.Chain;
        return error;
    }

    /// <summary>Asks for both checks. The transcript must end with the Certificate.</summary>
    public TransportError OnCertificateVerify(in HandshakeMessage message, CipherSuite suite, IReadOnlyList<SignatureScheme> accepted, HandshakeLink link)
    {
        TransportError error = CertificateVerify.TryRead(message.Body, out CertificateVerify verify);
        if (error.IsError)
        {
            return error;
        }

        if (!accepted.Contains(verify.Scheme))
        {
            return AlertDescription.IllegalParameter.Because("a signature scheme that was not offered");
        }

        byte[] content = CertificateVerify.Content(peerIsServer, link.Transcript.Hash(suite));
        ReadOnlyMemory<byte>[] chain = [.. Chain.Select(certificate => (ReadOnlyMemory<byte>)certificate)];
        link.Ask(new ValidateCertificateRequest(link.NextRequestId, chain, serverName, peerIsServer));
        link.Ask(new VerifySignatureRequest(link.NextRequestId, chain[0], verify.Scheme, content, verify.Signature));
        return TransportError.None;
    }

    public static TransportError Judge(CertificateVerdictAnswer answer) => answer.Verdict == CertificateVerdict.Trusted
        ? TransportError.None
        : ((AlertDescription)answer.Verdict).Because("the certificate is not accepted");

    public static TransportError Judge(SignatureVerdictAnswer answer) => answer.IsValid
        ? TransportError.None
        : AlertDescription.DecryptError.Because("CertificateVerify's signature is wrong");
}
