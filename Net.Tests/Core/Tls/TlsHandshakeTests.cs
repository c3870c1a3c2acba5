using System.Security.Cryptography;
using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Tests.Core.Tls;

[TestClass]
public sealed class TlsHandshakeTests
{
    public static IEnumerable<object[]> Ways =>
        from suite in new[] { CipherSuite.Aes128GcmSha256, CipherSuite.Aes256GcmSha384, CipherSuite.ChaCha20Poly1305Sha256 }
        from curve in new[] { NamedGroup.X25519, NamedGroup.Secp256r1 }
        from retry in new[] { false, true }
        from mode in new[] { ClientCertificates.None, ClientCertificates.Request, ClientCertificates.Require }
        from shown in new[] { false, true }
        where shown || mode != ClientCertificates.Require
        select new object[] { (int)suite, (int)curve, retry, (int)mode, shown };

    /// <summary>Goal: every suite, group, retry and client-certificate mode ends with the same secrets and the right session on both sides.</summary>
    [TestMethod]
    [DynamicData(nameof(Ways))]
    public void Every_way_to_shake_hands_agrees(int suiteNumber, int groupNumber, bool retry, int modeNumber, bool shown)
    {
        CipherSuite suite = (CipherSuite)suiteNumber;
        NamedGroup group = (NamedGroup)groupNumber;
        ClientCertificates mode = (ClientCertificates)modeNumber;
        NamedGroup other = group == NamedGroup.X25519 ? NamedGroup.Secp256r1 : NamedGroup.X25519;
        HandshakePair pair = new(
            clientSuites: [suite],
            clientGroups: retry ? [other, group] : [group, other],
            serverGroups: [group],
            mode: mode,
            clientCredential: shown ? TestHost.Client : null);

        pair.Run();

        Assert.IsFalse(pair.ClientError.IsError, pair.ClientError.ToString());
        Assert.IsFalse(pair.ServerError.IsError, pair.ServerError.ToString());
        Assert.IsTrue(pair.IsComplete);
        AssertSameSecrets(pair, suite);
        TlsSession client = pair.Client.Session!, server = pair.Server.Session!;
        foreach (TlsSession session in new[] { client, server })
        {
            Assert.AreEqual(suite, session.Suite);
            Assert.AreEqual("server.test", session.ServerName);
            CollectionAssert.AreEqual("h3"u8.ToArray(), session.Alpn.ToArray());
            Assert.AreEqual(suite.HashLength, session.ExporterSecret.Length);
            Assert.IsTrue(session.ExporterSecret.Span.ContainsAnyExcept((byte)0), "the session's secrets must survive the wiping of the handshake's");
        }

        CollectionAssert.AreEqual(client.ExporterSecret.ToArray(), server.ExporterSecret.ToArray());
        CollectionAssert.AreEqual(client.ResumptionSecret.ToArray(), server.ResumptionSecret.ToArray());
        CollectionAssert.AreNotEqual(client.ExporterSecret.ToArray(), server.ResumptionSecret.ToArray());
        CollectionAssert.AreEqual(TestHost.Server.Chain[0], client.PeerCertificates.Single().ToArray());
        bool proven = shown && mode != ClientCertificates.None;
        Assert.HasCount(proven ? 1 : 0, server.PeerCertificates);
        CollectionAssert.AreEqual(HandshakePair.ServerParameters, pair.Client.PeerTransportParameters.ToArray());
        CollectionAssert.AreEqual(HandshakePair.ClientParameters, pair.Server.PeerTransportParameters.ToArray());
        Assert.AreEqual(retry ? 2 : 1, pair.Log.Count(m => m.FromClient && HandshakePair.TypeOf(m.Bytes) == HandshakeType.ClientHello));
    }

    /// <summary>Goal: it does not matter where CRYPTO bytes are cut. Method: every piece length from one byte to the longest message.</summary>
    [TestMethod]
    public void Messages_may_be_cut_anywhere()
    {
        int longest = new HandshakePair(mode: ClientCertificates.Require, clientCredential: TestHost.Client).Run().Log.Max(m => m.Bytes.Length);
        Assert.IsGreaterThan(200, longest);
        for (int length = 1; length <= longest; length++)
        {
            HandshakePair pair = new(
                clientGroups: [NamedGroup.Secp256r1, NamedGroup.X25519],
                mode: ClientCertificates.Require,
                clientCredential: TestHost.Client,
                seed: (ulong)length)
            { PieceLength = length };

            pair.Run();

            Assert.IsTrue(pair.IsComplete, $"pieces of {length}: {pair.ClientError}, {pair.ServerError}");
        }
    }

