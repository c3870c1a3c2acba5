using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Tls;
using Net.Core.Tls.Messages;
using Net.Core.Wire;

namespace Net.Tests.Core.Tls;

/// <summary>Each way in which a peer can break the handshake has its alert (RFC 8446, section 6.2; RFC 9001, sections 4 and 8).</summary>
[TestClass]
public sealed class TlsAlertTests
{
    private static readonly Dictionary<string, (byte Alert, HandshakeType Message, Func<byte[], byte[]> Change)> ClientFaults = new()
    {
        ["no application protocol in common"] = (120, HandshakeType.ClientHello, Hello(h => h.ApplicationProtocols = ["h2"u8.ToArray()])),
        ["no ALPN at all"] = (120, HandshakeType.ClientHello, Hello(h => h.ApplicationProtocols = null)),
        ["no transport parameters"] = (109, HandshakeType.ClientHello, Hello(h => h.TransportParameters = null)),
        ["no groups"] = (109, HandshakeType.ClientHello, Hello(h => h.Groups = null)),
        ["no key shares"] = (109, HandshakeType.ClientHello, Hello(h => h.KeyShares = null)),
        ["no signature algorithms"] = (109, HandshakeType.ClientHello, Hello(h => h.SignatureSchemes = null)),
        ["no group in common"] = (40, HandshakeType.ClientHello, Hello(h => (h.Groups, h.KeyShares) = ([0x001E], []))),
        ["no suite in common"] = (40, HandshakeType.ClientHello, Bytes(b => (b[42], b[44], b[46]) = (0x99, 0x99, 0x99))),
        ["no signature scheme in common"] = (40, HandshakeType.ClientHello, Hello(h => h.SignatureSchemes = [0x0807])),
        ["a share in a group not offered"] = (47, HandshakeType.ClientHello, Hello(h => h.Groups = [0x0017])),
        ["a share of the wrong length"] = (47, HandshakeType.ClientHello, Hello(h => h.KeyShares = [new(NamedGroup.X25519, new byte[31])])),
        ["a share of small order"] = (47, HandshakeType.ClientHello, Hello(h => h.KeyShares = [new(NamedGroup.X25519, new byte[32])])),
        ["two shares for one group"] = (47, HandshakeType.ClientHello, Hello(h => h.KeyShares = [h.KeyShares![0], h.KeyShares[0]])),
        ["a server name that is none"] = (47, HandshakeType.ClientHello, Hello(h => h.ServerName = "evil\r\nname")),
        ["a server name with a trailing dot"] = (47, HandshakeType.ClientHello, Hello(h => h.ServerName = "server.test.")),
        ["a legacy version of TLS 1.1"] = (70, HandshakeType.ClientHello, Bytes(b => b[5] = 2)),
        ["a legacy version of TLS 1.3"] = (47, HandshakeType.ClientHello, Bytes(b => b[5] = 4)),
        ["TLS 1.2 alone"] = (70, HandshakeType.ClientHello, b => Replace(b, [0x00, 0x2B, 0x00, 0x03, 0x02, 0x03, 0x04], [0x00, 0x2B, 0x00, 0x03, 0x02, 0x03, 0x03])),
        ["no extensions at all"] = (70, HandshakeType.ClientHello, b => Reframe(b, b.AsSpan(4, 2 + 32 + 1 + 2 + 6 + 2).ToArray())),
        ["compression"] = (47, HandshakeType.ClientHello, Bytes(b => b[48] = 1)),
        ["an extension twice"] = (47, HandshakeType.ClientHello, AddExtension(45, [0x00, 0x0A, 0x00, 0x00])),
        ["pre_shared_key before others"] = (47, HandshakeType.ClientHello, PrependExtension([0x00, 0x29, 0x00, 0x00])),
        ["pre_shared_key that does not parse"] = (50, HandshakeType.ClientHello, AddExtension(45, [0x00, 0x29, 0x00, 0x00])),
        ["pre_shared_key without modes"] = (109, HandshakeType.ClientHello, Hello(h =>
        {
            h.PskModes = null;
            h.PreSharedKey = new() { Identities = [new([1], 0)], Binders = [new byte[32]] };
        })),
        ["early data without a key"] = (47, HandshakeType.ClientHello, AddExtension(45, [0x00, 0x2A, 0x00, 0x00])),
        ["a byte too many"] = (50, HandshakeType.ClientHello, b => Reframe(b, [.. b[4..], 0])),
        ["a byte too few"] = (50, HandshakeType.ClientHello, b => Reframe(b, b[4..^1])),
        ["ServerHello from a client"] = (10, HandshakeType.ClientHello, Bytes(b => b[0] = 2)),
        ["Finished first"] = (10, HandshakeType.ClientHello, _ => [20, 0, 0, 0]),
        ["KeyUpdate first"] = (10, HandshakeType.ClientHello, _ => [24, 0, 0, 1, 0]),
        ["wrong Finished"] = (51, HandshakeType.Finished, Bytes(b => b[4] ^= 1)),
        ["short Finished"] = (50, HandshakeType.Finished, b => Reframe(b, b[4..^1])),
        ["KeyUpdate for Finished"] = (10, HandshakeType.Finished, _ => [24, 0, 0, 1, 0]),
        ["EndOfEarlyData for Finished"] = (10, HandshakeType.Finished, _ => [5, 0, 0, 0]),
        ["a message behind Finished"] = (10, HandshakeType.Finished, b => [.. b, 24, 0, 0, 1, 0]),
        ["a byte behind Finished"] = (10, HandshakeType.Finished, b => [.. b, 24]),
        ["a byte behind ClientHello"] = (10, HandshakeType.ClientHello, b => [.. b, 1]),
    };

