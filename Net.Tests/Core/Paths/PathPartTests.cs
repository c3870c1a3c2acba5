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

    private static readonly Instant s_then = new(TimeSpan.TicksPerDay);
    private static readonly Instant s_now = new(TimeSpan.TicksPerDay * 3);
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>Goal: all addresses, the credit, IDs, questions and answers on their way travel; an answer proves the path at the new owner.</summary>
    [TestMethod]
    public void PathState_travels()
    {
        PathState state = new(s_home, isProven: true);
        Assert.IsNull(state.OnRebound(s_away, 1000, 7, s_interval, s_then + s_patience, peerId: 3));
        state.OnSent(600);
        state.On(new PathChallengeFrame(7), s_away, 1200, 7, asksBack: true, s_interval, s_then + s_patience);
        state.On(new PathChallengeFrame(8), s_probed, 100, 9, asksBack: true, s_interval, s_then + s_patience);
        PathState copy = ConnectionPartTests.RoundTrip(state);

        Assert.AreEqual((s_away, false, 2400L, s_home, 7UL), (copy.Current, copy.IsProven, copy.Allowance, copy.Validated, copy.ArrivedWith));
        Assert.AreEqual(s_now + s_patience, copy.Deadline);
        Assert.IsTrue(copy.TryPeekElsewhere(out NetworkPath path, out int allowance, out ulong? id));
        Assert.AreEqual((s_probed, 300, null), (path, allowance, id));
        CollectionAssert.AreEqual(
            (byte[])[.. ConnectionPair.Frame(new PathResponseFrame(8)), .. ConnectionPair.Frame(new PathChallengeFrame(42))],
            ConnectionPartTests.Written((ref PacketBuilder builder) => copy.WriteElsewhere(ref builder, 42, 5, 300, s_now)));
        Assert.IsTrue(copy.TryPeekElsewhere(out path, out allowance, out id));
        Assert.AreEqual((s_home, PathMtu.Base, 3UL), (path, allowance, id), "the address that was left is asked too (RFC 9000, section 9.3.3)");
        CollectionAssert.AreEqual(
            ConnectionPair.Frame(new PathChallengeFrame(43)),
            ConnectionPartTests.Written((ref PacketBuilder builder) => copy.WriteElsewhere(ref builder, 43, 3, 1200, s_now)));
        Assert.IsFalse(copy.TryPeekElsewhere(out _, out _, out _));
        CollectionAssert.AreEquivalent(new ulong[] { 3, 5 }, ConnectionPartTests.RoundTrip(copy).PeerIdsElsewhere.ToArray());
        CollectionAssert.AreEqual(
            (byte[])[.. ConnectionPair.Frame(new PathResponseFrame(7)), .. ConnectionPair.Frame(new PathChallengeFrame(44))],
            ConnectionPartTests.Written((ref PacketBuilder builder) => copy.WriteFrames(ref builder, 44, s_now)));
        Assert.AreEqual(s_now + s_interval, copy.Deadline);

        Assert.AreEqual(PathState.Outcome.Nothing, copy.On(new PathResponseFrame(45)));
        PathState moved = ConnectionPartTests.RoundTrip(copy);
        Assert.AreEqual(PathState.Outcome.Nothing, moved.On(new PathResponseFrame(42)), "the path that was only tried is proven");
        Assert.AreEqual(PathState.Outcome.Proven, moved.On(new PathResponseFrame(44)));
        Assert.AreEqual((true, s_away), (moved.IsProven, moved.Validated));
        Assert.AreEqual(5UL, moved.OnRebound(s_probed, 100, 9, s_interval, s_now + s_patience, peerId: 6));
        Assert.IsTrue(moved.IsProven, "it was asked before it was used");
    }

    /// <summary>Goal: a question is repeated with other data until it is answered or given up; then the path of before is in use again, and without one there is none.</summary>
    [TestMethod]
    public void An_unproven_path_is_asked_again_and_given_up()
    {
        PathState state = new(s_home, isProven: true);
        state.OnRebound(s_away, 100, 7, s_interval, s_then + s_patience, peerId: 3);
        Assert.AreEqual(300L, state.Allowance);
        Write(state, 1, s_then);
        Assert.IsFalse(state.HasFrames);
        Assert.AreEqual(PathState.Outcome.Nothing, state.OnTime(s_then + s_interval));
        Assert.IsTrue(state.WantsChallenge);
        Write(state, 2, s_then + s_interval);
        Assert.AreEqual(s_then + (3 * s_interval), state.Deadline, "twice as long");
        Assert.AreEqual(PathState.Outcome.FellBack, state.OnTime(s_then + s_patience));
        Assert.AreEqual((s_home, true, 3UL), (state.Current, state.IsProven, state.TakePeerId()));
        Assert.IsTrue(state.Deadline.IsNever);
        Assert.AreEqual(PathState.Outcome.Nothing, state.On(new PathResponseFrame(1)), "too late");

        PathState first = new(s_home, isProven: false);
        first.OnRebound(s_away, 100, 7, s_interval, s_then + s_patience, peerId: 3);
        Assert.AreEqual(PathState.Outcome.NoPath, first.OnTime(s_then + s_patience));
    }

    /// <summary>Goal (checklist S19): one connection that comes from ten thousand ports, probing or moving, has four paths, and keeps the one to go back to.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void S19_paths_are_few(bool probing)
    {
        PathState state = new(s_home, isProven: true);
        for (ushort port = 1; port <= 10_000; port++)
        {
            NetworkPath path = s_away with { Remote = s_away.Remote.WithPort(port) };
            if (probing)
            {
                state.On(new PathChallengeFrame(port), path, 1200, port, asksBack: true, s_interval, s_then + s_patience);
            }
            else
            {
                state.OnRebound(path, 1200, port, s_interval, s_then + s_patience, peerId: port);
            }
        }

        Assert.IsTrue(state.Count <= PathState.MaxPaths);
        Assert.AreEqual(s_home, state.Validated);
        Assert.AreEqual(probing ? s_home : s_away with { Remote = s_away.Remote.WithPort(10_000) }, state.Current);
    }

    /// <summary>Goal (checklist S11): of a flood of questions the newest few are answered.</summary>
    [TestMethod]
    public void S11_a_flood_of_challenges_is_answered_for_its_newest()
    {
        PathState state = new(s_home, isProven: true);
        for (ulong data = 1; data <= 1_000_000; data++)
        {
            state.On(new PathChallengeFrame(data), s_home, 1200, 0, asksBack: true, s_interval, s_then + s_patience);
        }

        CollectionAssert.AreEqual(
            (byte[])[.. ConnectionPair.Frame(new PathResponseFrame(999_999)), .. ConnectionPair.Frame(new PathResponseFrame(1_000_000))],
            ConnectionPartTests.Written((ref PacketBuilder builder) => state.WriteFrames(ref builder, 0, s_then)));
    }

    /// <summary>Goal: who may be followed where (checklist S23): never from a public address into a network behind it.</summary>
    [TestMethod]
    [DataRow("203.0.113.1:443", "198.51.100.7:443", true)]
    [DataRow("203.0.113.1:443", "127.0.0.1:443", false)]
    [DataRow("203.0.113.1:443", "10.1.2.3:443", false)]
    [DataRow("203.0.113.1:443", "172.31.0.1:443", false)]
    [DataRow("203.0.113.1:443", "192.168.0.1:443", false)]
    [DataRow("203.0.113.1:443", "169.254.169.254:443", false)]
    [DataRow("203.0.113.1:443", "100.64.0.1:443", false)]
    [DataRow("203.0.113.1:443", "[::1]:443", false)]
    [DataRow("203.0.113.1:443", "[fe80::1]:443", false)]
    [DataRow("203.0.113.1:443", "[fd00::1]:443", false)]
    [DataRow("203.0.113.1:443", "[ff02::1]:443", false)]
    [DataRow("203.0.113.1:443", "224.0.0.1:443", false)]
    [DataRow("203.0.113.1:443", "0.0.0.0:443", false)]
    [DataRow("203.0.113.1:443", "198.51.100.7:0", false)]
    [DataRow("[2001:db8::1]:443", "203.0.113.1:443", true)]
    [DataRow("127.0.0.1:443", "127.0.0.1:444", true)]
    [DataRow("127.0.0.1:443", "203.0.113.1:443", true)]
    [DataRow("192.168.0.1:443", "127.0.0.1:443", false)]
    public void S23_an_address_that_reaches_less_far_is_not_followed(string called, string offered, bool isPlausible) =>
        Assert.AreEqual(isPlausible, AddressScope.IsPlausible(ConnectionPair.Address(called), ConnectionPair.Address(offered)));

    private static void Write(PathState state, ulong challenge, Instant now) =>
        ConnectionPartTests.Written((ref PacketBuilder builder) => state.WriteFrames(ref builder, challenge, now));
}
