using Net.Core.Crypto;
using Net.Core.Endpoints;

namespace Net.Tests.Core.Endpoints;

[TestClass]
public sealed class CidLayoutTests
{
    /// <summary>Goal: the octets are exactly those of QUIC-LB's plaintext form, and the shard comes back.</summary>
    [TestMethod]
    public void The_layout_is_that_of_the_draft()
    {
        byte[] cid = new byte[CidLayout.Length];
        CidLayout.Write(cid, 2, 0x01020304, [9, 8, 7, 6, 5, 4, 3, 2]);

        CollectionAssert.AreEqual(new byte[] { 0x4C, 1, 2, 3, 4, 9, 8, 7, 6, 5, 4, 3, 2 }, cid);
        Assert.IsTrue(CidLayout.TryReadShard(cid, null, out uint shard));
        Assert.AreEqual(0x01020304u, shard);
    }

    /// <summary>Goal: an ID of another length, another length octet or the unroutable configuration has no shard.</summary>
    [TestMethod]
    public void A_foreign_connection_ID_has_no_shard()
    {
        byte[] cid = new byte[CidLayout.Length];
        CidLayout.Write(cid, 0, 7, new byte[8]);

        for (int length = 0; length < CidLayout.Length; length++)
        {
            Assert.IsFalse(CidLayout.TryReadShard(cid.AsSpan(0, length), null, out _));
        }

        Assert.IsFalse(CidLayout.TryReadShard([.. cid, 0], null, out _));
        cid[0] = 0x0B;
        Assert.IsFalse(CidLayout.TryReadShard(cid, null, out _), "length octet");
        cid[0] = 0xEC;
        Assert.IsFalse(CidLayout.TryReadShard(cid, null, out _), "configuration 7");
    }

    /// <summary>Goal: with a key all behind the first octet is encrypted as the draft says, and the shard comes back under that key alone.</summary>
    [TestMethod]
    public void Behind_the_first_octet_all_is_encrypted()
    {
        byte[] nonce = [9, 8, 7, 6, 5, 4, 3, 2];
        CidCipher cipher = new("0123456789abcdef"u8), other = new("0123456789abcdeF"u8);
        byte[] cid = new byte[CidLayout.Length + 1], plain = [0, 0, 0, 7, .. nonce];
        CidLayout.Write(cid, 6, 7, nonce, cipher);
        cipher.Encrypt(plain);

        CollectionAssert.AreEqual((byte[])[0xCC, .. plain, 0], cid);
        Assert.IsTrue(CidLayout.TryReadConfig(cid.AsSpan(0, CidLayout.Length), out int config));
        Assert.AreEqual(6, config);
        Assert.IsTrue(CidLayout.TryReadShard(cid.AsSpan(0, CidLayout.Length), cipher, out uint shard));
        Assert.AreEqual(7u, shard);
        Assert.IsTrue(CidLayout.TryReadShard(cid.AsSpan(0, CidLayout.Length), other, out shard));
        Assert.AreNotEqual(7u, shard);
        Assert.IsFalse(CidLayout.TryReadShard(cid, cipher, out _), "length");
    }

    /// <summary>Goal: our own caller's mistakes are exceptions, before anything is written.</summary>
    [TestMethod]
    public void Wrong_arguments_are_refused()
    {
        byte[] cid = new byte[CidLayout.Length];
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => CidLayout.Write(cid, 7, 1, new byte[8]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => CidLayout.Write(cid, 0, 1, new byte[7]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => CidLayout.Write(cid.AsSpan(1), 0, 1, new byte[8]));
        CollectionAssert.AreEqual(new byte[CidLayout.Length], cid);
    }
}
