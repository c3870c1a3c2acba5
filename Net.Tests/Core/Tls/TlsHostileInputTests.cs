using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Tls;
using Net.Core.Tls.Messages;
using Net.Core.Wire;

namespace Net.Tests.Core.Tls;

/// <summary>Whatever a peer sends, the answer is a value: nothing throws, and nothing grows beyond its limit.</summary>
[TestClass]
public sealed class TlsHostileInputTests
{
    private delegate TransportError Reader(ReadOnlySpan<byte> body);

    /// <summary>Goal: no mutation of a message within a handshake makes either side throw. Method: each message in turn, 60 seeds each.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Mutated_messages_never_throw(bool retry)
    {
        // Keys, certificates and signatures of a seed too, so that a failing run can be repeated.
        DeterministicSigner signer = new(System.Security.Cryptography.SHA512.HashData("mutations"u8));
        TlsCredential credential = new([signer.CreateCertificate("server.test", DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200))], signer);
        HandshakePair Make(ulong seed)
        {
            HandshakePair pair = new(
                serverGroups: retry ? [NamedGroup.Secp256r1] : null,
                mode: ClientCertificates.Require,
                clientCredential: credential,
                seed: seed);
            pair.ServerHost.ServerCredential = credential;
            return pair;
        }

        int count = Make(0).Run().Log.Count;
        int refused = 0;
        for (int step = 0; step < count; step++)
        {
            for (int seed = 0; seed < 60; seed++)
            {
                Random random = new(seed + (step * 1000));
                HandshakePair pair = Make((ulong)seed);
                int delivered = 0;
                pair.Tamper = (_, bytes) => delivered++ == step ? Mutate(random, bytes) : null;
                pair.Run();
                refused += pair.IsComplete ? 0 : 1;
            }
        }

