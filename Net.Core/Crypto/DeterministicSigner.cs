using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Org.BouncyCastle.Crypto.Digests;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Crypto.Signers;

using BigInteger = Org.BouncyCastle.Math.BigInteger;

namespace Net.Core.Crypto;

/// <summary>ECDSA on P-256 whose nonce derives from key and content (RFC 6979), so that a seed replays a whole handshake byte by byte.</summary>
/// <remarks>For simulation: the library below does not promise constant time.</remarks>
internal sealed class DeterministicSigner : ISigner
{
    private readonly ECPrivateKeyParameters _key;

    /// <param name="seed">64 bytes: the same seed is the same key.</param>
    public DeterministicSigner(ReadOnlySpan<byte> seed)
    {
        KeyShare pair = KeyExchange.Generate(NamedGroup.Secp256r1, seed);
        _key = new ECPrivateKeyParameters(new BigInteger(1, pair.Private.AsSpan(0, 32)), ECNamedDomainParameters.LookupOid(new("1.2.840.10045.3.1.7")));
        CryptographicOperations.ZeroMemory(pair.Private);
        using ECDsa exported = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = pair.Public[1..33], Y = pair.Public[33..] },
        });
        SubjectPublicKeyInfo = exported.ExportSubjectPublicKeyInfo();
    }

    public IReadOnlyList<SignatureScheme> Schemes { get; } = [SignatureScheme.EcdsaSecp256r1Sha256];

    /// <summary>DER.</summary>
    public byte[] SubjectPublicKeyInfo { get; }

    public byte[] Sign(SignatureScheme scheme, ReadOnlySpan<byte> content)
    {
        if (scheme != SignatureScheme.EcdsaSecp256r1Sha256)
        {
            throw new ArgumentException("this key does not sign with that scheme", nameof(scheme));
        }

        DsaDigestSigner signer = new(new ECDsaSigner(new HMacDsaKCalculator(new Sha256Digest())), new Sha256Digest());
        signer.Init(forSigning: true, _key);
        signer.BlockUpdate(content);
        return signer.GenerateSignature();
    }

    /// <summary>A self-signed server and client certificate for a name, the same bytes for the same seed and arguments.</summary>
    /// <param name="name">A DNS name.</param>
    /// <param name="notBefore">Start of its validity.</param>
    /// <param name="notAfter">End of its validity.</param>
    /// <returns>DER, without a private key.</returns>
    public byte[] CreateCertificate(string name, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        PublicKey key = PublicKey.CreateFromSubjectPublicKeyInfo(SubjectPublicKeyInfo, out _);
        X500DistinguishedName subject = new($"CN={name}");
        CertificateRequest request = new(subject, key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        using X509Certificate2 certificate = request.Create(subject, new Generator(this, key), notBefore, notAfter, [0x01, .. SHA256.HashData(SubjectPublicKeyInfo).AsSpan(0, 8)]);
        return certificate.RawData;
    }

    private sealed class Generator(DeterministicSigner signer, PublicKey key) : X509SignatureGenerator
    {
        // ecdsa-with-SHA256, without parameters (RFC 5758, section 3.2).
        public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm) =>
            [0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];

        public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) => signer.Sign(SignatureScheme.EcdsaSecp256r1Sha256, data);

        protected override PublicKey BuildPublicKey() => key;
    }
}
