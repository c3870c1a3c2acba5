using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Net.Core.Crypto;

/// <summary>Signs with a certificate's private key, which stays where it is: nothing here exports it.</summary>
internal sealed class X509Signer : ISigner, IDisposable
{
    private readonly ECDsa? _ecdsa;
    private readonly RSA? _rsa;

    /// <exception cref="ArgumentException">No private key, or one of a kind or size that no scheme here fits.</exception>
    public X509Signer(X509Certificate2 certificate)
    {
        _ecdsa = certificate.GetECDsaPrivateKey();
        _rsa = _ecdsa is null ? certificate.GetRSAPrivateKey() : null;
        Schemes = (_ecdsa?.KeySize, _rsa?.KeySize) switch
        {
            (256, _) => [SignatureScheme.EcdsaSecp256r1Sha256],
            (384, _) => [SignatureScheme.EcdsaSecp384r1Sha384],
            (null, >= Signatures.MinRsaBits and <= Signatures.MaxRsaBits) =>
                [SignatureScheme.RsaPssRsaeSha256, SignatureScheme.RsaPssRsaeSha384, SignatureScheme.RsaPssRsaeSha512],
            _ => throw new ArgumentException("the certificate needs a private key: ECDSA of P-256 or P-384, or RSA of 2048 to 8192 bits", nameof(certificate)),
        };
    }

    public IReadOnlyList<SignatureScheme> Schemes { get; }

    public byte[] Sign(SignatureScheme scheme, ReadOnlySpan<byte> content)
    {
        if (!Schemes.Contains(scheme))
        {
            throw new ArgumentException("this key does not sign with that scheme", nameof(scheme));
        }

        byte[] data = content.ToArray();
        return _ecdsa is not null
            ? _ecdsa.SignData(data, scheme.Hash, DSASignatureFormat.Rfc3279DerSequence)
            : _rsa!.SignData(data, scheme.Hash, RSASignaturePadding.Pss);
    }

    public void Dispose()
    {
        _ecdsa?.Dispose();
        _rsa?.Dispose();
    }
}
