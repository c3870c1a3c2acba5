using System.Security.Cryptography;
using Net.Core.Crypto;
using Net.Core.Wire;

namespace Net.Tests.Core.Crypto;

/// <summary>Goal: the bytes of RFC 9001, appendix A, come out of every implementation.</summary>
[TestClass]
public sealed class Rfc9001Tests
{
    private static readonly ConnectionId Destination = new(Hex("8394c8f03e515708"));

    public static IEnumerable<object[]> Suites => [["vector"], ["narrow"], ["base"], ["managed"], ["default"]];

    [TestMethod]
    public void A1_secrets_and_keys()
    {
        (byte[] client, byte[] server) = Initial();
        CollectionAssert.AreEqual(Hex("c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea"), client);
        CollectionAssert.AreEqual(Hex("3c199828fd139efd216c155ad844cc81fb82fa8d7446fa7d78be803acdda951b"), server);
        using PacketKeys clientKeys = new(InitialSecrets.Suite, client, client, 1);
        Assert.AreEqual("1f369613dd76d5467730efcbe3b1a22d", Convert.ToHexStringLower(clientKeys.Key));
        Assert.AreEqual("fa044b2f42a3fd3b46fb255c", Convert.ToHexStringLower(clientKeys.Iv));
        Assert.AreEqual("9f50449e04a0e810283a1e9933adedd2", Convert.ToHexStringLower(clientKeys.HeaderKey));
        using PacketKeys serverKeys = new(InitialSecrets.Suite, server, server, 1);
        Assert.AreEqual("cf3a5331653c364c88f0f379b6067e37", Convert.ToHexStringLower(serverKeys.Key));
        Assert.AreEqual("0ac1493ca1905853b0bba03e", Convert.ToHexStringLower(serverKeys.Iv));
        Assert.AreEqual("c206b8d9b9f0f37644430b490eeaa314", Convert.ToHexStringLower(serverKeys.HeaderKey));
    }

    /// <summary>The packet's beginning and its end; the end is the tag over everything between.</summary>
    [TestMethod]
    [DynamicData(nameof(Suites))]
    public void A2_client_initial(string name)
    {
        byte[] header = Hex("c300000001088394c8f03e5157080000449e00000002");
        byte[] payload = new byte[1162];
        Hex("060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff").CopyTo(payload, 0);
        byte[] packet = [.. header, .. payload, .. new byte[16]];
        Assert.HasCount(1200, packet);

        using PacketProtection keys = Create(name, InitialSecrets.Suite, Initial().Client);
        keys.Seal(packet, 18, 4, 2);
        string sealedPacket = Convert.ToHexStringLower(packet);
        Assert.StartsWith("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c0bab7df5976d27cd449f63300099f3991c260ec4c60d17b31f8429157bb35a1282a643a8d2262cad67500cadb8e7378c8eb7539ec4d4905fed1bee1fc8aafba17c750e2c7ace01e6005f80fcb7df621230c83711b39343fa028cea7f7fb5ff89eac2308249a02252155e2347b63d58c5457afd84d05dfffdb20392844ae812154682e9cf012f9021a6f0be17ddd0c2084dce25ff9b06cde535d0f920a2db1bf362c23e596d11a4f5a6cf3948838a3aec4e15daf8500a6ef69ec4e3feb6b1d98e610ac8b7ec3faf6ad760b7bad1db4ba3485e8a94dc250ae3fdb41ed15fb6a8e5eba0fc3dd60bc8e30c5c4287e53805db059ae0648db2f64264ed5e39be2e20d82df566da8dd5998ccabdae053060ae6c7b4378e846d29f37ed7b4ea9ec5d82e7961b7f25a9323851f681d582363aa5f89937f5a67258bf63ad6f1a0b1d96dbd4faddfcefc5266ba6611722395c906556be52afe3f565636ad1b17d508b73d8743eeb524be22b3dcbc2c7468d54119c7468449a13d8e3b95811a198f3491de3e7fe942b330407abf82a4ed7c1b311663ac69890f4157015853d91e923037c227a33cdd5ec281ca3f79c44546b9d90ca00f064c99e3dd97911d39fe9c5d0b23a229a234cb36186c4819e8b9c5927726632291d6a418211cc2962e20fe47feb3edf330f2c603a9d48c0fcb5699dbfe589", sealedPacket);
        Assert.EndsWith("c8c0aea8078cdfcb3868263ff8f0940054da48781893a7e49ad5aff4af300cd804a6b6279ab3ff3afb64491c85194aab760d58a606654f9f4400e8b38591356fbf6425aca26dc85244259ff2b19c41b9f96f3ca9ec1dde434da7d2d392b905ddf3d1f9af93d1af5950bd493f5aa731b4056df31bd267b6b90a079831aaf579be0a39013137aac6d404f518cfd46840647e78bfe706ca4cf5e9c5453e9f7cfd2b8b4c8d169a44e55c88d4a9a7f9474241e221af44860018ab0856972e194cd934", sealedPacket);

        Assert.IsTrue(keys.TryUnmask(packet, 18, out int length, out uint truncated));
        Assert.AreEqual((4, 2u), (length, truncated));
        Assert.IsTrue(keys.TryOpen(packet, 22, 2));
        CollectionAssert.AreEqual(payload, packet[22..^16]);
    }

