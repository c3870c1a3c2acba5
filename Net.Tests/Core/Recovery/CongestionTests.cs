using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Core.Recovery;

[TestClass]
public sealed class NewRenoTests
{
    private static readonly RttEstimator s_rtt = new();

    private static Instant At(double ms) => RecoveryHarness.At(ms);

    /// <summary>Goal: initial and minimum windows of RFC 9002, section 7.2.</summary>
    [TestMethod]
    [DataRow(1200, 12_000)]
    [DataRow(1472, 14_720)]
    [DataRow(9000, 18_000)]
    public void Initial_window(int datagram, int window)
    {
        Assert.AreEqual(window, new NewReno(datagram).Window);
        Assert.AreEqual(2 * datagram, new NewReno(datagram).MinimumWindow);
    }

    /// <summary>Goal: slow start, one halving per round trip, then a datagram per window (RFC 9002, section 7.3).</summary>
    [TestMethod]
    public void The_window_follows_the_state_machine()
    {
        NewReno reno = new(1200);
        reno.OnSent(12_000);
        reno.OnAcked(At(0), 1200, At(50), s_rtt);
        Assert.AreEqual(13_200, reno.Window);
        reno.OnCongestion(At(1), At(51));
        Assert.AreEqual(6_600, reno.Window);
        Assert.AreEqual(6_600, reno.SlowStartThreshold);
        reno.OnCongestion(At(51), At(60));
        Assert.AreEqual(6_600, reno.Window, "sent before the reduction");
        reno.OnSent(6_600);
        reno.OnAcked(At(51), 6_000, At(61), s_rtt);
        Assert.AreEqual(6_600, reno.Window, "no growth in recovery");
        reno.OnSent(6_600);
        reno.OnAcked(At(52), 6_599, At(110), s_rtt);
        Assert.AreEqual(6_600, reno.Window);
        reno.OnAcked(At(53), 1, At(110), s_rtt);
        Assert.AreEqual(7_800, reno.Window);
        reno.OnCongestion(At(111), At(120));
        reno.OnCongestion(At(121), At(130));
        reno.OnCongestion(At(131), At(140));
        Assert.AreEqual(2_400, reno.Window, "never below two datagrams");
        reno.OnPersistentCongestion();
        Assert.AreEqual(2_400, reno.Window);
        Assert.IsTrue(reno.RecoveryStart.IsNever);
    }

    /// <summary>Goal: a window that is not used does not grow (RFC 9002, section 7.8).</summary>
    [TestMethod]
    public void An_unused_window_does_not_grow()
    {
        NewReno reno = new(1200);
        for (int i = 0; i < 100; i++)
        {
            reno.OnSent(1200);
            reno.OnAcked(At(i), 1200, At(i + 0.5), s_rtt);
        }

        Assert.AreEqual(12_000, reno.Window);
        reno.OnSent(12_000);
        reno.OnAcked(At(200), 12_000, At(250), s_rtt);
        Assert.AreEqual(24_000, reno.Window);
    }

    /// <summary>Goal: another path starts anew, and losses of the old one do not count.</summary>
    [TestMethod]
    public void Another_path_starts_anew()
    {
        NewReno reno = new(1200);
        reno.OnCongestion(At(0), At(1));
        reno.OnPathChanged(At(10));
        Assert.AreEqual(12_000, reno.Window);
        Assert.IsTrue(reno.IsInSlowStart);
        reno.OnCongestion(At(9), At(20));
        Assert.AreEqual(12_000, reno.Window);
    }

    /// <summary>Goal: larger datagrams raise an untouched initial window and the minimum.</summary>
    [TestMethod]
    public void Datagram_size_changes_the_bounds()
    {
        NewReno reno = new(1200);
        reno.OnDatagramSize(1452);
        Assert.AreEqual(14_520, reno.Window);
        reno.OnCongestion(At(0), At(1));
        reno.OnDatagramSize(4000);
        Assert.AreEqual(8_000, reno.Window);
    }

    /// <summary>Goal: no field is forgotten, and an unknown algorithm is refused.</summary>
    [TestMethod]
    public void Every_field_travels()
    {
        NewReno reno = new(1300);
        reno.OnSent(13_000);
        reno.OnCongestion(At(0), At(1));
        reno.OnAcked(At(2), 100, At(3), s_rtt);
        reno.OnSent(1_000);
        PartAssert.EveryFieldTravels(reno, new(1200), At(5));
        PartAssert.EveryCutIsRefused(reno, At(5));
        byte[] bytes = PartAssert.Export(reno, At(5));
        bytes[0] = 9;
        Assert.ThrowsExactly<SnapshotException>(() => CongestionController.Import(new(bytes, At(5))));
    }
}

[TestClass]
public sealed class PacerTests
{
    private static Instant At(double ms) => RecoveryHarness.At(ms);

    private static RttEstimator Rtt(double ms)
    {
        RttEstimator rtt = new();
        rtt.OnSample(At(0), At(ms), TimeSpan.Zero, true);
        return rtt;
    }

