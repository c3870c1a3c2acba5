using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Crypto;

namespace Net.Tests.Core.Crypto;

[TestClass]
public sealed class SignaturesTests
{
    private static readonly DateTimeOffset From = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Goal: what a certificate's key signs is verified under its scheme and under no other.</summary>
    [TestMethod]
    [DataRow("P-256")]
    [DataRow("P-384")]
    [DataRow("RSA")]
    public void A_certificate_signs_and_only_its_scheme_verifies(string kind)
    {
        using ECDsa ecdsa = ECDsa.Create(kind == "P-384" ? ECCurve.NamedCurves.nistP384 : ECCurve.NamedCurves.nistP256);
        using RSA rsa = RSA.Create(2048);
        CertificateRequest request = kind == "RSA"
            ? new("CN=test", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new("CN=test", ecdsa, HashAlgorithmName.SHA256);
        using X509Certificate2 certificate = request.CreateSelfSigned(From, From.AddDays(1));
        using X509Signer signer = new(certificate);
        byte[] content = "content"u8.ToArray();
        foreach (SignatureScheme scheme in signer.Schemes)
        {
            byte[] signature = signer.Sign(scheme, content);
            foreach (SignatureScheme other in Signatures.Supported)
            {
                Assert.AreEqual(scheme == other, Signatures.Verify(other, certificate, content, signature));
            }

            Assert.IsFalse(Signatures.Verify(scheme, certificate, "other"u8, signature));
            Assert.IsFalse(Signatures.Verify(scheme, certificate, content, signature.AsSpan(1)));
            Assert.IsFalse(Signatures.Verify(scheme, [0x30, 0x00], content, signature));
        }

        SignatureScheme wrong = Signatures.Supported.First(scheme => !signer.Schemes.Contains(scheme));
        Assert.ThrowsExactly<ArgumentException>(() => signer.Sign(wrong, content));
    }

    /// <summary>Goal: the simulator's signer gives the same bytes each time, and its certificate is one that the base library takes.</summary>
    [TestMethod]
    public void The_deterministic_signer_repeats_itself()
    {
        DeterministicSigner one = new(new byte[64]);
        DeterministicSigner two = new(new byte[64]);
        byte[] signature = one.Sign(SignatureScheme.EcdsaSecp256r1Sha256, "content"u8);
        CollectionAssert.AreEqual(signature, two.Sign(SignatureScheme.EcdsaSecp256r1Sha256, "content"u8));
        Assert.IsTrue(Signatures.Verify(SignatureScheme.EcdsaSecp256r1Sha256, one.SubjectPublicKeyInfo, "content"u8, signature));

        byte[] der = one.CreateCertificate("alpha.test", From, From.AddDays(1));
        CollectionAssert.AreEqual(der, two.CreateCertificate("alpha.test", From, From.AddDays(1)));
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(der);
        Assert.IsTrue(certificate.MatchesHostname("alpha.test"));
        Assert.IsTrue(Signatures.Verify(SignatureScheme.EcdsaSecp256r1Sha256, certificate, "content"u8, signature));
    }
}
