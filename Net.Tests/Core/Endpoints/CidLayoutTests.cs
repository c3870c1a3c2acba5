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
        Assert.IsTrue(CidLayout.TryReadShard(cid, out uint shard));
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
            Assert.IsFalse(CidLayout.TryReadShard(cid.AsSpan(0, length), out _));
        }

        Assert.IsFalse(CidLayout.TryReadShard([.. cid, 0], out _));
        cid[0] = 0x0B;
        Assert.IsFalse(CidLayout.TryReadShard(cid, out _), "length octet");
        cid[0] = 0xEC;
        Assert.IsFalse(CidLayout.TryReadShard(cid, out _), "configuration 7");
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
