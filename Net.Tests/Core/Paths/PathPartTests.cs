using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Tests.Core.Connections;

namespace Net.Tests.Core.Paths;

[TestClass]
public sealed class PathPartTests
{
    private static readonly NetworkPath s_home = new(ConnectionPair.Address("10.0.0.1:1000"), ConnectionPair.Address("10.0.0.2:443"), 3);
    private static readonly NetworkPath s_away = new(ConnectionPair.Address("[2001:db8::1]:2000"), ConnectionPair.Address("10.0.0.2:443"), 4);
    private static readonly NetworkPath s_probed = new(ConnectionPair.Address("10.9.9.9:9"), ConnectionPair.Address("10.0.0.2:443"), 0);

    /// <summary>Goal: both addresses, the credit, challenges and responses on their way travel; an answer proves the path at the new owner.</summary>
    [TestMethod]
    public void PathState_travels()
    {
        PathState state = new(s_home, isProven: true);
        state.OnRebound(s_away, 1000, challenge: 42, otherChallenge: 43, new Instant(TimeSpan.TicksPerDay) + TimeSpan.FromSeconds(3));
        state.OnSent(600);
        state.On(new PathChallengeFrame(7), s_away, 1200);
        state.On(new PathChallengeFrame(8), s_probed, 100);
        PathState copy = ConnectionPartTests.RoundTrip(state);

        Assert.AreEqual((s_away, false, 2400L), (copy.Current, copy.IsProven, copy.Allowance));
        Assert.AreEqual(new Instant(TimeSpan.TicksPerDay * 3) + TimeSpan.FromSeconds(3), copy.Deadline);
        Assert.IsTrue(copy.TryPeekElsewhere(out NetworkPath path, out int allowance));
        Assert.AreEqual((s_probed, 300), (path, allowance));
        CollectionAssert.AreEqual(ConnectionPair.Frame(new PathResponseFrame(8)), ConnectionPartTests.Written(copy.WriteElsewhere));
        Assert.IsTrue(copy.TryPeekElsewhere(out path, out allowance));
        Assert.AreEqual((s_home, PathMtu.Base), (path, allowance), "the address that was left is asked too (RFC 9000, section 9.3.3)");
        CollectionAssert.AreEqual(ConnectionPair.Frame(new PathChallengeFrame(43)), ConnectionPartTests.Written(copy.WriteElsewhere));
        Assert.IsFalse(copy.TryPeekElsewhere(out _, out _));
        CollectionAssert.AreEqual(
            (byte[])[.. ConnectionPair.Frame(new PathResponseFrame(7)), .. ConnectionPair.Frame(new PathChallengeFrame(42))],
            ConnectionPartTests.Written(copy.WriteFrames));
        copy.OnChallengeLost(42);
        Assert.IsTrue(copy.HasFrames);

        Assert.IsFalse(copy.On(new PathResponseFrame(43)));
        Assert.IsTrue(ConnectionPartTests.RoundTrip(copy).TryFallBack());
        Assert.IsTrue(copy.On(new PathResponseFrame(42)));
        Assert.IsTrue(copy.IsProven && copy.Deadline.IsNever);
    }

    /// <summary>Goal: without an answer the connection goes back to the address that was proven, and without one it has no path.</summary>
    [TestMethod]
    public void An_unproven_path_is_given_up()
    {
        PathState state = new(s_home, isProven: true);
        state.OnRebound(s_away, 100, 1, 2, new Instant(5));
        Assert.AreEqual(300L, state.Allowance);
        Assert.IsTrue(state.TryFallBack());
        Assert.AreEqual((s_home, true), (state.Current, state.IsProven));

        PathState first = new(s_home, isProven: false);
        Assert.IsFalse(first.TryFallBack());
    }
}
