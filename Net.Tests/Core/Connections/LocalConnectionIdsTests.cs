using Net.Core.Connections;
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

    private static LocalConnectionIds Issued()
    {
        LocalConnectionIds ids = new(shard: 7, new byte[16]);
        ids.OnPeerLimit(2);
        ids.Issue();
        return ids;
    }
}