    /// <summary>Goal: several messages in one call, as a datagram brings them, are all taken.</summary>
    [TestMethod]
    public void A_whole_flight_in_one_call()
    {
        HandshakePair pair = new();
        TestHost host = new(5);
        Answer(pair.Client, host);
        Assert.IsFalse(pair.Server.OnCrypto(EncryptionLevel.Initial, Take(pair.Client)[EncryptionLevel.Initial]).IsError);
        Answer(pair.Server, host);
        Dictionary<EncryptionLevel, byte[]> flight = Take(pair.Server);

        Assert.IsFalse(pair.Client.OnCrypto(EncryptionLevel.Initial, flight[EncryptionLevel.Initial]).IsError);
        Answer(pair.Client, host);
        Assert.IsFalse(pair.Client.OnCrypto(EncryptionLevel.Handshake, flight[EncryptionLevel.Handshake]).IsError);
        Answer(pair.Client, host);

        Assert.IsTrue(pair.Client.IsComplete);
    }

    /// <summary>Goal: requests may be answered in any order, and messages that arrive meanwhile wait.</summary>
    [TestMethod]
    public void Answers_may_come_late_and_in_any_order()
    {
        HandshakePair pair = new();
        TestHost host = new(6);
        Answer(pair.Client, host);
        pair.Server.OnCrypto(EncryptionLevel.Initial, Take(pair.Client)[EncryptionLevel.Initial]);
        List<CryptoRequest> requests = TakeRequests(pair.Server);
        Assert.HasCount(2, requests, "certificate and key share are asked for at the same time");
        requests.Reverse();
        foreach (CryptoRequest request in requests)
        {
            Assert.IsEmpty(Take(pair.Server), "nothing is sent before everything is known");
            Assert.IsFalse(pair.Server.OnAnswer(CryptoWorker.Answer(request, host)).IsError);
        }

        Answer(pair.Server, host);
        Dictionary<EncryptionLevel, byte[]> flight = Take(pair.Server);
        pair.Client.OnCrypto(EncryptionLevel.Initial, flight[EncryptionLevel.Initial]);
        // The server's flight is here before the key is agreed: the client holds it.
        Assert.IsFalse(pair.Client.OnCrypto(EncryptionLevel.Handshake, flight[EncryptionLevel.Handshake]).IsError);
        Assert.IsTrue(pair.Client.PeerTransportParameters.IsEmpty);
        requests = TakeRequests(pair.Client);
        Assert.IsFalse(pair.Client.OnAnswer(CryptoWorker.Answer(requests.Single(), host)).IsError);
        Assert.IsFalse(pair.Client.PeerTransportParameters.IsEmpty);
        requests = TakeRequests(pair.Client);
        Assert.HasCount(2, requests, "certificate and signature are checked at the same time");
        requests.Reverse();
        foreach (CryptoRequest request in requests)
        {
            Assert.IsFalse(pair.Client.IsComplete);
            Assert.IsFalse(pair.Client.OnAnswer(CryptoWorker.Answer(request, host)).IsError);
        }

        Assert.IsTrue(pair.Client.IsComplete);
    }

    /// <summary>Goal: an answer that nobody asked for is our caller's mistake and says so.</summary>
    [TestMethod]
    public void An_answer_without_its_request_throws()
    {
        HandshakePair pair = new();
        pair.Client.TryTakeRequest(out CryptoRequest request);
        Assert.ThrowsExactly<InvalidOperationException>(() => pair.Client.OnAnswer(new SignatureAnswer(request.Id, [])));
        Assert.ThrowsExactly<InvalidOperationException>(() => pair.Client.OnAnswer(new KeySharesAnswer(request.Id + 1, [])));
    }

    /// <summary>Goal: the server learns name, protocols and parameters before it must have its own parameters ready.</summary>
    [TestMethod]
    public void The_servers_parameters_may_depend_on_the_client_hello()
    {
        HandshakePair pair = new(clientAlpn: ["x"u8.ToArray(), "h3"u8.ToArray()]);
        TestHost host = new(7);
        Answer(pair.Client, host);
        Assert.IsNull(pair.Server.ServerName);
        pair.Server.OnCrypto(EncryptionLevel.Initial, Take(pair.Client)[EncryptionLevel.Initial]);
        Assert.AreEqual("server.test", pair.Server.ServerName);
        Assert.HasCount(2, pair.Server.AlpnOffered);
        pair.Server.SetTransportParameters(new byte[] { 0x0F, 0x01, 0x77 });
        Answer(pair.Server, host);
        Assert.ThrowsExactly<InvalidOperationException>(() => pair.Server.SetTransportParameters(default));
        SelectCertificateRequest asked = host.Requests.OfType<SelectCertificateRequest>().Single();
        Assert.AreEqual("server.test", asked.ServerName);
        Assert.Contains(SignatureScheme.EcdsaSecp256r1Sha256, asked.SignatureSchemes);
        Dictionary<EncryptionLevel, byte[]> flight = Take(pair.Server);
        pair.Client.OnCrypto(EncryptionLevel.Initial, flight[EncryptionLevel.Initial]);
        Answer(pair.Client, host);
        pair.Client.OnCrypto(EncryptionLevel.Handshake, flight[EncryptionLevel.Handshake]);
        CollectionAssert.AreEqual(new byte[] { 0x0F, 0x01, 0x77 }, pair.Client.PeerTransportParameters.ToArray());
    }

