using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Time;

namespace Net.Tests.Core.Recovery;

/// <summary>CUBIC against the formulas of RFC 9438, section 4.</summary>
[TestClass]
public sealed class CubicTests
{
    private const int Datagram = 1200;

    private static Instant At(double ms) => RecoveryHarness.At(ms);

    /// <summary>Goal: the window falls to 7/10, once per round trip, and who could not return to where it was gives way (sections 4.6 and 4.7).</summary>
    [TestMethod]
    public void Reductions_and_fast_convergence()
    {
        Cubic cubic = Grown(100, out _);
        cubic.OnCongestion(At(1000), At(1100));
        Assert.AreEqual((84_000, 84_000, 120_000L), (cubic.Window, cubic.SlowStartThreshold, cubic.MaxWindowSeen));
        cubic.OnCongestion(At(1100), At(1101));
        Assert.AreEqual(84_000, cubic.Window, "sent before the reduction");
        cubic.OnCongestion(At(1101), At(1200));
        Assert.AreEqual((58_800, 71_400L), (cubic.Window, cubic.MaxWindowSeen), "W_max is (1 + beta) / 2 of the window that was reached");
        for (int i = 0; i < 20; i++)
        {
            cubic.OnCongestion(At(2000 + i), At(2000 + i));
        }

        Assert.AreEqual(2 * Datagram, cubic.Window, "never below two datagrams");
    }

    /// <summary>Goal: K is the RFC's; after K seconds the window is W_max again, before that below, after that above (equations 1 and 2).</summary>
    [TestMethod]
    public void The_window_returns_after_K_seconds()
    {
        Cubic cubic = Grown(1000, out RttEstimator rtt);
        cubic.OnCongestion(At(1000), At(1100));
        double end = Run(cubic, rtt, 1101, TimeSpan.FromSeconds(1));
        double k = Math.Cbrt(300 / 0.4);
        Assert.AreEqual(k, cubic.TimeToMax.TotalSeconds, 1e-5);

        // The target is a round trip ahead, and takes a round trip to be reached.
        end = Run(cubic, rtt, end, TimeSpan.FromSeconds(k - 1.1));
        Assert.AreEqual(1000 * Datagram, cubic.Window, 1000 * Datagram * 0.01);
        Run(cubic, rtt, end, TimeSpan.FromSeconds(3));
        Assert.AreEqual((1000 + (0.4 * 27)) * Datagram, cubic.Window, 1000 * Datagram * 0.01);
    }

    /// <summary>Goal: where Reno would be faster, the window is Reno's: 9/17 of a datagram per round trip, and a whole one once it is back (section 4.3).</summary>
    [TestMethod]
    public void Small_windows_and_round_trips_are_Renos()
    {
        Cubic cubic = Grown(20, out RttEstimator rtt, roundTrip: 5);
        cubic.OnCongestion(At(1000), At(1100));
        double end = Run(cubic, rtt, 1101, TimeSpan.FromMilliseconds(50), roundTrip: 5);
        Assert.AreEqual(14 + (10 * 9.0 / 17), cubic.Window / (double)Datagram, 0.6);
        Assert.AreEqual(cubic.RenoWindow, cubic.Window);
        end = Run(cubic, rtt, end, TimeSpan.FromMilliseconds(5), roundTrip: 5);
        Run(cubic, rtt, end, TimeSpan.FromMilliseconds(50), roundTrip: 5);
        Assert.AreEqual(20 + (((11.5 * 9 / 17) - 6 + 10) * 1), cubic.Window / (double)Datagram, 1.2);
    }

    /// <summary>Goal: the window grows by no more than half in a round trip, however long ago the epoch began (section 4.2).</summary>
    [TestMethod]
    public void Growth_is_bounded_by_half_a_window_per_round_trip()
    {
        Cubic cubic = Grown(10, out RttEstimator rtt, roundTrip: 2000);
        cubic.OnCongestion(At(1000), At(1100));
        double at = 1101;
        int before = cubic.Window;
        for (int i = 0; i < 30; i++)
        {
            at = Run(cubic, rtt, at, TimeSpan.FromMilliseconds(2000), roundTrip: 2000);
            Assert.IsTrue(cubic.Window <= (before * 1.66) + Datagram, $"{before} to {cubic.Window}");
            before = cubic.Window;
        }

        Assert.IsTrue(before > 100 * Datagram);
    }

