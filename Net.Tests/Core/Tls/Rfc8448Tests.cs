using Net.Core.Crypto;
using Net.Core.Tls;
using Net.Core.Tls.Messages;

namespace Net.Tests.Core.Tls;

/// <summary>The trace of RFC 8448, section 3: a simple 1-RTT handshake.</summary>
[TestClass]
public sealed class Rfc8448Tests
{
    private const CipherSuite Suite = CipherSuite.Aes128GcmSha256;

    private const string Hello =
        "010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113031302010000910000000b00090000067365727665" +
        "72ff01000100000a00140012001d0017001800190100010101020103010400230000003300260024001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c1" +
        "3cae4d5413691e529aaf2c002b0003020304000d0020001e040305030603020308040805080604010501060102010402050206020202002d00020101001c000240" +
        "01";

    private const string ServersHello =
        "020000560303a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e2692800130100002e00330024001d0020c9828876112095fe66762bdbf7" +
        "c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304";

    private const string Extensions = "080000240022000a00140012001d00170018001901000101010201030104001c0002400100000000";

    private const string Chain =
        "0b0001b9000001b50001b0308201ac30820115a003020102020102300d06092a864886f70d01010b0500300e310c300a06035504031303727361301e170d313630" +
        "3733303031323335395a170d3236303733303031323335395a300e310c300a0603550403130372736130819f300d06092a864886f70d010101050003818d003081" +
        "8902818100b4bb498f8279303d980836399b36c6988c0c68de55e1bdb826d3901a2461eafd2de49a91d015abbc9a95137ace6c1af19eaa6af98c7ced43120998e1" +
        "87a80ee0ccb0524b1b018c3e0b63264d449a6d38e22a5fda430846748030530ef0461c8ca9d9efbfae8ea6d1d03e2bd193eff0ab9a8002c47428a6d35a8d88d79f" +
        "7f1e3f0203010001a31a301830090603551d1304023000300b0603551d0f0404030205a0300d06092a864886f70d01010b05000381810085aad2a0e5b9276b908c" +
        "65f73a7267170618a54c5f8a7b337d2df7a594365417f2eae8f8a58c8f8172f9319cf36b7fd6c55b80f21a03015156726096fd335e5e67f2dbf102702e608ccae6" +
        "bec1fc63a42a99be5c3eb7107c3c54e9b9eb2bd5203b1c3b84e0a8b2f759409ba3eac9d91d402dcc0cc8f8961229ac9187b42b4de10000";

    private const string Proof =
        "0f000084080400805a747c5d88fa9bd2e55ab085a61015b7211f824cd484145ab3ff52f1fda8477b0b7abc90db78e2d33a5c141a078653fa6bef780c5ea248eeaa" +
        "a785c4f394cab6d30bbe8d4859ee511f602957b15411ac027671459e46445c9ea58c181e818e95b8c3fb0bf3278409d3be152a3da5043e063dda65cdf5aea20d53" +
        "dfacd42f74f3";

    private const string ServerFinished = "140000209b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718";
    private const string ClientFinished = "14000020a8ec436d677634ae525ac1fcebe11a039ec17694fac6e98527b642f2edd5ce61";

    /// <summary>Goal: transcript and key schedule give every secret and both Finished messages of the trace.</summary>
    [TestMethod]
    public void The_key_schedule_follows_the_trace()
    {
        Transcript transcript = new();
        KeySchedule schedule = new(Suite);
        schedule.AddSharedSecret(Convert.FromHexString("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"));

        Append(transcript, Hello, ServersHello);
        byte[] hash = transcript.Hash(Suite);
        byte[] client = schedule.ClientHandshakeTraffic(hash), server = schedule.ServerHandshakeTraffic(hash);
        AreEqual("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21", client);
        AreEqual("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38", server);

        Append(transcript, Extensions, Chain, Proof);
        AreEqual(ServerFinished[8..], schedule.VerifyData(server, transcript.Hash(Suite)));

        Append(transcript, ServerFinished);
        schedule.AddMaster();
        hash = transcript.Hash(Suite);
        AreEqual("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5", schedule.ClientApplicationTraffic(hash));
        AreEqual("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643", schedule.ServerApplicationTraffic(hash));
        AreEqual("fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50", schedule.ExporterMaster(hash));
        AreEqual(ClientFinished[8..], schedule.VerifyData(client, hash));

        Append(transcript, ClientFinished);
        AreEqual("7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c", schedule.ResumptionMaster(transcript.Hash(Suite)));
    }