    /// <summary>Goal: ten datagrams at once, then 5/4 of the window per round trip, and no more after idling than one burst.</summary>
    [TestMethod]
    public void The_budget_is_a_burst_and_then_a_rate()
    {
        NewReno reno = new(1200);
        reno.OnCongestion(At(0), At(1));
        RttEstimator rtt = Rtt(100);
        Pacer pacer = new();
        Assert.AreEqual(12_000L, pacer.Available(At(100), reno, rtt));
        pacer.OnSent(12_000, At(100), reno, rtt);
        Assert.AreEqual(0L, pacer.Available(At(100), reno, rtt));
        // 6,000 * 5/4 in 100 ms are 75 bytes a millisecond.
        Assert.AreEqual(750L, pacer.Available(At(110), reno, rtt));
        Assert.AreEqual(12_000L, pacer.Available(At(10_000), reno, rtt));
        Instant next = pacer.NextAt(At(100), reno, rtt);
        Assert.IsTrue(next >= At(180) && next <= At(180.1));
        Assert.IsTrue(pacer.Available(next, reno, rtt) >= 6_000);
    }

    /// <summary>Goal: in slow start the rate is twice the window per round trip; probes leave a bounded debt.</summary>
    [TestMethod]
    public void Slow_start_paces_faster_and_debt_is_bounded()
    {
        NewReno reno = new(1200);
        RttEstimator rtt = Rtt(100);
        Pacer pacer = new();
        pacer.OnSent(12_000, At(100), reno, rtt);
        Assert.AreEqual(2_400L, pacer.Available(At(110), reno, rtt));
        for (int i = 0; i < 100; i++)
        {
            pacer.OnSent(1200, At(110), reno, rtt);
        }

        Assert.AreEqual(-12_000L, pacer.Available(At(110), reno, rtt));
        PartAssert.EveryFieldTravels(pacer, new(), At(111));
        PartAssert.EveryCutIsRefused(pacer, At(111));
    }
}

[TestClass]
public sealed class EcnValidationTests
{
    private static EcnValidation Sent(int ect0)
    {
        EcnValidation ecn = new();
        for (int i = 0; i < ect0; i++)
        {
            ecn.OnSent(Ecn.Ect0);
        }

        return ecn;
    }

    /// <summary>Goal: true counts keep ECN, and a higher CE count is a congestion signal once.</summary>
    [TestMethod]
    public void True_counts_are_believed()
    {
        EcnValidation ecn = Sent(10);
        Assert.IsFalse(ecn.OnAck(true, new(4, 0, 0), 4, 0));
        Assert.IsTrue(ecn.OnAck(true, new(6, 0, 1), 3, 0));
        Assert.IsFalse(ecn.OnAck(true, new(7, 0, 1), 1, 0));
        Assert.IsTrue(ecn.IsUsable);
    }

    /// <summary>Goal (checklist S8): counts that fall, exceed what was sent, or are missing, disable ECN and nothing else.</summary>
    [TestMethod]
    [DataRow(true, 3UL, 0UL, 0UL, 0UL, DisplayName = "falling")]
    [DataRow(true, 11UL, 0UL, 0UL, 1UL, DisplayName = "more than sent")]
    [DataRow(true, 4UL, 1UL, 0UL, 0UL, DisplayName = "a mark never used")]
    [DataRow(true, 5UL, 0UL, 0UL, 2UL, DisplayName = "too few")]
    [DataRow(true, 4UL, 0UL, (1UL << 62) - 1, 1UL, DisplayName = "huge")]
    [DataRow(false, 0UL, 0UL, 0UL, 1UL, DisplayName = "missing")]
    public void S8_lies_disable_ecn(bool hasCounts, ulong ect0, ulong ect1, ulong ce, ulong acked)
    {
        EcnValidation ecn = Sent(10);
        _ = ecn.OnAck(true, new(4, 0, 0), 4, 0);
        Assert.IsFalse(ecn.OnAck(hasCounts, new(ect0, ect1, ce), acked, 0));
        Assert.IsFalse(ecn.IsUsable);
        ecn.OnPathChanged();
        Assert.IsTrue(ecn.IsUsable);
    }

    /// <summary>Goal: no field is forgotten.</summary>
    [TestMethod]
    public void Every_field_travels()
    {
        EcnValidation ecn = Sent(10);
        ecn.OnSent(Ecn.Ect1);
        ecn.OnSent(Ecn.Ect1);
        _ = ecn.OnAck(true, new(3, 1, 1), 3, 1);
        _ = ecn.OnAck(false, default, 1, 0);
        PartAssert.EveryFieldTravels(ecn, new(), RecoveryHarness.At(0));
        PartAssert.EveryCutIsRefused(ecn, RecoveryHarness.At(0));
    }
}

[TestClass]
public sealed class ProbeStateTests
{
    /// <summary>Goal: no field is forgotten, and back-off ends somewhere.</summary>
    [TestMethod]
    public void Every_field_travels_and_the_count_is_capped()
    {
        ProbeState probes = new();
        probes.OnOwnerChanged();
        for (int i = 0; i < 100; i++)
        {
            probes.OnTimeout(2);
        }

        Assert.AreEqual(ProbeState.MaxCount, probes.Count);
        PartAssert.EveryFieldTravels(probes, new(), RecoveryHarness.At(0));
        PartAssert.EveryCutIsRefused(probes, RecoveryHarness.At(0));
        probes.OnAckElicitingSent();
        Assert.AreEqual((1, false), (probes.Pending, probes.OwnerProbe));
    }
}