    private static readonly Dictionary<string, (byte Alert, HandshakeType Message, Func<byte[], byte[]> Change)> ClientCertificateFaults = new()
    {
        ["no client certificate"] = (116, HandshakeType.Certificate, _ => MessageWriter.Frame(new Certificate { Chain = [] })),
        ["a chain too long"] = (42, HandshakeType.Certificate, _ => MessageWriter.Frame(new Certificate { Chain = [.. Enumerable.Repeat(new byte[] { 1 }, 17)] })),
        ["a request context"] = (47, HandshakeType.Certificate, b => Reframe(b, [1, 0, .. b[5..]])),
        ["an extension that was not asked for"] = (110, HandshakeType.Certificate, _ => [11, 0, 0, 14, 0, 0, 0, 10, 0, 0, 1, 0x30, 0, 4, 0, 5, 0, 0]),
        ["an empty certificate"] = (50, HandshakeType.Certificate, _ => [11, 0, 0, 9, 0, 0, 0, 5, 0, 0, 0, 0, 0]),
        ["CertificateVerify left out"] = (10, HandshakeType.CertificateVerify, _ => []),
        ["Certificate left out"] = (10, HandshakeType.Certificate, _ => []),
        ["a wrong signature"] = (51, HandshakeType.CertificateVerify, Bytes(b => b[^1] ^= 1)),
        ["a scheme that does not fit the key"] = (51, HandshakeType.CertificateVerify, Bytes(b => (b[4], b[5]) = (8, 4))),
        ["a scheme that was not offered"] = (47, HandshakeType.CertificateVerify, Bytes(b => (b[4], b[5]) = (2, 1))),
        ["a truncated proof"] = (50, HandshakeType.CertificateVerify, b => Reframe(b, b[4..^1])),
    };

