using System.Security.Cryptography;
using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Io;
using Net.Core.Tls;

namespace Net.Tests.Core.Tls;

[TestClass]
public sealed class CryptoWorkerTests
{
    /// <summary>Goal: a certificate whose key is on a curve that the platform does not know is a refusal, not an exception (found by mutation).</summary>
    [TestMethod]
    public void A_key_on_an_unknown_curve()
    {
        byte[] certificate = [.. TestHost.Server.Chain[0]];
        ReadOnlySpan<byte> p256 = [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
        int at = certificate.AsSpan().IndexOf(p256);
        Assert.IsGreaterThan(0, at);
        certificate[at + 7] = 0x66;
        VerifySignatureRequest verify = new(1, certificate, SignatureScheme.EcdsaSecp256r1Sha256, new byte[10], new byte[70]);
        Assert.AreEqual(new SignatureVerdictAnswer(1, false), CryptoWorker.Answer(verify, new TestHost(1)));

        using HostCrypto host = new(new HostCryptoOptions());
        ValidateCertificateRequest validate = new(2, [certificate], "server.test", true);
        Assert.AreNotEqual(CertificateVerdict.Trusted, ((CertificateVerdictAnswer)CryptoWorker.Answer(validate, host)).Verdict);
    }

    /// <summary>Goal: a key that fails to sign, or shares that nobody could make, end the handshake with internal_error, on either side.</summary>
    [TestMethod]
    public void Our_own_failures_are_internal_errors()
    {
        TlsCredential broken = new(TestHost.Server.Chain, new BrokenSigner());
        HandshakePair pair = new();
        pair.ServerHost.ServerCredential = broken;
        Assert.AreEqual((ulong)TransportErrorCode.CryptoError + 80, (ulong)pair.Run().ServerError.Code);

        pair = new(mode: ClientCertificates.Require, clientCredential: broken);
        Assert.AreEqual((ulong)TransportErrorCode.CryptoError + 80, (ulong)pair.Run().ClientError.Code);

        pair = new();
        pair.Client.TryTakeRequest(out CryptoRequest request);
        Assert.AreEqual((ulong)TransportErrorCode.CryptoError + 80, (ulong)pair.Client.OnAnswer(new KeySharesAnswer(request.Id, null)).Code);
    }

    /// <summary>Goal: without a credential in its options a client asks its host, which may have one for this server or not.</summary>
    [TestMethod]
    public void A_client_asks_its_host_for_a_certificate()
    {
        HandshakePair pair = new(mode: ClientCertificates.Require);
        pair.ClientHost.ClientCredential = TestHost.Client;
        pair.Run();
        Assert.IsTrue(pair.IsComplete);
        SelectCertificateRequest asked = pair.ClientHost.Requests.OfType<SelectCertificateRequest>().Single();
        Assert.IsFalse(asked.ForServer);
        Assert.AreEqual("server.test", asked.ServerName);
        CollectionAssert.AreEqual(TestHost.Client.Chain[0], pair.Server.Session!.PeerCertificates.Single().ToArray());
    }

    private sealed class BrokenSigner : ISigner
    {
        public IReadOnlyList<SignatureScheme> Schemes => [SignatureScheme.EcdsaSecp256r1Sha256];

        public byte[] Sign(SignatureScheme scheme, ReadOnlySpan<byte> content) => throw new CryptographicException("the module is gone");
    }
}
