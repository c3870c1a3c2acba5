using CsCheck;
using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Tls;
using Net.Core.Tls.Messages;

namespace Net.Tests.Core.Tls;

/// <summary>Messages of the handshake: what is written is what is read, and what is not a message is refused for little memory.</summary>
[TestClass]
public sealed class HandshakePropertyTests
{
    private const int Times = 200;

    private static readonly Gen<ushort[]> s_numbers = Gen.UShort.Array[1, 40];
    private static readonly Gen<byte[]> s_bytes = Gen.Byte.Array[1, 300];
    private static readonly Gen<string> s_names = Gen.String[Gen.OneOf(Gen.Char['a', 'z'], Gen.Char['0', '9'], Gen.Const('-')), 1, 60].Array[1, 4].Select(labels => string.Join('.', labels));
    private static readonly Gen<NamedGroup[]> s_groups =
        Gen.Shuffle(new[] { NamedGroup.X25519, NamedGroup.Secp256r1, NamedGroup.Secp384r1 }).SelectMany(groups => Gen.Int[0, 3].Select(count => groups[..count]));
    private static readonly Gen<PskOffer?> s_offers = Gen.Select(s_bytes, Gen.UInt, Gen.Byte.Array[32, 48]).Array[0, TlsLimits.PskIdentities].Select(entries => entries.Length == 0 ? null : new PskOffer
    {
        Identities = [.. entries.Select(entry => new PskIdentity(entry.Item1, entry.Item2))],
        Binders = [.. entries.Select(entry => entry.Item3)],
    });

    private delegate TransportError Reader<T>(ReadOnlySpan<byte> body, out T message);

    [TestMethod]
    public void Client_hellos() => Gen.Select(
        Gen.Select(Gen.Byte.Array[32], s_numbers, s_names.Null(), Gen.Byte.Array[1, 255].Array[1, 5].Null()),
        Gen.Select(s_numbers.Null(), s_numbers.Null(), s_groups.SelectMany(groups => s_bytes.Array[groups.Length].Select(keys => groups.Zip(keys)))),
        Gen.Select(s_bytes.Null(), s_bytes.Null(), Gen.Bool, Gen.Byte.Array[1, 5].Null(), s_offers)).Sample(
        (first, second, third) => Check<ClientHello>(
            new()
            {
                Random = first.Item1,
                CipherSuites = first.Item2,
                ServerName = first.Item3,
                ApplicationProtocols = first.Item4,
                Groups = second.Item1,
                SignatureSchemes = second.Item2,
                KeyShares = [.. second.Item3.Select(share => new KeyShareEntry(share.First, share.Second))],
                Cookie = third.Item1,
                TransportParameters = third.Item2,
                HasEarlyData = third.Item3,
                PskModes = third.Item4,
                PreSharedKey = third.Item5,
            },
            ClientHello.TryRead),
        iter: Times, threads: 1);

    [TestMethod]
    public void Server_hellos() => Gen.Select(Gen.Byte.Array[32], s_groups, s_bytes, Gen.UShort.Nullable(), Gen.UShort).Sample(
        (random, groups, key, identity, suite) => Check<ServerHello>(
            new()
            {
                Random = random,
                Suite = (CipherSuite)suite,
                KeyShare = groups.Length > 0 ? new KeyShareEntry(groups[0], key) : null,
                SelectedIdentity = identity,
            },
            ServerHello.TryRead),
        iter: Times, threads: 1);

    [TestMethod]
    public void Requests_to_retry() => Gen.Select(Gen.UShort, Gen.UShort, s_bytes.Null()).Sample(
        (suite, group, cookie) =>
        {
            ServerHello message = ServerHello.RetryRequest((CipherSuite)suite, (NamedGroup)group);
            message.Cookie = cookie;
            Check(message, ServerHello.TryRead);
        },
        iter: Times, threads: 1);