    private static readonly Dictionary<string, (byte Alert, HandshakeType Message, Func<byte[], byte[]> Change)> ServerFaults = new()
    {
        ["a compatibility version of TLS 1.3"] = (47, HandshakeType.ServerHello, Bytes(b => b[5] = 4)),
        ["a session ID from nowhere"] = (47, HandshakeType.ServerHello, b => Reframe(b, [.. b[4..38], 1, 9, .. b[39..]])),
        ["a suite that was not offered"] = (47, HandshakeType.ServerHello, Bytes(b => b[40] = 4)),
        ["server compression"] = (47, HandshakeType.ServerHello, Bytes(b => b[41] = 1)),
        ["no supported_versions"] = (70, HandshakeType.ServerHello, b => Replace(b, [0, 43, 0, 2, 3, 4], [0xAA, 0xAA, 0, 2, 3, 4])),
        ["no supported_versions and the mark of a downgrade"] = (47, HandshakeType.ServerHello, b =>
        {
            "DOWNGRD\u0001"u8.CopyTo(b.AsSpan(30));
            return Replace(b, [0, 43, 0, 2, 3, 4], [0xAA, 0xAA, 0, 2, 3, 4]);
        }
        ),
        ["another version"] = (47, HandshakeType.ServerHello, b => Replace(b, [0, 43, 0, 2, 3, 4], [0, 43, 0, 2, 3, 3])),
        ["no share"] = (109, HandshakeType.ServerHello, ServersHello(h => h.KeyShare = null)),
        ["a share in another group"] = (47, HandshakeType.ServerHello, ServersHello(h => h.KeyShare = new(NamedGroup.Secp256r1, new byte[65]))),
        ["a share that is no point"] = (47, HandshakeType.ServerHello, ServersHello(h => h.KeyShare = new(NamedGroup.X25519, new byte[32]))),
        ["an extension out of its place"] = (47, HandshakeType.ServerHello, AddExtension(38, [0x00, 0x10, 0x00, 0x00])),
        ["an answer to what was not offered"] = (110, HandshakeType.ServerHello, AddExtension(38, [0x12, 0x34, 0x00, 0x00])),
        ["a cookie outside of a retry"] = (110, HandshakeType.ServerHello, ServersHello(h => h.Cookie = [1])),
        ["an extension of ServerHello twice"] = (47, HandshakeType.ServerHello, AddExtension(38, [0x00, 0x2B, 0x00, 0x02, 0x03, 0x04])),
        ["a byte behind ServerHello"] = (10, HandshakeType.ServerHello, b => [.. b, 8]),
        ["EncryptedExtensions behind ServerHello at its level"] = (10, HandshakeType.ServerHello, b => [.. b, 8, 0, 0, 2, 0, 0]),
        ["HelloRetryRequest for the group it has"] = (47, HandshakeType.ServerHello, Retry(NamedGroup.X25519)),
        ["HelloRetryRequest for a group not offered"] = (47, HandshakeType.ServerHello, Retry(NamedGroup.Secp384r1)),
        ["HelloRetryRequest for nothing"] = (47, HandshakeType.ServerHello, Retry(null)),
        ["HelloRetryRequest with a giant cookie"] = (47, HandshakeType.ServerHello, Retry(null, new byte[65_000])),
        ["no protocol chosen"] = (120, HandshakeType.EncryptedExtensions, Extensions(e => e.ApplicationProtocol = null)),
        ["a protocol that was not offered"] = (47, HandshakeType.EncryptedExtensions, Extensions(e => e.ApplicationProtocol = [1, 2])),
        ["no server parameters"] = (109, HandshakeType.EncryptedExtensions, Extensions(e => e.TransportParameters = null)),
        ["an unsolicited extension"] = (110, HandshakeType.EncryptedExtensions, AddExtension(0, [0x12, 0x34, 0x00, 0x00])),
        ["key_share in EncryptedExtensions"] = (47, HandshakeType.EncryptedExtensions, AddExtension(0, [0x00, 0x33, 0x00, 0x00])),
        ["ALPN twice"] = (47, HandshakeType.EncryptedExtensions, AddExtension(0, [0x00, 0x10, 0x00, 0x00])),
        ["EncryptedExtensions left out"] = (10, HandshakeType.EncryptedExtensions, _ => []),
        ["EncryptedExtensions cut short"] = (50, HandshakeType.EncryptedExtensions, b => Reframe(b, b[4..^1])),
        ["a certificate request without schemes"] = (109, HandshakeType.EncryptedExtensions, b => [.. b, 13, 0, 0, 3, 0, 0, 0]),
        ["two certificate requests"] = (10, HandshakeType.EncryptedExtensions, b =>
        {
            byte[] request = MessageWriter.Frame(new Net.Core.Tls.Messages.CertificateRequest { SignatureSchemes = [0x0403] });
            return [.. b, .. request, .. request];
        }
        ),
        ["no server certificate"] = (50, HandshakeType.Certificate, _ => MessageWriter.Frame(new Certificate { Chain = [] })),
        ["a certificate that is none"] = (51, HandshakeType.Certificate, _ => MessageWriter.Frame(new Certificate { Chain = [new byte[300]] })),
        ["Certificate left out by the server"] = (10, HandshakeType.Certificate, _ => []),
        ["CertificateVerify left out by the server"] = (10, HandshakeType.CertificateVerify, _ => []),
        ["a wrong server signature"] = (51, HandshakeType.CertificateVerify, Bytes(b => b[^1] ^= 1)),
        ["a server scheme that was not offered"] = (47, HandshakeType.CertificateVerify, Bytes(b => (b[4], b[5]) = (4, 1))),
        ["wrong server Finished"] = (51, HandshakeType.Finished, Bytes(b => b[^1] ^= 1)),
        ["long server Finished"] = (50, HandshakeType.Finished, b => Reframe(b, [.. b[4..], 0])),
        ["a message behind the server's Finished"] = (10, HandshakeType.Finished, b => [.. b, 4]),
        ["ClientHello from a server"] = (10, HandshakeType.ServerHello, Bytes(b => b[0] = 1)),
        ["KeyUpdate in the server's flight"] = (10, HandshakeType.EncryptedExtensions, b => [.. b, 24, 0, 0, 1, 0]),
    };

