using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Core.Recovery;

/// <summary>Loss recovery that changes machines.</summary>
[TestClass]
public sealed class HandOverTests
{
    private const PacketNumberSpace App = PacketNumberSpace.ApplicationData;

    private static Instant At(double ms) => RecoveryHarness.At(ms);

    private static RecoveryHarness InFlight()
    {
        RecoveryHarness h = new();
        _ = h.SendData(0);
        _ = h.Ack(100, 0, (0, 0));
        for (int i = 0; i < 11; i++)
        {
            _ = h.SendData(200);
        }

        return h;
    }

    /// <summary>Goal: the new owner goes on with the next number, sends one packet beyond the window, and backs off from the start.</summary>
    [TestMethod]
    public void The_new_owner_goes_on()
    {
        RecoveryHarness h = InFlight();
        _ = h.Recovery.OnTimeout(At(525), h.Lost);
        Instant now = At(1e9);
        LossRecovery copy = RecoveryHarness.Move(h.Recovery, true, At(526), now);
        Assert.AreEqual((12UL, 13_200L, 1), (copy[App].Numbers.Next, copy.BytesInFlight, copy.PtoCount));
        copy.OnOwnerChanged(now, samePath: true);
        Assert.AreEqual(0, copy.PtoCount);
        Assert.AreEqual(12_000, copy.Congestion.Window);
        Assert.AreEqual(1200, copy.SendAllowance(now), "one packet beyond the window");
        ulong number = copy[App].Numbers.Take();
        Assert.AreEqual(4, copy[App].Numbers.EncodedLength(number));
        copy.OnSent(App, number, now, 40, true, true, Ecn.NotEct, []);
        Assert.AreEqual(0, copy.SendAllowance(now));

        // Everything is acknowledged at once: nothing lost, no sample from before the move, no congestion.
        SentFrameBuffer acked = new(), lost = new();
        Assert.IsFalse(RecoveryHarness.Ack(copy, App, now, TimeSpan.Zero, acked, lost, null, (1UL, 11UL)).IsError);
        Assert.AreEqual((11, 0, 100.0), (acked.Count, lost.Count, copy.Rtt.Latest.TotalMilliseconds));
        Assert.IsTrue(copy.Congestion.IsInSlowStart);
    }

    /// <summary>Goal: by another path the window is the initial one, and losses of before do not halve it.</summary>
    [TestMethod]
    public void Another_path_begins_with_the_initial_window()
    {
        RecoveryHarness h = InFlight();
        LossRecovery copy = RecoveryHarness.Move(h.Recovery, true, At(210), At(500));
        copy.OnOwnerChanged(At(500), samePath: false);
        Assert.AreEqual(12_000, copy.Congestion.Window);
        Assert.IsFalse(copy.Rtt.HasSample);
        SentFrameBuffer acked = new(), lost = new();
        Assert.IsFalse(RecoveryHarness.Ack(copy, App, At(510), TimeSpan.Zero, acked, lost, null, (8UL, 8UL)).IsError);
        Assert.AreEqual(5, lost.Count);
        Assert.AreEqual(12_000, copy.Congestion.Window);
    }

    /// <summary>Goal: deadlines keep their distance, whatever the clocks of the two machines say.</summary>
    [TestMethod]
    public void Timers_travel_as_durations()
    {
        RecoveryHarness h = InFlight();
        h.Recovery[App].Received.OnReceived(4, true, Ecn.NotEct, At(205));
        TimeSpan timer = h.Recovery.LossDetectionTimer - At(210);
        LossRecovery copy = RecoveryHarness.Move(h.Recovery, true, At(210), At(-5000));
        Assert.AreEqual(timer, copy.LossDetectionTimer - At(-5000));
        Assert.AreEqual(RecoveryHarness.Ms(20), copy.AckDeadline - At(-5000));
    }