    [TestMethod]
    [DynamicData(nameof(Suites))]
    public void A3_server_initial(string name)
    {
        byte[] packet = [.. Hex("c1000000010008f067a5502a4262b50040750001"), .. Hex("02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a1200130100002e00330024001d00209d3c940d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00020304"), .. new byte[16]];
        using PacketProtection keys = Create(name, InitialSecrets.Suite, Initial().Server);
        keys.Seal(packet, 18, 2, 1);
        Assert.AreEqual("cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee", Convert.ToHexStringLower(packet));
    }

    [TestMethod]
    public void A4_retry()
    {
        byte[] retry = Hex("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba");
        Assert.IsTrue(RetryIntegrity.Verify(1, retry, Destination));
        byte[] tag = new byte[16];
        RetryIntegrity.Compute(1, retry.AsSpan(0, retry.Length - 16), Destination, tag);
        CollectionAssert.AreEqual(retry[^16..], tag);
        Assert.IsFalse(RetryIntegrity.Verify(1, retry.AsSpan(0, 15), Destination));
        Assert.IsFalse(RetryIntegrity.Verify(1, retry, new ConnectionId([1])));
        for (int i = 0; i < retry.Length; i++)
        {
            retry[i] ^= 1;
            Assert.IsFalse(RetryIntegrity.Verify(1, retry, Destination));
            retry[i] ^= 1;
        }
    }

    [TestMethod]
    [DataRow("base")]
    [DataRow("managed")]
    [DataRow("default")]
    public void A5_chacha20_short_header(string name)
    {
        byte[] secret = Hex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b");
        byte[] packet = [.. Hex("4200bff401"), .. new byte[16]];
        using PacketProtection keys = Create(name, CipherSuite.ChaCha20Poly1305Sha256, secret);
        keys.Seal(packet, 1, 3, 654360564);
        Assert.AreEqual("4cfe4189655e5cd55c41f69080575d7999c25a5bfb", Convert.ToHexStringLower(packet));
        Assert.IsTrue(keys.TryUnmask(packet, 1, out int length, out uint truncated));
        Assert.AreEqual((3, 0x00BFF4u), (length, truncated));
        Assert.IsTrue(keys.TryOpen(packet, 4, 654360564));
        Assert.AreEqual(1, packet[4]);

        byte[] updated = new byte[32];
        Hkdf.ExpandLabel(HashAlgorithmName.SHA256, secret, "quic ku"u8, [], updated);
        CollectionAssert.AreEqual(Hex("1223504755036d556342ee9361d253421a826c9ecdf3c7148684b36b714881f9"), updated);
    }

    internal static PacketProtection Create(string name, CipherSuite suite, byte[] secret)
    {
        IProtectionSuite implementation = name switch
        {
            "vector" => ProtectionSuites.Vector,
            "narrow" => new VectorSuite(wide: false),
            "base" => ProtectionSuites.BaseLibrary,
            "managed" => ProtectionSuites.Managed,
            _ => ProtectionSuites.Default,
        };
        if (!implementation.Supports(suite))
        {
            Assert.Inconclusive("not on this machine");
        }

        return implementation.Create(suite, secret, secret);
    }

    internal static byte[] Hex(string hex) => Convert.FromHexString(hex);

    private static (byte[] Client, byte[] Server) Initial()
    {
        byte[] client = new byte[32];
        byte[] server = new byte[32];
        InitialSecrets.Derive(1, Destination, client, server);
        return (client, server);
    }
}