    public static IEnumerable<object[]> ClientFaultNames => ClientFaults.Keys.Select(name => new object[] { name });

    public static IEnumerable<object[]> ClientCertificateFaultNames => ClientCertificateFaults.Keys.Select(name => new object[] { name });

    public static IEnumerable<object[]> ServerFaultNames => ServerFaults.Keys.Select(name => new object[] { name });

    /// <summary>Goal: a server answers each fault of a client with its alert, and is dead from then on.</summary>
    [TestMethod]
    [DynamicData(nameof(ClientFaultNames))]
    public void A_client_breaks_the_rules(string name) => RunAgainst(ClientFaults[name], fromClient: true, ClientCertificates.None);

    /// <summary>Goal: the same for clients that must show a certificate.</summary>
    [TestMethod]
    [DynamicData(nameof(ClientCertificateFaultNames))]
    public void A_client_breaks_the_rules_of_certificates(string name) =>
        RunAgainst(ClientCertificateFaults[name], fromClient: true, ClientCertificates.Require);

    /// <summary>Goal: a client answers each fault of a server with its alert, and is dead from then on.</summary>
    [TestMethod]
    [DynamicData(nameof(ServerFaultNames))]
    public void A_server_breaks_the_rules(string name) => RunAgainst(ServerFaults[name], fromClient: false, ClientCertificates.None);