    /// <summary>Goal: neither silence nor a window that is not used lets the curve run on (section 5.8).</summary>
    [TestMethod]
    public void Unused_time_is_none_of_the_epoch()
    {
        int[] windows = new int[3];
        for (int i = 0; i < 3; i++)
        {
            Cubic cubic = Grown(200, out RttEstimator rtt);
            cubic.OnCongestion(At(1000), At(1100));
            double at = Run(cubic, rtt, 1101, TimeSpan.FromSeconds(2));
            int before = cubic.Window;
            if (i == 1)
            {
                at += 60_000;
            }
            else if (i == 2)
            {
                for (int n = 0; n < 600; n++, at += 100)
                {
                    cubic.OnSent(Datagram);
                    cubic.OnAcked(At(at), Datagram, At(at + 50), rtt);
                }

                Assert.AreEqual(before, cubic.Window, before * 0.02);
            }

            Run(cubic, rtt, at, TimeSpan.FromSeconds(1));
            windows[i] = cubic.Window;
        }

        Assert.AreEqual(windows[0], windows[1], windows[0] * 0.02);
        Assert.AreEqual(windows[0], windows[2], windows[0] * 0.02);
    }

    /// <summary>Goal: after persistent congestion slow start runs to the threshold, and the next epoch begins at its own W_max (section 4.8).</summary>
    [TestMethod]
    public void Persistent_congestion_begins_anew()
    {
        Cubic cubic = Grown(100, out RttEstimator rtt);
        cubic.OnCongestion(At(1000), At(1100));
        cubic.OnPersistentCongestion();
        Assert.AreEqual((2 * Datagram, 84_000, true), (cubic.Window, cubic.SlowStartThreshold, cubic.RecoveryStart.IsNever));
        Run(cubic, rtt, 1101, TimeSpan.FromSeconds(1));
        Assert.IsFalse(cubic.IsInSlowStart);
        Assert.AreEqual(TimeSpan.Zero, cubic.TimeToMax);
        Assert.IsTrue(cubic.MaxWindowSeen >= 84_000);
    }

