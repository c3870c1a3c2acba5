using System.Security.Cryptography;

namespace Net.Core.Crypto;

/// <summary>Signature schemes of CertificateVerify (RFC 8446, section 4.2.3), by their number on the wire. Ed25519 is not among them yet.</summary>
internal enum SignatureScheme : ushort
{
    EcdsaSecp256r1Sha256 = 0x0403,
    EcdsaSecp384r1Sha384 = 0x0503,
    RsaPssRsaeSha256 = 0x0804,
    RsaPssRsaeSha384 = 0x0805,
    RsaPssRsaeSha512 = 0x0806,
}

internal static class SignatureSchemeExtensions
{
    extension(SignatureScheme scheme)
    {
        public bool IsEcdsa => scheme is SignatureScheme.EcdsaSecp256r1Sha256 or SignatureScheme.EcdsaSecp384r1Sha384;

        public bool IsRsaPss => scheme is SignatureScheme.RsaPssRsaeSha256 or SignatureScheme.RsaPssRsaeSha384 or SignatureScheme.RsaPssRsaeSha512;

        public HashAlgorithmName Hash => scheme switch
        {
            SignatureScheme.EcdsaSecp256r1Sha256 or SignatureScheme.RsaPssRsaeSha256 => HashAlgorithmName.SHA256,
            SignatureScheme.EcdsaSecp384r1Sha384 or SignatureScheme.RsaPssRsaeSha384 => HashAlgorithmName.SHA384,
            _ => HashAlgorithmName.SHA512,
        };
    }
}