    /// <summary>Goal: the host's verdict on a chain is the alert that the peer is told, in both directions.</summary>
    [TestMethod]
    [DataRow(42)]
    [DataRow(43)]
    [DataRow(44)]
    [DataRow(45)]
    [DataRow(46)]
    [DataRow(48)]
    [DataRow(49)]
    public void An_untrusted_certificate(int alert)
    {
        HandshakePair pair = new();
        pair.ClientHost.Verdict = (CertificateVerdict)alert;
        pair.Run();
        AssertAlert(alert, pair.ClientError);
        Assert.IsFalse(pair.Client.IsComplete);

        pair = new(mode: ClientCertificates.Request, clientCredential: TestHost.Client);
        pair.ServerHost.Verdict = (CertificateVerdict)alert;
        pair.Run();
        AssertAlert(alert, pair.ServerError);
        Assert.IsFalse(pair.Server.IsComplete);
    }

    /// <summary>Goal: without a certificate for a name the client hears unrecognized_name; without any name handshake_failure.</summary>
    [TestMethod]
    public void No_certificate_of_our_own()
    {
        HandshakePair pair = new();
        pair.ServerHost.ServerCredential = null;
        AssertAlert(112, pair.Run().ServerError);

        pair = new(serverName: "192.0.2.1");
        pair.ServerHost.ServerCredential = null;
        AssertAlert(40, pair.Run().ServerError);
    }

    /// <summary>Goal: a session ID, which only middleboxes need, is a protocol violation (RFC 9001, section 8.4).</summary>
    [TestMethod]
    public void A_session_id_is_refused()
    {
        HandshakePair pair = new() { Tamper = (fromClient, b) => fromClient ? Reframe(b, [.. b[4..38], 1, 7, .. b[39..]]) : null };
        Assert.AreEqual(TransportErrorCode.ProtocolViolation, pair.Run().ServerError.Code);
    }

    /// <summary>Goal: a second HelloRetryRequest, or a ServerHello with another suite than it had, ends the handshake.</summary>
    [TestMethod]
    public void What_follows_a_retry_is_checked_by_the_client()
    {
        byte[] retry = MessageWriter.Frame(ServerHello.RetryRequest(CipherSuite.Aes128GcmSha256, NamedGroup.Secp256r1));
        HandshakePair pair = new() { Tamper = (fromClient, b) => !fromClient && b[0] == 2 ? retry : null };
        pair.Run();
        // The server has gone on to its next level, so the client's second hello fails there; the client is given the retry again.
        AssertAlert(10, pair.Client.OnCrypto(EncryptionLevel.Initial, retry));

        pair = new(serverGroups: [NamedGroup.Secp256r1])
        {
            Tamper = (fromClient, b) =>
            {
                bool isFinal = !fromClient && b[0] == 2 && !IsRetry(b);
                return isFinal ? Bytes(m => m[40] = 2)(b) : null;
            },
        };
        AssertAlert(47, pair.Run().ClientError);
    }

    /// <summary>Goal: a second ClientHello may change nothing but its share, and must have the one that was asked for.</summary>
    [TestMethod]
    public void What_follows_a_retry_is_checked_by_the_server()
    {
        Action<ClientHello>[] changes =
        [
            h => h.ServerName = "other.test",
            h => h.ServerName = null,
            h => h.ApplicationProtocols = ["hq-interop"u8.ToArray()],
            h => h.ApplicationProtocols = ["h3"u8.ToArray(), "hq-interop"u8.ToArray()],
            h => h.TransportParameters = [1, 1, 1],
            h => h.Groups = [.. h.Groups!, 0x1234],
            h => h.SignatureSchemes = [.. h.SignatureSchemes!, 0x1234],
            h => h.Random[0] ^= 1,
            h => h.KeyShares = [.. h.KeyShares!, new(NamedGroup.X25519, new byte[32])],
            h => h.KeyShares = [new(NamedGroup.X25519, new byte[32])],
            h => h.KeyShares = [],
        ];
        foreach (Action<ClientHello> change in changes)
        {
            int hellos = 0;
            HandshakePair pair = new(serverGroups: [NamedGroup.Secp256r1])
            {
                Tamper = (fromClient, b) => fromClient && b[0] == 1 && ++hellos == 2 ? Hello(change)(b) : null,
            };
            AssertAlert(47, pair.Run().ServerError);
            Assert.AreEqual(2, hellos);
        }
    }

