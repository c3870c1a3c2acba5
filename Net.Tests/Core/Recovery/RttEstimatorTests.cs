using Net.Core.Recovery;
using Net.Core.Time;

namespace Net.Tests.Core.Recovery;

[TestClass]
public sealed class RttEstimatorTests
{
    private static Instant At(double ms) => RecoveryHarness.At(ms);

    private static TimeSpan Ms(double ms) => RecoveryHarness.Ms(ms);

    /// <summary>Goal: the arithmetic of RFC 9002, section 5.3, on worked numbers.</summary>
    [TestMethod]
    public void Samples_follow_the_rfc()
    {
        RttEstimator rtt = new();
        Assert.AreEqual(Ms(333), rtt.Smoothed);
        Assert.AreEqual(Ms(333) + (4 * Ms(166.5)), rtt.Pto(withMaxAckDelay: false));

        rtt.OnSample(At(0), At(100), Ms(50), handshakeConfirmed: true);
        Assert.AreEqual((Ms(100), Ms(100), Ms(100), Ms(50)), (rtt.Latest, rtt.Min, rtt.Smoothed, rtt.Variation));

        // 140 - 20 = 120: variation (3 * 50 + 20) / 4, smoothed (7 * 100 + 120) / 8.
        rtt.OnSample(At(100), At(240), Ms(20), handshakeConfirmed: true);
        Assert.AreEqual((Ms(140), Ms(100), Ms(102.5), Ms(42.5)), (rtt.Latest, rtt.Min, rtt.Smoothed, rtt.Variation));
        Assert.AreEqual(Ms(102.5 + 170 + 25), rtt.Pto(withMaxAckDelay: true));
        Assert.AreEqual(Ms(140 * 9.0 / 8), rtt.LossDelay);
    }

    /// <summary>Goal: a delay is capped at max_ack_delay once confirmed, not before, and never takes a sample below the minimum.</summary>
    [TestMethod]
    public void Delays_are_not_believed_beyond_reason()
    {
        RttEstimator capped = new(), free = new(), below = new();
        foreach (RttEstimator rtt in new[] { capped, free, below })
        {
            rtt.OnSample(At(0), At(100), Ms(0), handshakeConfirmed: true);
        }

        capped.OnSample(At(0), At(200), Ms(90), handshakeConfirmed: true);
        Assert.AreEqual(Ms((700 + 175) / 8.0), capped.Smoothed);
        free.OnSample(At(0), At(200), Ms(90), handshakeConfirmed: false);
        Assert.AreEqual(Ms((700 + 110) / 8.0), free.Smoothed);
        below.OnSample(At(0), At(104), Ms(10), handshakeConfirmed: true);
        Assert.AreEqual(Ms((700 + 104) / 8.0), below.Smoothed);
    }

    /// <summary>Goal (checklist S7): no delay field, however large, overflows anything.</summary>
    [TestMethod]
    [DataRow((1UL << 62) - 1, 20)]
    [DataRow((1UL << 62) - 1, 0)]
    [DataRow(1UL << 43, 20)]
    public void S7_a_huge_ack_delay_does_not_overflow(ulong raw, int exponent)
    {
        TimeSpan delay = RttEstimator.DecodeAckDelay(raw, exponent);
        Assert.AreEqual(RttEstimator.Max, delay);
        RttEstimator rtt = new();
        rtt.OnSample(At(0), At(100), delay, handshakeConfirmed: false);
        rtt.OnSample(At(0), At(150), delay, handshakeConfirmed: false);
        Assert.IsTrue(rtt.Smoothed >= rtt.Min);
        Assert.AreEqual(Ms(100), rtt.Min);
        Assert.AreEqual(Ms(8), RttEstimator.DecodeAckDelay(1000, 3));
    }

    /// <summary>Goal: no sample is taken from packets sent before another path or owner; a restart of the minimum takes the next one.</summary>
    [TestMethod]
    public void Old_packets_teach_nothing_about_a_new_path()
    {
        RttEstimator rtt = new();
        rtt.OnSample(At(0), At(100), Ms(0), true);
        rtt.OnClockBroken(At(200));
        rtt.OnSample(At(199), At(201), Ms(0), true);
        Assert.AreEqual(Ms(100), rtt.Latest);
        rtt.OnPersistentCongestion();
        rtt.OnSample(At(200), At(500), Ms(0), true);
        Assert.AreEqual(Ms(300), rtt.Min);
        rtt.OnPathChanged(At(600));
        Assert.IsFalse(rtt.HasSample);
        Assert.AreEqual(RttEstimator.Initial, rtt.Smoothed);
        rtt.OnSample(At(599), At(700), Ms(0), true);
        Assert.IsFalse(rtt.HasSample);
    }

    /// <summary>Goal: a new owner nearer to the ingress or farther from it corrects the estimate, never below zero.</summary>
    [TestMethod]
    public void Another_distance_to_the_ingress_shifts_the_estimate()
    {
        RttEstimator rtt = new();
        rtt.OnSample(At(0), At(20), Ms(0), true);
        rtt.Shift(Ms(5));
        Assert.AreEqual((Ms(25), Ms(25), Ms(25)), (rtt.Latest, rtt.Min, rtt.Smoothed));
        rtt.Shift(Ms(-500));
        Assert.AreEqual(TimeSpan.Zero, rtt.Min);
    }

    /// <summary>Goal: no field is forgotten.</summary>
    [TestMethod]
    public void Every_field_travels()
    {
        RttEstimator rtt = new() { MaxAckDelay = Ms(33) };
        rtt.OnClockBroken(At(-10));
        rtt.OnSample(At(0), At(100), Ms(0), true);
        rtt.OnSample(At(100), At(230), Ms(4), true);
        rtt.OnPersistentCongestion();
        PartAssert.EveryFieldTravels(rtt, new(), At(240));
        PartAssert.EveryCutIsRefused(rtt, At(240));
    }
}