    [TestMethod]
    public void Encrypted_extensions() => Gen.Select(Gen.Byte.Array[1, 255].Null(), Gen.Byte.Array[0, 300].Null(), Gen.Bool, Gen.Bool).Sample(
        (protocol, parameters, named, early) => Check<EncryptedExtensions>(
            new() { ApplicationProtocol = protocol, TransportParameters = parameters, AcknowledgesServerName = named, AcceptsEarlyData = early }, EncryptedExtensions.TryRead),
        iter: Times, threads: 1);

    [TestMethod]
    public void Certificate_requests() => Gen.Select(s_numbers, s_bytes.Array[0, 20]).Sample(
        (schemes, authorities) => Check<CertificateRequest>(new() { SignatureSchemes = schemes, Authorities = authorities }, CertificateRequest.TryRead),
        iter: Times, threads: 1);

    [TestMethod]
    public void Certificates() => s_bytes.Array[0, TlsLimits.CertificateChain].Sample(
        chain => Check<Certificate>(new() { Chain = chain }, Certificate.TryRead), iter: Times, threads: 1);

    [TestMethod]
    public void Certificate_proofs() => Gen.Select(Gen.UShort, Gen.Byte.Array[0, 600]).Sample(
        (scheme, signature) => Check<CertificateVerify>(new() { Scheme = (SignatureScheme)scheme, Signature = signature }, CertificateVerify.TryRead),
        iter: Times, threads: 1);

    [TestMethod]
    public void Session_tickets() => Gen.Select(Gen.UInt, Gen.UInt, Gen.Byte.Array[0, 255], s_bytes, Gen.Bool).Sample(
        (lifetime, add, nonce, ticket, early) => Check<NewSessionTicket>(
            new() { Lifetime = lifetime, AgeAdd = add, Nonce = nonce, Ticket = ticket, AllowsEarlyData = early }, NewSessionTicket.TryRead),
        iter: Times, threads: 1);

    /// <summary>
    /// Reads what was written, and writes it again: the same bytes. Then with bits turned, bytes cut, doubled and taken from elsewhere: whatever it is
    /// then, it is read or refused, at the cost of a small multiple of its own length, and what is read from it is itself a message.
    /// </summary>
    private static void Check<T>(T message, Reader<T> read) where T : IHandshakeMessage
    {
        byte[] bytes = MessageWriter.Frame(message);
        Assert.IsFalse(read(bytes.AsSpan(4), out T same).IsError);
        CollectionAssert.AreEqual(bytes, MessageWriter.Frame(same));

        Random random = new(bytes.Length + bytes[^1]);
        for (int round = 0; round < 10; round++)
        {
            byte[] hostile = Mutate(random, bytes[4..], round);
            long before = GC.GetAllocatedBytesForCurrentThread();
            TransportError error = read(hostile, out T changed);
            long spent = GC.GetAllocatedBytesForCurrentThread() - before;
            // The dearest are application protocols of one byte: two bytes for an array of its own.
            Assert.IsLessThan(2_000 + (40L * hostile.Length), spent, $"{hostile.Length} bytes");
            // The key of a group that we do not know is not kept (checklist S41): then there is nothing to write.
            if (!error.IsError && changed is not ServerHello { KeyShare.PublicKey.Length: 0 })
            {
                // What we do not know is not written again, so the bytes may differ; what is known does not.
                byte[] again = MessageWriter.Frame(changed);
                Assert.IsFalse(read(again.AsSpan(4), out T once).IsError);
                CollectionAssert.AreEqual(again, MessageWriter.Frame(once));
            }
        }
    }

    private static byte[] Mutate(Random random, byte[] bytes, int round)
    {
        byte[] changed = [.. bytes];
        switch (round % 4)
        {
            case 0:
                changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
                return changed;
            case 1:
                return changed[..random.Next(changed.Length)];
            case 2:
                int at = random.Next(changed.Length), length = random.Next(changed.Length - at) + 1;
                return [.. changed[..at], .. changed[at..(at + length)], .. changed[at..]];
            default:
                random.NextBytes(changed.AsSpan(random.Next(changed.Length)));
                return changed;
        }
    }
}
