using Net.Core.Time;
using Net.Migration.Directory;

namespace Net.Tests.Migration.Directory;

[TestClass]
public sealed class FailureDetectorTests
{
    private static Instant At(double seconds) => new((long)(seconds * TimeSpan.TicksPerSecond));

    /// <summary>Goal: silence of three seconds is death, once; its name is free then, and its heartbeats do not count any more.</summary>
    [TestMethod]
    public void A_silent_member_dies_once()
    {
        FailureDetector detector = new();
        Assert.IsTrue(detector.TryJoin(OwnershipTests.A, At(0)));
        Assert.IsFalse(detector.TryJoin(OwnershipTests.A with { Incarnation = 7 }, At(1)), "the name is in use");
        Assert.IsTrue(detector.OnHeartbeat(OwnershipTests.A, At(1)));
        Assert.AreEqual(At(4), detector.Deadline);
        detector.Tick(At(3.9));
        Assert.IsFalse(detector.TryTakeDead(out _));
        detector.Tick(At(4));
        Assert.IsTrue(detector.TryTakeDead(out Member? dead));
        Assert.AreEqual(OwnershipTests.A, dead);
        detector.Tick(At(9));
        Assert.IsFalse(detector.TryTakeDead(out _));
        Assert.IsFalse(detector.OnHeartbeat(OwnershipTests.A, At(9)));
        Assert.IsTrue(detector.TryJoin(OwnershipTests.A with { Incarnation = 7 }, At(9)));
    }

    /// <summary>Goal: however late an answer comes, the lease that it gives has run out before the failure detector's time has.</summary>
    [TestMethod]
    public void A_lease_ends_before_its_holder_is_declared_dead()
    {
        SendLease lease = new();
        Assert.IsFalse(lease.IsHeld(At(0)));
        lease.OnHeartbeatSent(1, At(10));
        lease.OnHeartbeatAnswered(1);
        lease.OnHeartbeatAnswered(99);
        // At the earliest the heartbeat arrived when it was sent.
        Assert.IsLessThan(At(10) + FailureDetector.Timeout, lease.End);
        Assert.IsTrue(lease.IsHeld(At(12.7)));
        Assert.IsFalse(lease.IsHeld(At(12.8)));
        for (ulong i = 2; i < 40; i++)
        {
            lease.OnHeartbeatSent(i, At(10));
        }

        lease.OnHeartbeatAnswered(2);
        Assert.AreEqual(At(12.75), lease.End, "a forgotten heartbeat changes nothing");
    }

    /// <summary>Goal: after a forced take-over nothing leaves through an ingress before it has confirmed or the old lease has ended.</summary>
    [TestMethod]
    public void A_new_owner_waits_for_each_ingress_or_the_lease()
    {
        TakeOverGate gate = new([1, 2], TimeSpan.FromSeconds(2), At(5));
        Assert.AreEqual(At(7), gate.Deadline);
        gate.OnConfirmed(1);
        Assert.IsFalse(gate.MaySend(At(6.9)));
        Assert.IsTrue(gate.MaySend(At(7)));
        gate.OnConfirmed(2);
        Assert.IsTrue(gate.MaySend(At(5)));
        Assert.AreEqual(Instant.Never, gate.Deadline);
    }
}
