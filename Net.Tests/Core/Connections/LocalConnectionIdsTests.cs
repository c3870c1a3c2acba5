using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Tests.Core.Connections;

[TestClass]
public sealed class LocalConnectionIdsTests
{
    /// <summary>Goal: RFC 9000, section 19.16: the ID that a packet came to, or one that was never issued, cannot be retired by it.</summary>
    [TestMethod]
    public void An_ID_in_use_is_not_retired()
    {
        LocalConnectionIds ids = Issued();

        TransportError inUse = ids.On(new RetireConnectionIdFrame(0), arrivedWith: 0);
        TransportError unknown = ids.On(new RetireConnectionIdFrame(1000), arrivedWith: 0);

        Assert.AreEqual(TransportErrorCode.ProtocolViolation, inUse.Code);
        Assert.AreEqual(TransportErrorCode.ProtocolViolation, unknown.Code);
        CollectionAssert.Contains(ids.Active.ToArray(), 0UL);
    }

    /// <summary>Goal: a retired ID leaves the routes and is replaced by exactly one new one; a repeated frame changes nothing.</summary>
    [TestMethod]
    public void A_retired_ID_is_replaced_once()
    {
        LocalConnectionIds ids = Issued();
        while (ids.TryTakeChange(out _))
        {
        }

        Assert.IsFalse(ids.On(new RetireConnectionIdFrame(0), arrivedWith: 1).IsError);
        Assert.IsFalse(ids.On(new RetireConnectionIdFrame(0), arrivedWith: 1).IsError);

        Assert.IsTrue(ids.TryTakeChange(out LocalConnectionIds.Change removed));
        Assert.AreEqual(new(0, IsAdded: false), removed);
        Assert.IsTrue(ids.TryTakeChange(out LocalConnectionIds.Change added));
        Assert.AreEqual(new(2, IsAdded: true), added);
        Assert.IsFalse(ids.TryTakeChange(out _));
        CollectionAssert.AreEqual(new[] { 1UL, 2UL }, ids.Active.ToArray());
    }

    /// <summary>
    /// Goal: RFC 9000, section 9.5: two IDs of one connection have nothing in common but the octet that all of the federation have, and no more with each other than with those of
    /// another connection; unencrypted, the shard tells. Under the same keys they are always the same.
    /// </summary>
    [TestMethod]
    public void Encrypted_IDs_of_one_connection_are_not_linked()
    {
        ConnectionKeys plain = new(1, 2, new byte[32], new byte[32]), keys = plain with { Cipher = new("0123456789abcdef"u8) };
        int own = 0, others = 0;
        for (byte i = 0; i < 200; i++)
        {
            LocalConnectionIds one = new(shard: 7, Enumerable.Repeat(i, 16).ToArray()), other = new(shard: 8, Enumerable.Repeat((byte)(255 - i), 16).ToArray());
            for (ulong number = 1; number <= 20; number++)
            {
                own += InCommon(one.Derive(keys, 0), one.Derive(keys, number));
                others += InCommon(one.Derive(keys, 0), other.Derive(keys, number));
                Assert.IsGreaterThanOrEqualTo(4, InCommon(one.Derive(plain, 0), one.Derive(plain, number)));
            }

            Assert.AreEqual(one.Derive(keys, 5), one.Derive(keys, 5));
            Assert.AreEqual(0x4C, one.Derive(keys, 5).Span[0]);
            Assert.IsTrue(CidLayout.TryReadShard(one.Derive(keys, 5).Span, keys.Cipher, out uint shard));
            Assert.AreEqual(7u, shard);
        }

        // One octet in 256: 187 of 48,000, with a deviation of 14.
        Assert.IsTrue(own is > 110 and < 265 && others is > 110 and < 265, $"{own}, {others}");

        static int InCommon(ConnectionId a, ConnectionId b) => Enumerable.Range(1, a.Length - 1).Count(i => a.Span[i] == b.Span[i]);
    }

    private static LocalConnectionIds Issued()
    {
        LocalConnectionIds ids = new(shard: 7, new byte[16]);
        ids.OnPeerLimit(2);
        ids.Issue();
        return ids;
    }
}
