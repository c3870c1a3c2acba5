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
            && TryDecode(signature, key.KeySize / 8, out byte[] fixedForm)
            && key.VerifyData(content, fixedForm, scheme.Hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    /// <summary>SEQUENCE { INTEGER r, INTEGER s } in DER and nothing else. The base library would also take negative numbers for positive ones.</summary>
    private static bool TryDecode(ReadOnlySpan<byte> signature, int field, out byte[] fixedForm)
    {
        // Up to P-384 no length here reaches 128, so each is one byte.
        fixedForm = new byte[2 * field];
        return signature.Length is > 2 and < 0x80
            && signature[0] == 0x30
            && signature[1] == signature.Length - 2
            && TryDecodeInteger(signature[2..], fixedForm.AsSpan(0, field), out int length)
            && TryDecodeInteger(signature[(2 + length)..], fixedForm.AsSpan(field), out int second)
            && 2 + length + second == signature.Length;
    }

    private static bool TryDecodeInteger(ReadOnlySpan<byte> source, Span<byte> target, out int consumed)
    {
        consumed = 0;
        if (source.Length < 3 || source[0] != 0x02 || source[1] == 0 || source[1] > source.Length - 2)
        {
            return false;
        }

        ReadOnlySpan<byte> value = source.Slice(2, source[1]);
        consumed = 2 + value.Length;

        // A zero in front stands there only to keep the number positive.
        bool isPadded = value.Length > 1 && value[0] == 0;
        bool isSound = value[0] < 0x80 && (!isPadded || value[1] >= 0x80);
        value = isPadded ? value[1..] : value;
        if (!isSound || value.Length > target.Length)
        {
            return false;
        }

        value.CopyTo(target[^value.Length..]);
        return true;
    }

    // A key whose own algorithm is id-RSASSA-PSS belongs to the rsa_pss_pss schemes: the import refuses it.
    private static bool VerifyRsa(SignatureScheme scheme, ReadOnlySpan<byte> keyInfo, ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        using RSA key = RSA.Create();
        key.ImportSubjectPublicKeyInfo(keyInfo, out int read);
        return read == keyInfo.Length
            && key.KeySize is >= MinRsaBits and <= MaxRsaBits
            // RFC 8017, section 8.1.2: exactly as long as the modulus. The base library takes one whose leading zeros are missing.
            && signature.Length == (key.KeySize + 7) / 8
            && key.VerifyData(content, signature, scheme.Hash, RSASignaturePadding.Pss);
    }
}
