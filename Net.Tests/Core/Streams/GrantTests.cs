using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Time;

namespace Net.Tests.Core.Streams;

[TestClass]
public sealed class GrantTests
{
    /// <summary>Goal: a peer that says "blocked" is answered early once per half window, and a move gives it no second turn.</summary>
    [TestMethod]
    public void A_blocked_peer_is_hurried_once_also_across_moves()
    {
        Grant grant = new(1000);
        grant.Return(100);
        grant.OnBlocked(1000);
        Assert.IsTrue(grant.IsPending, "the first time it is told early");
        grant.OnTold();
        grant.Return(10);
        grant = Move(grant);

        grant.OnBlocked(1100);
        Assert.IsFalse(grant.IsPending, "ten bytes are not worth a second frame");
        grant.Return(489);
        grant.OnBlocked(1100);
        Assert.IsFalse(grant.IsPending);
        grant.Return(1);
        grant.OnBlocked(1100);
        Assert.IsTrue(grant.IsPending, "half a window later it is");
    }

    private static Grant Move(in Grant grant)
    {
        Instant now = new(TimeSpan.TicksPerDay);
        SnapshotWriter writer = new(now);
        grant.Export(writer);
        SnapshotReader reader = new(writer.Written.ToArray(), now);
        Grant copy = Grant.Import(reader, ReceiveBuffer.MaxWindow);
        reader.End();
        return copy;
    }
}