    /// <summary>Goal: a retry that asks for a cookie alone is answered with it and everything else unchanged.</summary>
    [TestMethod]
    public void A_cookie_is_sent_back()
    {
        HandshakePair pair = new() { Tamper = (fromClient, b) => fromClient ? null : b[0] == 2 ? Retry(null, [7, 7, 7])(b) : [] };
        pair.Run();
        byte[] second = pair.Log.Last(m => m.FromClient).Bytes;
        Assert.IsFalse(ClientHello.TryRead(second.AsSpan(4), out ClientHello hello).IsError);
        CollectionAssert.AreEqual(new byte[] { 7, 7, 7 }, hello.Cookie);
    }

    /// <summary>Goal: bytes at any level but the one that is due are unexpected, in every state.</summary>
    [TestMethod]
    public void S37_The_wrong_level_is_refused_at_any_time()
    {
        EncryptionLevel[] levels = [EncryptionLevel.Initial, EncryptionLevel.ZeroRtt, EncryptionLevel.Handshake, EncryptionLevel.OneRtt];
        int length = new HandshakePair(mode: ClientCertificates.Require, clientCredential: TestHost.Client).Run().Log.Count;
        for (int step = 0; step < length; step++)
        {
            foreach (EncryptionLevel level in levels)
            {
                HandshakePair pair = new(mode: ClientCertificates.Require, clientCredential: TestHost.Client);
                int delivered = 0;
                bool wrong = false;
                pair.Tamper = (fromClient, b) =>
                {
                    if (delivered++ == step)
                    {
                        ITlsHandshake victim = fromClient ? pair.Server : pair.Client;
                        EncryptionLevel due = b[0] is 1 or 2 ? EncryptionLevel.Initial : EncryptionLevel.Handshake;
                        wrong = level != due;
                        if (wrong)
                        {
                            AssertAlert(10, victim.OnCrypto(level, b));
                        }
                    }

                    return null;
                };
                pair.Run();
                Assert.AreEqual(!wrong, pair.IsComplete);
            }
        }
    }

    /// <summary>Goal: after the handshake neither machine takes a message: tickets are the connection's, which moves without a machine (checklist S35).</summary>
    [TestMethod]
    public void After_the_handshake()
    {
        for (int type = 0; type < 256; type++)
        {
            HandshakePair pair = new HandshakePair().Run();
            AssertAlert(10, pair.Server.OnCrypto(EncryptionLevel.OneRtt, [(byte)type, 0, 0, 1, 0]));
            AssertAlert(10, pair.Client.OnCrypto(EncryptionLevel.OneRtt, [(byte)type, 0, 0, 1, 0]));
        }

        HandshakePair late = new HandshakePair().Run();
        AssertAlert(10, late.Server.OnCrypto(EncryptionLevel.Handshake, [20]));
        AssertAlert(10, late.Client.OnCrypto(EncryptionLevel.Initial, [2]));

        // 0-RTT of another size than QUIC's is a protocol violation (RFC 9001, section 4.6.1).
        byte[] ticket = [4, 0, 0, 22, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 1, 5, 0, 8, 0, 42, 0, 4, 0, 0, 1, 0];
        Assert.AreEqual(TransportErrorCode.ProtocolViolation, NewSessionTicket.TryRead(ticket.AsSpan(4), out _).Code);
    }

