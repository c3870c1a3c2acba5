using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Time;
using Net.Tests.Core.Connections;

namespace Net.Tests.Core.Paths;

[TestClass]
public sealed class PathMtuTests
{
    private static readonly Instant s_start = new(TimeSpan.TicksPerDay);

    /// <summary>Goal: every path's size is found, to within the step, and a path that carries all that is wanted costs one probe.</summary>
    [TestMethod]
    [DataRow(1452, 1452, 1)]
    [DataRow(1452, 1200, 0)]
    [DataRow(1452, 1207, 0)]
    [DataRow(1452, 1280, 0)]
    [DataRow(1452, 1400, 0)]
    [DataRow(1452, 1451, 0)]
    [DataRow(1210, 1210, 1)]
    [DataRow(9000, 4000, 0)]
    [DataRow(65_527, 65_527, 1)]
    [DataRow(65_527, 8972, 0)]
    public void The_search_finds_what_the_path_carries(int wanted, int carried, int probes)
    {
        PathMtu mtu = new(wanted);
        int sent = Search(mtu, carried, s_start);
        Assert.IsTrue(mtu.IsComplete);
        Assert.IsTrue(mtu.Current <= carried && mtu.Current > carried - PathMtu.Step, $"{mtu.Current} of {carried}");
        Assert.IsTrue(probes == 0 || sent == probes, $"{sent} probes");
        Assert.IsTrue(sent < 60);
    }

    /// <summary>Goal: one loss, or two, are no proof; and there is one probe at a time.</summary>
    [TestMethod]
    public void A_lost_probe_is_repeated()
    {
        PathMtu mtu = new(1452);
        for (int i = 0; i < PathMtu.MaxProbes - 1; i++)
        {
            mtu.OnProbeSent(1452, s_start);
            Assert.AreEqual(0, mtu.ProbeSize(s_start));
            mtu.OnLost(mtu.Probe(1452));
            Assert.AreEqual(1452, mtu.ProbeSize(s_start));
        }

        mtu.OnProbeSent(1452, s_start);
        mtu.OnLost(mtu.Probe(1452));
        Assert.AreEqual(1326, mtu.ProbeSize(s_start), "the middle of 1,200 and 1,451");
    }

    /// <summary>Goal: after the raise timer a larger size is tried again, and only then.</summary>
    [TestMethod]
    public void A_path_that_has_grown_is_noticed()
    {
        PathMtu mtu = new(1452);
        Search(mtu, 1300, s_start);
        Assert.AreEqual(0, mtu.ProbeSize(s_start + PathMtu.RaiseAfter - TimeSpan.FromSeconds(1)));
        Instant later = s_start + PathMtu.RaiseAfter;
        Assert.AreEqual(1452, mtu.ProbeSize(later));
        Search(mtu, 1452, later);
        Assert.AreEqual(1452, mtu.Current);
        Assert.AreEqual(0, mtu.ProbeSize(later + (100 * PathMtu.RaiseAfter)), "nothing is larger than what is wanted");
    }

    /// <summary>Goal: large packets that vanish, with or without small ones that arrive, bring back the size that every path carries.</summary>
    [TestMethod]
    public void A_black_hole_is_noticed()
    {
        PathMtu silent = Found(1452);
        silent.OnProbeTimeouts(PathMtu.BlackHoleTimeouts - 1);
        Assert.AreEqual(1452, silent.Current);
        silent.OnProbeTimeouts(PathMtu.BlackHoleTimeouts);
        Assert.AreEqual(PathMtu.Base, silent.Current);
        Assert.AreEqual(1452, silent.ProbeSize(s_start), "and the search begins again");

        PathMtu half = Found(1452);
        half.OnFeedback(largestAcked: 100, lostLarge: PathMtu.BlackHoleLosses - 1);
        half.OnFeedback(largestAcked: 1300, lostLarge: PathMtu.BlackHoleLosses);
        half.OnFeedback(largestAcked: 100, lostLarge: PathMtu.BlackHoleLosses - 1);
        Assert.AreEqual(1452, half.Current, "large packets came through in between");
        half.OnFeedback(largestAcked: 0, lostLarge: 1);
        Assert.AreEqual(PathMtu.Base, half.Current);
    }

