using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Crypto;
using Net.Core.Io;
using Net.Core.Tls;

namespace Net.Tests.Core.Io;

[TestClass]
public sealed class HostCryptoTests
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private static readonly DateTimeOffset s_past = DateTimeOffset.UnixEpoch;
    private static readonly DateTimeOffset s_future = DateTimeOffset.UnixEpoch.AddYears(150);
    private static readonly X509Certificate2 s_root = Authority("root", null);
    private static readonly X509Certificate2 s_intermediate = Authority("intermediate", s_root);

    /// <summary>Goal: a chain to a trusted root is accepted for the names and addresses in it, and for nothing else.</summary>
    [TestMethod]
    [DataRow("www.example.org", CertificateVerdict_Trusted)]
    [DataRow("WWW.example.org", CertificateVerdict_Trusted)]
    [DataRow("a.wild.example.org", CertificateVerdict_Trusted)]
    [DataRow("192.0.2.7", CertificateVerdict_Trusted)]
    [DataRow("2001:db8::7", CertificateVerdict_Trusted)]
    [DataRow("example.org", CertificateVerdict_Unknown)]
    [DataRow("a.b.wild.example.org", CertificateVerdict_Unknown)]
    [DataRow("192.0.2.8", CertificateVerdict_Unknown)]
    [DataRow("leaf", CertificateVerdict_Unknown)]
    [DataRow("not a name", CertificateVerdict_Unknown)]
    [DataRow("", CertificateVerdict_Unknown)]
    public void Names_and_addresses(string name, int verdict)
    {
        using X509Certificate2 leaf = Leaf(s_intermediate, ServerAuthentication);
        using HostCrypto host = new(new HostCryptoOptions { TrustedRoots = [s_root] });
        Assert.AreEqual((CertificateVerdict)verdict, host.Validate(new(0, [leaf.RawData, s_intermediate.RawData], name, true)));
    }

    private const int CertificateVerdict_Trusted = (int)CertificateVerdict.Trusted;
    private const int CertificateVerdict_Unknown = (int)CertificateVerdict.Unknown;

    /// <summary>Goal: each fault of a chain has its verdict.</summary>
    [TestMethod]
    public void Faults_of_chains()
    {
        using HostCrypto host = new(new HostCryptoOptions { TrustedRoots = [s_root] });
        using X509Certificate2 server = Leaf(s_intermediate, ServerAuthentication), client = Leaf(s_intermediate, ClientAuthentication);
        using X509Certificate2 expired = Leaf(s_root, ServerAuthentication, s_past.AddDays(2));
        using X509Certificate2 stranger = Authority("stranger", null);
        using X509Certificate2 untrusted = Leaf(stranger, ServerAuthentication);
        byte[] forged = [.. server.RawData];
        forged[^1] ^= 1;

        Assert.AreEqual(CertificateVerdict.UnknownAuthority, host.Validate(new(0, [server.RawData], "www.example.org", true)), "the intermediate is missing");
        Assert.AreEqual(CertificateVerdict.UnknownAuthority, host.Validate(new(0, [untrusted.RawData, stranger.RawData], "www.example.org", true)));
        Assert.AreEqual(CertificateVerdict.Expired, host.Validate(new(0, [expired.RawData], "www.example.org", true)));
        Assert.AreEqual(CertificateVerdict.Unsupported, host.Validate(new(0, [client.RawData, s_intermediate.RawData], "www.example.org", true)));
        Assert.AreEqual(CertificateVerdict.Unsupported, host.Validate(new(0, [server.RawData, s_intermediate.RawData], null, false)));
        Assert.AreEqual(CertificateVerdict.Trusted, host.Validate(new(0, [client.RawData, s_intermediate.RawData], null, false)));
        Assert.AreNotEqual(CertificateVerdict.Trusted, host.Validate(new(0, [forged, s_intermediate.RawData], "www.example.org", true)));
        Assert.AreEqual(CertificateVerdict.Bad, host.Validate(new(0, [new byte[] { 0x30, 0x80, 0, 0 }], "www.example.org", true)));
        Assert.AreEqual(CertificateVerdict.Bad, host.Validate(new(0, [server.RawData, new byte[100]], "www.example.org", true)));
        // ASN.1 nested thousands deep (checklist S41).
        Assert.AreEqual(CertificateVerdict.Bad, host.Validate(new(0, [Enumerable.Repeat((byte)0x30, 60_000).ToArray()], "www.example.org", true)));
    }

    /// <summary>Goal: a pinned self-signed certificate is trusted as it is, the system's roots do not know it.</summary>
    [TestMethod]
    public void A_pinned_certificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        System.Security.Cryptography.X509Certificates.CertificateRequest request = new("CN=pinned", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("pinned.test");
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 pinned = request.CreateSelfSigned(s_past, s_future);
        using HostCrypto trusting = new(new HostCryptoOptions { TrustedRoots = [pinned] });
        using HostCrypto system = new(new HostCryptoOptions());
        Assert.AreEqual(CertificateVerdict.Trusted, trusting.Validate(new(0, [pinned.RawData], "pinned.test", true)));
        Assert.AreEqual(CertificateVerdict.UnknownAuthority, system.Validate(new(0, [pinned.RawData], "pinned.test", true)));
    }

    /// <summary>Goal: the application's callback has the last word, hears what was wrong, and cannot break anything by throwing.</summary>
    [TestMethod]
    public void The_callback_decides()
    {
        using X509Certificate2 leaf = Leaf(s_root, ServerAuthentication);
        SslPolicyErrors heard = default;
        bool answer = true;
        using HostCrypto host = new(new HostCryptoOptions
        {
            TrustedRoots = [s_root],
            RemoteCertificateValidation = (_, _, _, errors) =>
            {
                heard = errors;
                return answer;
            },
        });
        Assert.AreEqual(CertificateVerdict.Trusted, host.Validate(new(0, [leaf.RawData], "other.test", true)));
        Assert.AreEqual(SslPolicyErrors.RemoteCertificateNameMismatch, heard);
        answer = false;
        Assert.AreEqual(CertificateVerdict.Unknown, host.Validate(new(0, [leaf.RawData], "www.example.org", true)));
        Assert.AreEqual(SslPolicyErrors.None, heard);

        using HostCrypto throwing = new(new HostCryptoOptions { TrustedRoots = [s_root], RemoteCertificateValidation = (_, _, _, _) => throw new FormatException() });
        CryptoAnswer verdict = CryptoWorker.Answer(new ValidateCertificateRequest(3, [leaf.RawData], "www.example.org", true), throwing);
        Assert.AreEqual(new CertificateVerdictAnswer(3, CertificateVerdict.Unknown), verdict);
    }

    /// <summary>Goal: the right certificate for a name, a wildcard, no name and an unknown name; intermediates go along.</summary>
    [TestMethod]
    public void Credentials_by_name()
    {
        using X509Certificate2 one = Leaf(s_intermediate, ServerAuthentication), two = Leaf(s_root, ServerAuthentication), other = Leaf(s_root, ServerAuthentication);
        using X509Certificate2 client = Leaf(s_root, ClientAuthentication);
        using HostCrypto host = new(new HostCryptoOptions
        {
            DefaultServerCertificate = other,
            ServerCertificates = new Dictionary<string, X509Certificate2> { ["one.test"] = one, ["*.two.test"] = two },
            ClientCertificate = client,
            Intermediates = [s_intermediate],
        });
        TlsCredential? Select(string? name, bool forServer = true) => host.SelectCredential(new(0, forServer, name, [], [], []));

        Assert.HasCount(2, Select("one.test")!.Chain);
        CollectionAssert.AreEqual(one.RawData, Select("one.test")!.Chain[0]);
        CollectionAssert.AreEqual(s_intermediate.RawData, Select("one.test")!.Chain[1]);
        CollectionAssert.AreEqual(two.RawData, Select("a.two.test")!.Chain[0]);
        Assert.HasCount(1, Select("a.two.test")!.Chain);
        CollectionAssert.AreEqual(other.RawData, Select("two.test")!.Chain[0]);
        CollectionAssert.AreEqual(other.RawData, Select("a.b.two.test")!.Chain[0]);
        CollectionAssert.AreEqual(other.RawData, Select(null)!.Chain[0]);
        CollectionAssert.AreEqual(client.RawData, Select(null, forServer: false)!.Chain[0]);
        using HostCrypto empty = new(new HostCryptoOptions());
        Assert.IsNull(empty.SelectCredential(new(0, true, "one.test", [], [], [])));
        Assert.ThrowsExactly<ArgumentException>(() => new HostCrypto(new HostCryptoOptions { ClientCertificate = X509CertificateLoader.LoadCertificate(one.RawData) }));
    }

    /// <summary>Goal: client and server with real hosts, both certificates and mutual trust shake hands.</summary>
    [TestMethod]
    public void Two_hosts_shake_hands()
    {
        using X509Certificate2 serverLeaf = Leaf(s_intermediate, ServerAuthentication), clientLeaf = Leaf(s_root, ClientAuthentication);
        using HostCrypto serverHost = new(new HostCryptoOptions { TrustedRoots = [s_root], DefaultServerCertificate = serverLeaf, Intermediates = [s_intermediate] });
        using HostCrypto clientHost = new(new HostCryptoOptions { TrustedRoots = [s_root], ClientCertificate = clientLeaf });
        byte[] entropy = new byte[32];
        clientHost.FillEntropy(entropy);
        Assert.IsTrue(entropy.AsSpan().ContainsAnyExcept((byte)0));
        byte[][] protocols = ["h3"u8.ToArray()];
        TlsClient client = new(new TlsClientOptions { AlpnProtocols = protocols, ServerName = "www.example.org" }, new byte[] { 15, 0 }, entropy);
        TlsServer server = new(new TlsServerOptions { AlpnProtocols = protocols, ClientCertificates = ClientCertificates.Require }, new byte[] { 15, 0 }, entropy);
        for (int turn = 0; turn < 6; turn++)
        {
            Serve(client, clientHost, server);
            Serve(server, serverHost, client);
        }

        Assert.IsTrue(client.IsComplete && server.IsComplete);
        Assert.HasCount(2, client.Session!.PeerCertificates);
        CollectionAssert.AreEqual(clientLeaf.RawData, server.Session!.PeerCertificates.Single().ToArray());
    }

    private static void Serve(ITlsHandshake side, HostCrypto host, ITlsHandshake peer)
    {
        while (side.TryTakeRequest(out CryptoRequest request))
        {
            Assert.IsFalse(side.OnAnswer(CryptoWorker.Answer(request, host)).IsError);
        }

        while (side.TryTakeOutput(out TlsOutput output))
        {
            Assert.IsFalse(peer.OnCrypto(output.Level, output.Bytes.Span).IsError);
        }
    }

    private static X509Certificate2 Authority(string name, X509Certificate2? issuer)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        System.Security.Cryptography.X509Certificates.CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        if (issuer is null)
        {
            return request.CreateSelfSigned(s_past, s_future);
        }

        using X509Certificate2 signed = request.Create(issuer, s_past, s_future, [1, 2, 3]);
        return signed.CopyWithPrivateKey(key);
    }

    private static X509Certificate2 Leaf(X509Certificate2 issuer, string purpose, DateTimeOffset? end = null)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        System.Security.Cryptography.X509Certificates.CertificateRequest request = new("CN=leaf", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("www.example.org");
        names.AddDnsName("*.wild.example.org");
        names.AddIpAddress(IPAddress.Parse("192.0.2.7"));
        names.AddIpAddress(IPAddress.Parse("2001:db8::7"));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], false));
        using X509Certificate2 signed = request.Create(issuer, s_past, end ?? s_future, RandomNumberGenerator.GetBytes(8));
        return signed.CopyWithPrivateKey(key);
    }
}