        Assert.IsGreaterThan(count * 60 * 9 / 10, refused, "every byte of a handshake is covered by a check or by Finished");
    }

    /// <summary>Goal: no parser throws on mutated, cut or random bodies.</summary>
    [TestMethod]
    public void Parsers_never_throw()
    {
        Dictionary<HandshakeType, Reader> readers = new()
        {
            [HandshakeType.ClientHello] = static body => ClientHello.TryRead(body, out _),
            [HandshakeType.ServerHello] = static body => ServerHello.TryRead(body, out _),
            [HandshakeType.EncryptedExtensions] = static body => EncryptedExtensions.TryRead(body, out _),
            [HandshakeType.CertificateRequest] = static body => Net.Core.Tls.Messages.CertificateRequest.TryRead(body, out _),
            [HandshakeType.Certificate] = static body => Certificate.TryRead(body, out _),
            [HandshakeType.CertificateVerify] = static body => CertificateVerify.TryRead(body, out _),
            [HandshakeType.NewSessionTicket] = static body => NewSessionTicket.TryRead(body, out _),
        };
        List<byte[]> messages = [.. new HandshakePair(mode: ClientCertificates.Require, clientCredential: TestHost.Client).Run().Log.Select(m => m.Bytes)];
        messages.Add(MessageWriter.Frame(ServerHello.RetryRequest(CipherSuite.Aes128GcmSha256, NamedGroup.X25519)));
        messages.Add(MessageWriter.Frame(new NewSessionTicket { Nonce = [1], Ticket = [2] }));
        messages.Add(MessageWriter.Frame(new Net.Core.Tls.Messages.CertificateRequest { SignatureSchemes = [0x0403], Authorities = [[1, 2], [3]] }));
        Random random = new(8446);
        foreach (byte[] message in messages.Where(m => readers.ContainsKey((HandshakeType)m[0])))
        {
            Reader read = readers[(HandshakeType)message[0]];
            Assert.IsFalse(read(message.AsSpan(4)).IsError);
            for (int length = 0; length < message.Length - 4; length++)
            {
                Assert.IsTrue(read(message.AsSpan(4, length)).IsError, "a message that is cut short is refused");
            }

            for (int i = 0; i < 2_000; i++)
            {
                byte[] mutated = Mutate(random, message);
                read(mutated.AsSpan(int.Min(4, mutated.Length)));
                byte[] noise = new byte[random.Next(200)];
                random.NextBytes(noise);
                read(noise);
            }
        }
    }

    /// <summary>Goal: 64 kB of handshake data are held, not a byte more (checklist S38).</summary>
    [TestMethod]
    public void The_buffer_has_a_limit()
    {
        // A message that says to be too long is not waited for.
        HandshakePair pair = new();
        Assert.AreEqual(TransportErrorCode.CryptoBufferExceeded, pair.Server.OnCrypto(EncryptionLevel.Initial, [1, 0, 0xFF, 0xFD]).Code);

        // The longest one is, piece by piece, and then parsed.
        pair = new();
        byte[] longest = new byte[TlsLimits.HandshakeBuffer];
        (longest[0], longest[2], longest[3]) = (1, 0xFF, 0xFC);
        for (int at = 0; at < longest.Length - 1; at += 1000)
        {
            Assert.IsFalse(pair.Server.OnCrypto(EncryptionLevel.Initial, longest.AsSpan(at, int.Min(1000, longest.Length - 1 - at))).IsError);
        }

        Assert.AreNotEqual(TransportErrorCode.CryptoBufferExceeded, pair.Server.OnCrypto(EncryptionLevel.Initial, [0]).Code);

        // What arrives while a request is under way is buffered up to the limit.
        pair = new();
        pair.Client.TryTakeRequest(out _);
        Assert.IsFalse(pair.Client.OnCrypto(EncryptionLevel.Initial, new byte[TlsLimits.HandshakeBuffer]).IsError);
        Assert.AreEqual(TransportErrorCode.CryptoBufferExceeded, pair.Client.OnCrypto(EncryptionLevel.Initial, [0]).Code);
    }

    /// <summary>Goal: bombs of extensions, key shares, names and protocols are parsed and judged (checklist S41).</summary>
    [TestMethod]
    public void S41_bombs_are_defused()
    {
        HandshakePair pair = new();
        pair.Run();
        Assert.IsFalse(ClientHello.TryRead(pair.Log[0].Bytes.AsSpan(4), out ClientHello hello).IsError);

        // 16,000 different unknown extensions are skipped.
        byte[] frame = pair.Log[0].Bytes;
        List<byte> extensions = [.. frame[51..]];
        for (int type = 0x2000; type < 0x2000 + 16_000; type++)
        {
            extensions.AddRange([(byte)(type >> 8), (byte)type, 0, 0]);
        }

        byte[] body = [.. frame[4..49], (byte)(extensions.Count >> 8), (byte)extensions.Count, .. extensions];
        Assert.IsFalse(ClientHello.TryRead(body, out _).IsError);

        // 12,000 key shares of unknown groups are counted, not kept.
        hello.KeyShares = [hello.KeyShares![0], .. Enumerable.Range(0, 12_000).Select(i => new KeyShareEntry((NamedGroup)(0x4000 + i), [1]))];
        Assert.IsFalse(ClientHello.TryRead(MessageWriter.Frame(hello).AsSpan(4), out ClientHello many).IsError);
        Assert.HasCount(1, many.KeyShares!);
        Assert.AreEqual(12_001, many.KeyShareCount);

        hello.KeyShares = null;
        hello.ApplicationProtocols = [.. Enumerable.Repeat(new byte[] { 1 }, TlsLimits.ApplicationProtocols)];
        Assert.IsFalse(ClientHello.TryRead(MessageWriter.Frame(hello).AsSpan(4), out _).IsError);
        hello.ApplicationProtocols = [.. Enumerable.Repeat(new byte[] { 1 }, TlsLimits.ApplicationProtocols + 1)];
        Assert.IsTrue(ClientHello.TryRead(MessageWriter.Frame(hello).AsSpan(4), out _).IsError);

        Net.Core.Tls.Messages.CertificateRequest request = new()
        {
            SignatureSchemes = [0x0403],
            Authorities = [.. Enumerable.Repeat(new byte[] { 1 }, 10_000)],
        };
        Assert.IsFalse(Net.Core.Tls.Messages.CertificateRequest.TryRead(MessageWriter.Frame(request).AsSpan(4), out request).IsError);
        Assert.HasCount(TlsLimits.Authorities, request.Authorities);
    }

    /// <summary>Goal: names that could be more than names are refused; case does not matter.</summary>
    [TestMethod]
    [DataRow("WWW.Example.ORG", "www.example.org")]
    [DataRow("a_b-c.d", "a_b-c.d")]
    [DataRow("", null)]
    [DataRow("a.", null)]
    [DataRow("a\0b", null)]
    [DataRow("a/../b", null)]
    [DataRow("a b", null)]
    public void Server_names(string sent, string? expected)
    {
        byte[] name = System.Text.Encoding.ASCII.GetBytes(sent);
        byte[] body = [0, (byte)(name.Length + 3), 0, 0, (byte)name.Length, .. name];
        TransportError error = ServerNames.TryRead(body, out string? read);
        Assert.AreEqual(expected is null, error.IsError);
        Assert.AreEqual(expected, error.IsError ? null : read);
        Assert.IsTrue(ServerNames.TryRead([.. body, 0], out _).IsError);
        Assert.IsTrue(ServerNames.TryRead([0, 0], out _).IsError);
    }

    private static byte[] Mutate(Random random, byte[] original)
    {
        byte[] bytes = [.. original];
        for (int changes = random.Next(1, 4); changes > 0 && bytes.Length > 0; changes--)
        {
            int at = random.Next(bytes.Length);
            switch (random.Next(5))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256) == bytes[at] ? (byte)~bytes[at] : (byte)0xFF; break;
                case 2: bytes = [.. bytes[..at], .. bytes[int.Min(bytes.Length, at + random.Next(1, 8))..]]; break;
                case 3: bytes = [.. bytes[..at], .. bytes[at..int.Min(bytes.Length, at + random.Next(1, 40))], .. bytes[at..]]; break;
                default: bytes[at] = 0; break;
            }
        }

        return bytes;
    }
}