    /// <summary>Goal: the key of a ticket, its binder and the 0-RTT secret are those of the trace in section 4.</summary>
    [TestMethod]
    public void A_resumed_session_follows_the_trace()
    {
        byte[] master = Convert.FromHexString("7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c");
        byte[] psk = KeySchedule.ResumptionPsk(Suite, master, [0, 0]);
        AreEqual("4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3", psk);

        KeySchedule schedule = new(Suite, psk);
        AreEqual(
            "3add4fb2d8fdf822a0ca3cf7678ef5e88dae990141c5924d57bb6fa31b9e5f9d",
            schedule.Binder(Convert.FromHexString("63224b2e4573f2d3454ca84b9d009a04f6be9e05711a8396473aefa01e924a14")));
        AreEqual(
            "3fbbe6a60deb66c30a32795aba0eff7eaa10105586e7be5c09678d63b6caab62",
            schedule.ClientEarlyTraffic(Convert.FromHexString("08ad0fa05d7c7233b1775ba2ff9f4c5b8b59276b7f227f13a976245f5d960913")));
    }

    /// <summary>Goal: the trace's messages parse, and what we understand of them is what the RFC says.</summary>
    [TestMethod]
    public void The_messages_of_the_trace_parse()
    {
        Assert.IsFalse(ClientHello.TryRead(Body(Hello), out ClientHello hello).IsError);
        Assert.AreEqual("server", hello.ServerName);
        CollectionAssert.AreEqual(new ushort[] { 0x1301, 0x1303, 0x1302 }, hello.CipherSuites);
        Assert.IsTrue(hello.OffersTls13);
        Assert.AreEqual(NamedGroup.X25519, hello.KeyShares!.Single().Group);
        Assert.HasCount(9, hello.Groups!);
        Assert.HasCount(15, hello.SignatureSchemes!);
        CollectionAssert.AreEqual(new byte[] { PskOffer.DheMode }, hello.PskModes);

        Assert.IsFalse(ServerHello.TryRead(Body(ServersHello), out ServerHello serverHello).IsError);
        AreEqual("c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f", serverHello.KeyShare!.Value.PublicKey);
        Assert.IsFalse(Certificate.TryRead(Body(Chain), out Certificate certificate).IsError);
        Assert.HasCount(432, certificate.Chain.Single());
        Assert.IsFalse(CertificateVerify.TryRead(Body(Proof), out CertificateVerify verify).IsError);
        Assert.AreEqual(SignatureScheme.RsaPssRsaeSha256, verify.Scheme);
        AreEqual(ServersHello.Replace("00330024001d0020c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f002b00020304", "", StringComparison.Ordinal)
            + "002b0002030400330024001d0020c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f", MessageWriter.Frame(serverHello));
        AreEqual(Chain, MessageWriter.Frame(certificate));
        AreEqual(Proof, MessageWriter.Frame(verify));
    }

    private static void Append(Transcript transcript, params ReadOnlySpan<string> messages)
    {
        foreach (string message in messages)
        {
            transcript.Append(Convert.FromHexString(message));
        }
    }

    private static byte[] Body(string message) => Convert.FromHexString(message)[HandshakeMessage.HeaderLength..];

    private static void AreEqual(string expected, byte[] actual) => Assert.AreEqual(expected, Convert.ToHexStringLower(actual));
}