    private static void RunAgainst((byte Alert, HandshakeType Message, Func<byte[], byte[]> Change) fault, bool fromClient, ClientCertificates mode)
    {
        bool changed = false;
        HandshakePair pair = new(mode: mode, clientCredential: mode == ClientCertificates.None ? null : TestHost.Client)
        {
            Tamper = (isClients, bytes) =>
            {
                if (isClients != fromClient || HandshakePair.TypeOf(bytes) != fault.Message)
                {
                    return null;
                }

                changed = true;
                return fault.Change([.. bytes]);
            },
        };
        pair.Run();

        Assert.IsTrue(changed);
        ITlsHandshake victim = fromClient ? pair.Server : pair.Client;
        AssertAlert(fault.Alert, fromClient ? pair.ServerError : pair.ClientError);
        foreach (EncryptionLevel level in Enum.GetValues<EncryptionLevel>())
        {
            AssertAlert(fault.Alert, victim.OnCrypto(level, [1, 2, 3]));
        }

        Assert.IsFalse(victim.TryTakeOutput(out _) || victim.TryTakeSecret(out _) || victim.TryTakeRequest(out _), "nothing comes out of a dead handshake");
    }

    private static void AssertAlert(int alert, TransportError error) =>
        Assert.AreEqual((ulong)TransportErrorCode.CryptoError + (ulong)alert, (ulong)error.Code, error.ToString());

    private static bool IsRetry(byte[] message) => !ServerHello.TryRead(message.AsSpan(4), out ServerHello hello).IsError && hello.IsRetryRequest;

    private static Func<byte[], byte[]> Bytes(Action<byte[]> change) => bytes =>
    {
        change(bytes);
        return bytes;
    };

    private static Func<byte[], byte[]> Hello(Action<ClientHello> change) => bytes =>
    {
        Assert.IsFalse(ClientHello.TryRead(bytes.AsSpan(4), out ClientHello hello).IsError);
        change(hello);
        return MessageWriter.Frame(hello);
    };

    private static Func<byte[], byte[]> ServersHello(Action<ServerHello> change) => bytes =>
    {
        Assert.IsFalse(ServerHello.TryRead(bytes.AsSpan(4), out ServerHello hello).IsError);
        change(hello);
        return MessageWriter.Frame(hello);
    };

    private static Func<byte[], byte[]> Extensions(Action<EncryptedExtensions> change) => bytes =>
    {
        Assert.IsFalse(EncryptedExtensions.TryRead(bytes.AsSpan(4), out EncryptedExtensions message).IsError);
        change(message);
        return MessageWriter.Frame(message);
    };

    private static Func<byte[], byte[]> Retry(NamedGroup? group, byte[]? cookie = null) => _ =>
    {
        ServerHello retry = ServerHello.RetryRequest(CipherSuite.Aes128GcmSha256, default);
        retry.RetryGroup = group;
        retry.Cookie = cookie;
        return MessageWriter.Frame(retry);
    };

    /// <summary>Adds an extension behind the others, which end the message; their length stands at an offset of the body.</summary>
    private static Func<byte[], byte[]> AddExtension(int lengthAt, byte[] extension) => bytes =>
    {
        byte[] body = [.. bytes[4..], .. extension];
        int length = ((body[lengthAt] << 8) | body[lengthAt + 1]) + extension.Length;
        (body[lengthAt], body[lengthAt + 1]) = ((byte)(length >> 8), (byte)length);
        return Reframe(bytes, body);
    };

    private static Func<byte[], byte[]> PrependExtension(byte[] extension) => bytes =>
    {
        byte[] body = [.. bytes[4..51], .. extension, .. bytes[51..]];
        int length = ((body[45] << 8) | body[46]) + extension.Length;
        (body[45], body[46]) = ((byte)(length >> 8), (byte)length);
        return Reframe(bytes, body);
    };

    private static byte[] Reframe(byte[] message, byte[] body) => [message[0], (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, .. body];

    private static byte[] Replace(byte[] bytes, ReadOnlySpan<byte> old, ReadOnlySpan<byte> replacement)
    {
        int at = bytes.AsSpan().IndexOf(old);
        Assert.IsGreaterThan(0, at);
        replacement.CopyTo(bytes.AsSpan(at));
        return bytes;
    }
}
