using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Net.Core.Crypto;

/// <summary>Checks signatures of CertificateVerify. Everything here comes from a peer: any fault is "false".</summary>
internal static class Signatures
{
    /// <summary>RSA keys outside of these bits are refused: short ones are weak, long ones cost us time.</summary>
    public const int MinRsaBits = 2048;
    public const int MaxRsaBits = 8192;

    /// <summary>Far above an 8192-bit key: longer ones are not even parsed.</summary>
    public const int MaxKeyInfoLength = 2048;

    private const string P256 = "1.2.840.10045.3.1.7";
    private const string P384 = "1.3.132.0.34";

    public static IReadOnlyList<SignatureScheme> Supported { get; } =
    [
        SignatureScheme.EcdsaSecp256r1Sha256,
        SignatureScheme.EcdsaSecp384r1Sha384,
        SignatureScheme.RsaPssRsaeSha256,
        SignatureScheme.RsaPssRsaeSha384,
        SignatureScheme.RsaPssRsaeSha512,
    ];

    public static bool Verify(SignatureScheme scheme, X509Certificate2 certificate, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        try
        {
            return Verify(scheme, certificate.PublicKey.ExportSubjectPublicKeyInfo(), content, signature);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    /// <param name="scheme">What the peer says it signed with; it must fit the key (RFC 8446, section 4.4.3).</param>
    /// <param name="subjectPublicKeyInfo">The certificate's SubjectPublicKeyInfo, DER.</param>
    /// <param name="content">What was signed, not hashed.</param>
    /// <param name="signature">DER for ECDSA, as long as the modulus for RSA.</param>
    public static bool Verify(SignatureScheme scheme, ReadOnlySpan<byte> subjectPublicKeyInfo, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        if (subjectPublicKeyInfo.Length > MaxKeyInfoLength)
        {
            return false;
        }

        try
        {
            return scheme.IsEcdsa ? VerifyEcdsa(scheme, subjectPublicKeyInfo, content, signature)
                : scheme.IsRsaPss && VerifyRsa(scheme, subjectPublicKeyInfo, content, signature);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static bool VerifyEcdsa(SignatureScheme scheme, ReadOnlySpan<byte> keyInfo, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        using ECDsa key = ECDsa.Create();
        key.ImportSubjectPublicKeyInfo(keyInfo, out int read);
        string expected = scheme == SignatureScheme.EcdsaSecp256r1Sha256 ? P256 : P384;
        ECCurve curve = key.ExportParameters(includePrivateParameters: false).Curve;
        return read == keyInfo.Length
            && curve.IsNamed
            && curve.Oid.Value == expected
            && key.VerifyData(content, signature, scheme.Hash, DSASignatureFormat.Rfc3279DerSequence);
    }

    // A key whose own algorithm is id-RSASSA-PSS belongs to the rsa_pss_pss schemes: the import refuses it.
    private static bool VerifyRsa(SignatureScheme scheme, ReadOnlySpan<byte> keyInfo, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        using RSA key = RSA.Create();
        key.ImportSubjectPublicKeyInfo(keyInfo, out int read);
        return read == keyInfo.Length
            && key.KeySize is >= MinRsaBits and <= MaxRsaBits
            && key.VerifyData(content, signature, scheme.Hash, RSASignaturePadding.Pss);
    }
}