    /// <summary>Goal: a freeze that ends here again (an aborted move) ages nothing.</summary>
    [TestMethod]
    public void A_thaw_ages_nothing()
    {
        RecoveryHarness h = InFlight();
        Instant timer = h.Recovery.LossDetectionTimer;
        h.Recovery.OnThawed(At(1210), RecoveryHarness.Ms(1000));
        Assert.AreEqual(timer + RecoveryHarness.Ms(1000), h.Recovery.LossDetectionTimer);
        Assert.IsFalse(h.Ack(1212, 0, (2, 11)).IsError);
        Assert.AreEqual(1, h.LostOffsets().Length, "by number; by time nothing is");
        Assert.AreEqual(RecoveryHarness.Ms(100), h.Recovery.Rtt.Latest);
    }

    /// <summary>Goal: every change of travelling state moves the part's count, so that a copy made ahead can be completed.</summary>
    [TestMethod]
    public void Change_counts_follow_every_change()
    {
        RecoveryHarness h = InFlight();
        Dictionary<(ulong, ulong), (ulong Changes, byte[] Bytes)> seen = [];
        void Check(Action step)
        {
            foreach (TravellingPart part in h.Recovery.Parts)
            {
                seen[(part.Section, part.Key)] = (part.Changes, Bytes(part));
            }

            step();
            foreach (TravellingPart part in h.Recovery.Parts)
            {
                (ulong changes, byte[] bytes) = seen[(part.Section, part.Key)];
                Assert.IsTrue(part.Changes > changes || bytes.SequenceEqual(Bytes(part)), $"section {part.Section}/{part.Key}");
            }
        }

        Check(() => h.SendData(201));
        Check(() => h.Send(201, ecn: Ecn.Ect0));
        Check(() => h.Ack(300, 0, (1, 3)));
        Check(() => h.Ack(301, 0, (9, 9)));
        Check(() => h.Recovery.OnTimeout(h.Recovery.LossDetectionTimer, h.Lost));
        Check(() => h.Recovery[App].Received.OnReceived(1, true, Ecn.Ce, At(1)));
        Check(() => h.Recovery[App].Received.OnAckOfAck(new(SentFrameKind.Ack, Id: 0)));
        Check(() => h.Recovery[App].Received.OnAckNotSent());
        Check(() => h.Numbers.PlanSkip(3));
        Check(() => h.Numbers.Reserve(5000));
        Check(() => h.Recovery.OnNotSent(App, 11, h.Lost));
        Check(() => h.Recovery.OnThawed(At(2000), RecoveryHarness.Ms(3)));
        Check(() => h.Recovery.OnOwnerChanged(At(2000), true));
        Check(() => h.Recovery.OnOwnerChanged(At(2000), false));
        Check(() => h.Numbers.SkipReserved());
    }

    /// <summary>Goal: an import that lacks a section, or holds packets above the next number, is refused; unknown sections are not ours.</summary>
    [TestMethod]
    public void Incomplete_or_contradicting_imports_are_refused()
    {
        RecoveryHarness h = InFlight();
        TravellingPart[] parts = [.. h.Recovery.Parts];
        for (int missing = 0; missing < parts.Length; missing++)
        {
            LossRecovery copy = new(isServer: true, algorithm: null);
            foreach (TravellingPart part in parts.Where((_, i) => i != missing))
            {
                Assert.IsTrue(copy.TryImport(part.Section, part.Key, new(Bytes(part), At(2000))));
            }

            Assert.ThrowsExactly<SnapshotException>(() => copy.CompleteImport(At(2000)), $"without {parts[missing].Section}");
        }

        LossRecovery mixed = new(isServer: true, algorithm: null);
        foreach (TravellingPart part in parts)
        {
            byte[] bytes = part.Section == SectionNumber.SentPacketNumbers ? PartAssert.Export(new PacketNumbers(), At(0)) : Bytes(part);
            Assert.IsTrue(mixed.TryImport(part.Section, part.Key, new(bytes, At(2000))));
        }

        Assert.ThrowsExactly<SnapshotException>(() => mixed.CompleteImport(At(2000)));
        Assert.IsFalse(mixed.TryImport(SectionNumber.Credit, 0, new(new byte[1], At(0))));
    }

    private static byte[] Bytes(TravellingPart part)
    {
        SnapshotWriter writer = new(At(2000));
        part.Export(writer);
        return writer.Written.ToArray();
    }
}