    /// <summary>Goal: same entropy in, same bytes out, so that a seed replays a run.</summary>
    [TestMethod]
    public void The_same_seed_gives_the_same_bytes()
    {
        List<byte[]>[] runs = new List<byte[]>[2];
        for (int i = 0; i < runs.Length; i++)
        {
            DeterministicSigner signer = new(SHA512.HashData("seed"u8));
            TlsCredential credential = new([signer.CreateCertificate("server.test", DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200))], signer);
            HandshakePair pair = new(seed: 42);
            pair.ServerHost.ServerCredential = credential;
            pair.Run();
            Assert.IsTrue(pair.IsComplete);
            runs[i] = [.. pair.Log.Select(m => m.Bytes)];
        }

        Assert.HasCount(runs[0].Count, runs[1]);
        for (int i = 0; i < runs[0].Count; i++)
        {
            CollectionAssert.AreEqual(runs[0][i], runs[1][i]);
        }
    }

    /// <summary>Goal: a literal address is checked against the certificate, and not sent as a name (RFC 6066, section 3).</summary>
    [TestMethod]
    public void A_literal_address_is_not_sent()
    {
        HandshakePair pair = new(serverName: "192.0.2.7");
        pair.Run();
        Assert.IsTrue(pair.IsComplete);
        Assert.IsNull(pair.Server.ServerName);
        Assert.AreEqual("192.0.2.7", pair.ClientHost.Requests.OfType<ValidateCertificateRequest>().Single().ServerName);
    }

    /// <summary>Goal: P-384 and RSA-PSS certificates work too.</summary>
    [TestMethod]
    public void Other_kinds_of_certificates_are_verified()
    {
        using ECDsa p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        HandshakePair pair = new();
        pair.ServerHost.ServerCredential = TestHost.Credential("server.test", p384, HashAlgorithmName.SHA384);
        pair.Run();
        Assert.IsTrue(pair.IsComplete);

        using RSA rsa = RSA.Create(2048);
        System.Security.Cryptography.X509Certificates.CertificateRequest request = new("CN=server.test", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using System.Security.Cryptography.X509Certificates.X509Certificate2 certificate =
            request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        pair = new();
        pair.ServerHost.ServerCredential = new([certificate.RawData], new X509Signer(certificate));
        pair.Run();
        Assert.IsTrue(pair.IsComplete);
    }

    private static void AssertSameSecrets(HandshakePair pair, CipherSuite suite)
    {
        Assert.HasCount(4, pair.ClientSecrets);
        Assert.HasCount(4, pair.ServerSecrets);
        // A server can write 1-RTT packets before it may read them (RFC 9001, section 5.7).
        Assert.IsTrue(pair.ServerSecrets[2] is { Level: EncryptionLevel.OneRtt, IsWrite: true });
        Assert.IsTrue(pair.ServerSecrets[3] is { Level: EncryptionLevel.OneRtt, IsWrite: false });
        foreach (TlsSecret ours in pair.ClientSecrets)
        {
            TlsSecret theirs = pair.ServerSecrets.Single(s => s.Level == ours.Level && s.IsWrite != ours.IsWrite);
            CollectionAssert.AreEqual(ours.Secret.ToArray(), theirs.Secret.ToArray());
            Assert.AreEqual(suite, ours.Suite);
            Assert.AreEqual(suite.HashLength, ours.Secret.Length);
            Assert.IsTrue(ours.Secret.Span.ContainsAnyExcept((byte)0), "an installed secret must survive the wiping of the handshake's");
        }
    }

    private static void Answer(ITlsHandshake side, TestHost host)
    {
        while (side.TryTakeRequest(out CryptoRequest request))
        {
            Assert.IsFalse(side.OnAnswer(CryptoWorker.Answer(request, host)).IsError);
        }
    }

    private static List<CryptoRequest> TakeRequests(ITlsHandshake side)
    {
        List<CryptoRequest> requests = [];
        while (side.TryTakeRequest(out CryptoRequest request))
        {
            requests.Add(request);
        }

        return requests;
    }

    private static Dictionary<EncryptionLevel, byte[]> Take(ITlsHandshake side)
    {
        Dictionary<EncryptionLevel, byte[]> flight = [];
        while (side.TryTakeOutput(out TlsOutput output))
        {
            flight[output.Level] = [.. flight.GetValueOrDefault(output.Level, []), .. output.Bytes.Span];
        }

        return flight;
    }
}