    /// <summary>
    /// Goal: over any run of acknowledgements, losses and silences the window is what the RFC's formulas give in real numbers.
    /// Method: a model in floating point, written from the RFC, beside the integers.
    /// </summary>
    [TestMethod]
    public void The_window_follows_a_model_in_real_numbers()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            Random random = new(seed);
            int roundTrip = 5 + random.Next(300);
            Cubic cubic = Grown(20 + random.Next(2000), out RttEstimator rtt, roundTrip);
            Model model = new(cubic.Window, rtt.Smoothed.TotalSeconds);
            double at = 1000 + roundTrip;
            for (int step = 0; step < 3000; step++)
            {
                at += random.Next(1, 10);
                if (random.Next(700) == 0)
                {
                    cubic.OnCongestion(At(at - 0.5), At(at));
                    model.OnCongestion();
                    at += roundTrip + 1;
                    continue;
                }

                int size = Datagram * (1 + random.Next(2));
                cubic.OnSent(cubic.Window);
                bool avoids = !cubic.IsInSlowStart;
                cubic.OnAcked(At(at - 0.25), size, At(at), rtt);
                if (avoids)
                {
                    model.OnAcked(size, (at - 0.25) / 1000, at / 1000);
                }
                else
                {
                    model.Window += size;
                }

                Assert.AreEqual(model.Window, cubic.Window, (model.Window * 0.002) + 10, $"seed {seed}, step {step}");
            }
        }
    }

    /// <summary>Goal: no field is forgotten, a cut is refused, and an epoch without its last acknowledgement too.</summary>
    [TestMethod]
    public void Every_field_travels()
    {
        Cubic cubic = new(1300);
        cubic.OnSent(13_000);
        cubic.OnAcked(At(0), 40_000, At(1), new());
        cubic.OnCongestion(At(0), At(1));
        Run(cubic, new(), 2, TimeSpan.FromSeconds(2), roundTrip: 333);
        cubic.OnSent(1_000);
        PartAssert.EveryFieldTravels(cubic, new(1200), At(9000));
        PartAssert.EveryCutIsRefused(cubic, At(9000));
        Assert.ThrowsExactly<SnapshotException>(() => PartAssert.Import<NewReno>(PartAssert.Export(cubic, At(9000)), At(9000)));
        Assert.ThrowsExactly<SnapshotException>(() => PartAssert.Import<Cubic>(PartAssert.Export(new NewReno(1200), At(9000)), At(9000)));
    }

    /// <summary>Goal: a connection keeps its algorithm when it comes to a node that would choose the other one.</summary>
    [TestMethod]
    [DataRow((int)CongestionAlgorithm.NewReno)]
    [DataRow((int)CongestionAlgorithm.Cubic)]
    public void The_algorithm_travels(int algorithm)
    {
        LossRecovery source = new(isServer: true, algorithm: (CongestionAlgorithm)algorithm);
        source.OnHandshakeConfirmed();
        source.Congestion.OnCongestion(At(0), At(1));
        LossRecovery copy = RecoveryHarness.Move(source, isServer: true, At(5), At(77));
        Assert.AreEqual((CongestionAlgorithm)algorithm, copy.Congestion.Algorithm);
        Assert.AreEqual(source.Congestion.Window, copy.Congestion.Window);
    }

    /// <summary>Goal: a freeze counts for nothing: after it the window grows as if it had not been.</summary>
    [TestMethod]
    public void A_freeze_is_none_of_the_epoch()
    {
        Cubic straight = Grown(100, out RttEstimator rtt), frozen = Grown(100, out _);
        straight.OnCongestion(At(1000), At(1100));
        frozen.OnCongestion(At(1000), At(1100));
        double at = Run(straight, rtt, 1101, TimeSpan.FromSeconds(1));
        Run(frozen, rtt, 1101, TimeSpan.FromSeconds(1));
        frozen.Postpone(TimeSpan.FromSeconds(5));
        Run(straight, rtt, at, TimeSpan.FromSeconds(1));
        Run(frozen, rtt, at + 5000, TimeSpan.FromSeconds(1));
        Assert.AreEqual(straight.Window, frozen.Window);
    }

    /// <summary>A controller that has grown to so many datagrams in slow start.</summary>
    private static Cubic Grown(int datagrams, out RttEstimator rtt, double roundTrip = 100)
    {
        Cubic cubic = new(Datagram);
        cubic.OnSent(long.MaxValue / 8);
        rtt = new();
        rtt.OnSample(At(0), At(roundTrip), TimeSpan.Zero, handshakeConfirmed: true);
        cubic.OnAcked(At(0), (datagrams * Datagram) - cubic.Window, At(100), rtt);
        return cubic;
    }

    /// <summary>A sender that always fills the window, whose packets are all acknowledged. Returns when it ends.</summary>
    private static double Run(Cubic cubic, RttEstimator rtt, double from, TimeSpan lasts, double roundTrip = 100)
    {
        double at = from;
        while (at < from + lasts.TotalMilliseconds)
        {
            cubic.OnSent(cubic.Window);
            double step = roundTrip * Datagram / cubic.Window;
            at += step;
            cubic.OnAcked(At(double.Max(at - roundTrip, from)), Datagram, At(at), rtt);
        }

        return at;
    }

    /// <summary>RFC 9438, section 4, in bytes and seconds.</summary>
    private sealed class Model(double window, double roundTrip)
    {
        private double? _epoch;
        private double _lastAck;
        private double _max;
        private double _prior;
        private double _k;
        private double _estimate;

        public double Window { get; set; } = window;

        public void OnCongestion()
        {
            _max = Window < _max ? Window * 1.7 / 2 : Window;
            _prior = Window;
            Window = Math.Max(Window * 0.7, 2 * Datagram);
            _epoch = null;
        }

        public void OnAcked(int size, double sentAt, double now)
        {
            if (_epoch is null)
            {
                _epoch = now;
                _max = Math.Max(_max, Window);
                _k = Math.Cbrt((_max - Window) / (0.4 * Datagram));
                _estimate = Window;
            }
            else
            {
                _epoch += Math.Max(0, sentAt - _lastAck);
            }

            _lastAck = now;
            double alpha = _estimate < _prior ? 3 * 0.3 / 1.7 : 1;
            _estimate += alpha * Datagram * size / Window;
            double t = now - _epoch.Value;
            if (At(t) < _estimate)
            {
                Window = Math.Max(Window, _estimate);
                return;
            }

            double target = Math.Clamp(At(t + roundTrip), Window, 1.5 * Window);
            Window += (target - Window) / Window * size;
        }

        private double At(double t) => (0.4 * Datagram * Math.Pow(t - _k, 3)) + _max;
    }
}