    /// <summary>Goal: another path begins its own search, and an answer to a probe of the old path says nothing of it.</summary>
    [TestMethod]
    public void Another_path_is_searched_anew()
    {
        PathMtu mtu = new(1452);
        mtu.OnProbeSent(1452, s_start);
        SentFrame old = mtu.Probe(1452);
        mtu.OnPathChanged();
        mtu.OnProbeSent(1452, s_start);
        mtu.OnAcked(old);
        Assert.AreEqual(PathMtu.Base, mtu.Current);
        mtu.OnLost(old);
        Assert.AreEqual(0, mtu.ProbeSize(s_start), "the new probe is still under way");
        mtu.OnAcked(mtu.Probe(1452));
        Assert.AreEqual(1452, mtu.Current);
    }

    /// <summary>Goal: the search travels with every field off its default: limits, failures, the probe under way, what was lost, and the time.</summary>
    [TestMethod]
    public void PathMtu_travels()
    {
        PathMtu mtu = new(1452);
        mtu.OnPathChanged();
        mtu.OnPeerLimit(1450);
        for (int i = 0; i < PathMtu.MaxProbes; i++)
        {
            mtu.OnProbeSent(1450, s_start);
            mtu.OnLost(mtu.Probe(1450));
        }

        int middle = mtu.ProbeSize(s_start);
        mtu.OnProbeSent(middle, s_start);
        mtu.OnAcked(mtu.Probe(middle));
        int next = mtu.ProbeSize(s_start);
        mtu.OnProbeSent(next, s_start);
        mtu.OnLost(mtu.Probe(next));
        mtu.OnFeedback(0, PathMtu.BlackHoleLosses - 1);
        mtu.OnProbeSent(next, s_start);
        PathMtu copy = ConnectionPartTests.RoundTrip(mtu);

        Assert.AreEqual((middle, 0), (copy.Current, copy.ProbeSize(s_start)));
        copy.OnLost(mtu.Probe(next));
        Assert.AreEqual(next, copy.ProbeSize(s_start), "the second failure of that size");
        copy.OnProbeSent(next, s_start);
        copy.OnLost(mtu.Probe(next));
        Assert.IsTrue(copy.ProbeSize(s_start) is int smaller && smaller > middle && smaller < next, "the third");
        copy.OnFeedback(0, 1);
        Assert.AreEqual((PathMtu.Base, 1450), (copy.Current, copy.ProbeSize(s_start)), "the tenth large packet");

        PathMtu complete = new(1452);
        Search(complete, 1300, s_start);
        PathMtu moved = ConnectionPartTests.RoundTrip(complete);
        Instant arrived = new Instant(TimeSpan.TicksPerDay * 3);
        Assert.AreEqual(0, moved.ProbeSize(arrived + PathMtu.RaiseAfter - TimeSpan.FromSeconds(1)));
        Assert.AreEqual(1452, moved.ProbeSize(arrived + PathMtu.RaiseAfter));
    }

    private static PathMtu Found(int size)
    {
        PathMtu mtu = new(size);
        Search(mtu, size, s_start);
        return mtu;
    }

    private static int Search(PathMtu mtu, int carried, Instant now)
    {
        int sent = 0;
        while (mtu.ProbeSize(now) is int size and > 0)
        {
            sent++;
            mtu.OnProbeSent(size, now);
            if (size <= carried)
            {
                mtu.OnAcked(mtu.Probe(size));
            }
            else
            {
                mtu.OnLost(mtu.Probe(size));
            }
        }

        return sent;
    }
}
