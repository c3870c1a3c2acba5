using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Crypto;

namespace Net.Core.Tls;

/// <summary>Executes requests: a pure function of the request and the host's answers, so any thread may call it.</summary>
internal static class CryptoWorker
{
    /// <remarks>Never throws for what a peer sent. A failing key or host becomes an answer that ends the handshake with internal_error.</remarks>
    public static CryptoAnswer Answer(CryptoRequest request, ICryptoHost host) => request switch
    {
        GenerateKeySharesRequest r => new KeySharesAnswer(r.Id, Generate(r, host)),
        AgreeKeyRequest r => new AgreedKeyAnswer(r.Id, KeyExchange.TryAgree(r.Own.Group, r.Own.Private, r.PeerPublic.Span, out byte[] secret) ? secret : null),
        SelectCertificateRequest r => new CertificateAnswer(r.Id, host.SelectCredential(r)),
        SignRequest r => new SignatureAnswer(r.Id, Sign(r)),
        VerifySignatureRequest r => new SignatureVerdictAnswer(r.Id, Verify(r)),
        ValidateCertificateRequest r => new CertificateVerdictAnswer(r.Id, Validate(r, host)),
        _ => throw new ArgumentException("an unknown kind of request", nameof(request)),
    };

    private static List<KeyShare> Generate(GenerateKeySharesRequest request, ICryptoHost host)
    {
        List<KeyShare> shares = new(request.Groups.Count);
        Span<byte> entropy = stackalloc byte[KeyExchange.EntropyLength];
        foreach (NamedGroup group in request.Groups)
        {
            host.FillEntropy(entropy);
            shares.Add(KeyExchange.Generate(group, entropy));
        }

        CryptographicOperations.ZeroMemory(entropy);
        return shares;
    }

    private static byte[]? Sign(SignRequest request)
    {
        try
        {
            return request.Credential.Signer.Sign(request.Scheme, request.Content.Span);
        }
        catch (Exception exception) when (exception is CryptographicException or ObjectDisposedException)
        {
            // Keys in hardware fail; and those of a host that is over are disposed.
            return null;
        }
    }

    private static CertificateVerdict Validate(ValidateCertificateRequest request, ICryptoHost host)
    {
        try
        {
            return host.Validate(request);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // An application's own validation may stand behind this: what it throws on is not trusted, and harms this peer alone.
            return CertificateVerdict.Unknown;
        }
    }

    private static bool Verify(VerifySignatureRequest request)
    {
        try
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(request.Certificate.Span);
            return Signatures.Verify(request.Scheme, certificate, request.Content.Span, request.Signature.Span);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // A hostile certificate ends in more than CryptographicException: a key on an unknown curve, for one, is PlatformNotSupportedException.
            return false;
        }
    }
}
