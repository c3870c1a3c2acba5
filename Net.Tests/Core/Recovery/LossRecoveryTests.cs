using Net.Core.Errors;
using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Core.Recovery;

[TestClass]
public sealed class LossRecoveryTests
{
    private const PacketNumberSpace App = PacketNumberSpace.ApplicationData;

    private static Instant At(double ms) => RecoveryHarness.At(ms);

    private static RecoveryHarness WithSample(double rtt = 100, bool isServer = true)
    {
        RecoveryHarness h = new(isServer);
        _ = h.SendData(0);
        Assert.IsFalse(h.Ack(rtt, 0, (0, 0)).IsError);
        h.Acked.Clear();
        return h;
    }

    /// <summary>Goal (checklist S2): a number never sent ends the connection at once, and changes nothing.</summary>
    [TestMethod]
    public void S2_an_ack_of_what_was_never_sent_is_a_violation()
    {
        RecoveryHarness h = new();
        _ = h.SendData(0);
        Assert.AreEqual(TransportErrorCode.ProtocolViolation, h.Ack(1, 0, (0, VarInt.MaxValue)).Code);
        Assert.AreEqual(TransportErrorCode.ProtocolViolation, h.Ack(1, 0, (0, 1)).Code);
        Assert.AreEqual(1200L, h.Recovery.BytesInFlight);
        Assert.AreEqual(0, h.Acked.Count);
    }

    /// <summary>Goal (checklist S3): a range count that cannot follow does not parse, so that no loop runs.</summary>
    [TestMethod]
    public void S3_a_range_count_bomb_does_not_parse()
    {
        ByteWriter writer = new(new byte[200]);
        writer.WriteVarInt(1000);
        writer.WriteVarInt(0);
        writer.WriteVarInt(VarInt.MaxValue);
        ByteReader reader = new(writer.Written);
        Assert.IsFalse(AckFrame.TryRead(FrameType.Ack, ref reader, out _));
    }

    /// <summary>Goal: only a peer that guesses acknowledges a number that was left out (RFC 9000, section 21.4).</summary>
    [TestMethod]
    public void An_ack_of_a_skipped_number_is_a_violation()
    {
        RecoveryHarness h = new();
        h.Numbers.PlanSkip(0);
        _ = h.SendData(0);
        _ = h.SendData(0);
        Assert.AreEqual(TransportErrorCode.ProtocolViolation, h.Ack(1, 0, (0, 2)).Code);
        Assert.IsFalse(h.Ack(1, 0, (2, 2), (0, 0)).IsError);
        Assert.AreEqual(2, h.Acked.Count);
    }

    /// <summary>Goal: an ACK in the range that was perhaps sent gives no credit, no sample and no error.</summary>
    [TestMethod]
    public void An_ack_of_what_was_perhaps_sent_means_nothing()
    {
        RecoveryHarness h = WithSample();
        h.Numbers.SkipReserved();
        h.Recovery.OnOwnerChanged(At(200), samePath: true);
        TimeSpan before = h.Recovery.Rtt.Smoothed;
        int window = h.Recovery.Congestion.Window;
        Assert.IsFalse(h.Ack(210, 0, (1, 500)).IsError);
        Assert.AreEqual((0UL, before, window, 0), (h.Numbers.LargestAcked!.Value, h.Recovery.Rtt.Smoothed, h.Recovery.Congestion.Window, h.Acked.Count));
        ulong number = h.SendData(220);
        Assert.IsFalse(h.Ack(260, 0, (1, number)).IsError);
        Assert.AreEqual(number, h.Numbers.LargestAcked);
        Assert.AreEqual(1, h.Acked.Count);
    }

    /// <summary>Goal: packet threshold of three (RFC 9002, section 6.1.1), with one reduction of the window.</summary>
    [TestMethod]
    public void Three_numbers_behind_is_lost()
    {
        RecoveryHarness h = WithSample();
        for (int i = 0; i < 5; i++)
        {
            _ = h.SendData(200);
        }

        Assert.IsFalse(h.Ack(300, 0, (3, 3)).IsError);
        Assert.AreEqual(0, h.Lost.Count, "1 and 2 may still come");
        Assert.IsFalse(h.Ack(300, 0, (4, 4)).IsError);
        CollectionAssert.AreEqual(new ulong[] { 1 }, h.LostOffsets());
        Assert.IsFalse(h.Ack(300, 0, (5, 5)).IsError);
        CollectionAssert.AreEqual(new ulong[] { 1, 2 }, h.LostOffsets());
        Assert.AreEqual(0L, h.Recovery.BytesInFlight);
        Assert.AreEqual(h.Recovery.Congestion.SlowStartThreshold, h.Recovery.Congestion.Window);
    }

    /// <summary>Goal: time threshold of 9/8 round trips (RFC 9002, section 6.1.2), through the timer.</summary>
    [TestMethod]
    public void Late_is_lost_after_nine_eighths_of_a_round_trip()
    {
        RecoveryHarness h = WithSample();
        _ = h.SendData(200);
        _ = h.SendData(210);
        Assert.IsFalse(h.Ack(310, 0, (2, 2)).IsError);
        Assert.AreEqual(At(312.5), h.Recovery.LossDetectionTimer);
        Assert.AreEqual(LossTimeoutKind.Nothing, h.Recovery.OnTimeout(At(312.4), h.Lost).Kind);
        Assert.AreEqual(new LossTimeout(LossTimeoutKind.Lost, App), h.Recovery.OnTimeout(At(312.5), h.Lost));
        CollectionAssert.AreEqual(new ulong[] { 1 }, h.LostOffsets());
        Assert.IsTrue(h.Recovery.Deadline.IsNever);
    }

    /// <summary>Goal: PTO, doubling, probes with the oldest frames and no loss declared; an ACK ends the back-off (RFC 9002, section 6.2).</summary>
    [TestMethod]
    public void Probe_timeouts_back_off_and_lose_nothing()
    {
        RecoveryHarness h = WithSample();
        for (int i = 0; i < 4; i++)
        {
            _ = h.SendData(200);
        }

        // Smoothed 100, variation 50, max_ack_delay 25.
        Assert.AreEqual(At(200 + 325), h.Recovery.Deadline);
        Assert.AreEqual(new LossTimeout(LossTimeoutKind.SendProbes, App, 2), h.Recovery.OnTimeout(At(525), h.Lost));
        CollectionAssert.AreEqual(new ulong[] { 1, 2 }, h.LostOffsets());
        Assert.AreEqual(4800L, h.Recovery.BytesInFlight);
        Assert.AreEqual(12_000, h.Recovery.Congestion.Window);
        Assert.AreEqual(2, h.Recovery.PendingProbes);
        Assert.AreEqual(At(200 + 650), h.Recovery.Deadline);
        _ = h.SendData(525);
        _ = h.SendData(525);
        Assert.AreEqual(0, h.Recovery.PendingProbes);
        Assert.AreEqual(At(525 + 650), h.Recovery.Deadline);
        Assert.IsFalse(h.Ack(600, 0, (1, 6)).IsError);
        Assert.AreEqual(0, h.Recovery.PtoCount);
        Assert.IsTrue(h.Recovery.Deadline.IsNever);
    }

    /// <summary>Goal: 1-RTT packets have no probe timeout before the handshake is confirmed (RFC 9002, section 6.2.1).</summary>
    [TestMethod]
    public void No_application_probes_before_confirmation()
    {
        RecoveryHarness h = new(confirmed: false);
        _ = h.SendData(0);
        Assert.IsTrue(h.Recovery.Deadline.IsNever);
        h.Recovery.OnHandshakeConfirmed();
        Assert.IsFalse(h.Recovery.Deadline.IsNever);
    }

    /// <summary>Goal: a client with nothing in flight probes until its address is validated (RFC 9002, section 6.2.2.1).</summary>
    [TestMethod]
    public void A_client_keeps_the_server_from_a_deadlock()
    {
        RecoveryHarness h = new(isServer: false, confirmed: false);
        _ = h.Send(0, space: PacketNumberSpace.Initial);
        Assert.IsFalse(h.AckIn(PacketNumberSpace.Initial, 40, (0, 0)).IsError);
        Assert.AreEqual(At(40 + 120), h.Recovery.Deadline);
        Assert.AreEqual(new LossTimeout(LossTimeoutKind.SendProbes, PacketNumberSpace.Initial, 1), h.Recovery.OnTimeout(At(160), h.Lost));
        h.Recovery.HasHandshakeKeys = true;
        Assert.AreEqual(At(160 + 240), h.Recovery.Deadline);
        Assert.AreEqual(PacketNumberSpace.Handshake, h.Recovery.OnTimeout(At(400), h.Lost).Space);
        _ = h.Send(400, space: PacketNumberSpace.Initial);
        Assert.IsFalse(h.AckIn(PacketNumberSpace.Initial, 440, (1, 1)).IsError);
        Assert.AreEqual(2, h.Recovery.PtoCount, "an Initial's ACK does not validate the address");
        _ = h.Send(450, space: PacketNumberSpace.Handshake);
        Assert.IsFalse(h.AckIn(PacketNumberSpace.Handshake, 490, (0, 0)).IsError);
        Assert.AreEqual(0, h.Recovery.PtoCount);
        Assert.IsTrue(h.Recovery.Deadline.IsNever);
    }

    /// <summary>Goal: a server out of credit has no timer.</summary>
    [TestMethod]
    public void A_blocked_server_has_no_timer()
    {
        RecoveryHarness h = new(confirmed: false);
        _ = h.Send(0, space: PacketNumberSpace.Initial);
        Assert.AreEqual(At(999), h.Recovery.Deadline);
        h.Recovery.IsAmplificationBlocked = true;
        Assert.IsTrue(h.Recovery.Deadline.IsNever);
    }

    /// <summary>Goal: everything lost for three PTOs takes the window to its minimum (RFC 9002, section 7.6), an ACK between prevents it.</summary>
    [TestMethod]
    [DataRow(false, 830.0, 2400 + 1200)]
    [DataRow(true, 830.0, 6000)]
    [DataRow(false, 820.0, 6000)]
    public void Persistent_congestion(bool ackedBetween, double last, int window)
    {
        // The probe's sample of 100 ms comes first: three times 100 + 4 * 37.5 + 25 are 825 ms. Then the probe itself grows the minimum.
        RecoveryHarness h = WithSample();
        _ = h.SendData(101);
        _ = h.SendData(101 + (last / 2));
        _ = h.SendData(101 + last);
        _ = h.SendData(1300);
        _ = h.SendData(1300);
        ulong probe = h.SendData(1300);
        Assert.IsFalse((ackedBetween ? h.Ack(1400, 0, (probe, probe), (2, 2)) : h.Ack(1400, 0, (probe, probe))).IsError);
        Assert.IsTrue(h.LostOffsets().Contains(1UL) && h.LostOffsets().Contains(3UL));
        Assert.AreEqual(window, h.Recovery.Congestion.Window);
    }

    /// <summary>Goal: the allowance is window less flight, in full datagrams, spread by pacing; probes go beyond.</summary>
    [TestMethod]
    public void The_allowance_is_bounded_by_window_and_pacing()
    {
        RecoveryHarness h = new();
        Assert.AreEqual(12_000, h.Recovery.SendAllowance(At(0)));
        for (int i = 0; i < 10; i++)
        {
            _ = h.SendData(0, 1150);
        }

        Assert.AreEqual(0, h.Recovery.SendAllowance(At(500)), "500 bytes are no datagram");
        Assert.IsFalse(h.Ack(20, 0, (0, 4)).IsError);
        Assert.AreEqual(17_750 - 5750, h.Recovery.SendAllowance(At(500)));
        for (int i = 0; i < 8; i++)
        {
            _ = h.SendData(501, 1450);
        }

        int allowance = h.Recovery.SendAllowance(At(501));
        Assert.AreEqual(0, allowance);
        _ = h.Recovery.OnTimeout(h.Recovery.LossDetectionTimer, h.Lost);
        Assert.AreEqual(2400, h.Recovery.SendAllowance(At(501)));
    }

    /// <summary>Goal: pacing gives a deadline, and more when it has come.</summary>
    [TestMethod]
    public void Pacing_has_a_deadline()
    {
        RecoveryHarness h = WithSample();
        for (int round = 0; round < 3; round++)
        {
            double now = 1000 * (round + 1);
            ulong first = h.Numbers.Next;
            for (int i = 0; i < 10; i++)
            {
                _ = h.SendData(now);
            }

            Assert.IsFalse(h.Ack(now + 100, 0, (first, h.Numbers.Next - 1)).IsError);
        }

        for (int i = 0; i < 10; i++)
        {
            _ = h.SendData(5000);
        }

        Assert.IsTrue(h.Recovery.Congestion.Window > 20_000);
        Assert.AreEqual(0, h.Recovery.SendAllowance(At(5000)));
        Instant wake = h.Recovery.Deadline;
        Assert.IsTrue(wake > At(5000) && wake < At(5050));
        Assert.AreEqual(LossTimeoutKind.Nothing, h.Recovery.OnTimeout(wake, h.Lost).Kind);
        Assert.IsTrue(h.Recovery.SendAllowance(wake) >= 5_000);
    }

    /// <summary>Goal: keys that are gone take their packets along, and reset the back-off.</summary>
    [TestMethod]
    public void A_discarded_space_counts_no_more()
    {
        RecoveryHarness h = new(confirmed: false);
        _ = h.Send(0, space: PacketNumberSpace.Initial);
        _ = h.Recovery.OnTimeout(At(999), h.Lost);
        Assert.AreEqual(1, h.Recovery.PtoCount);
        h.Recovery.Discard(PacketNumberSpace.Initial, At(1000));
        Assert.AreEqual((0L, 0), (h.Recovery.BytesInFlight, h.Recovery.PtoCount));
        Assert.IsTrue(h.Recovery.Deadline.IsNever);
        Assert.IsFalse(h.AckIn(PacketNumberSpace.Initial, 1001, (0, 0)).IsError);
        Assert.AreEqual(0, h.Acked.Count);
    }

    /// <summary>Goal: a Retry sends all again without a congestion event.</summary>
    [TestMethod]
    public void A_retry_is_no_congestion()
    {
        RecoveryHarness h = new(isServer: false, confirmed: false);
        _ = h.Send(0, space: PacketNumberSpace.Initial, frames: new SentFrame(SentFrameKind.Crypto, 0, 0, 300));
        h.Recovery.OnAllInVain(PacketNumberSpace.Initial, At(10), h.Lost);
        Assert.AreEqual((1, 0L, 12_000), (h.Lost.Count, h.Recovery.BytesInFlight, h.Recovery.Congestion.Window));
        Assert.AreEqual(1UL, h.Recovery[PacketNumberSpace.Initial].Numbers.Next);
    }

    /// <summary>Goal: what was sealed and thrown away comes back, its number stays spent, its ACK is due again, the window stays.</summary>
    [TestMethod]
    public void An_unsent_packet_comes_back_without_a_reaction()
    {
        RecoveryHarness h = new();
        h.Recovery[App].Received.OnReceived(0, true, Ecn.NotEct, At(0));
        ulong number = h.Send(0, frames: [new(SentFrameKind.Ack, 0), new(SentFrameKind.Ping), new(SentFrameKind.MaxData, 0, 9)]);
        h.Recovery.OnNotSent(App, number, h.Lost);
        h.Recovery.OnNotSent(App, number, h.Lost);
        CollectionAssert.AreEqual(new SentFrame[] { new(SentFrameKind.MaxData, 0, 9) }, h.Lost.Frames.ToArray());
        Assert.AreEqual((number + 1, 0L, 12_000), (h.Numbers.Next, h.Recovery.BytesInFlight, h.Recovery.Congestion.Window));
        Assert.IsTrue(h.Recovery[App].Received.AckIsDue(At(0)));
        Assert.IsFalse(h.Ack(50, 0, (number, number)).IsError);
        Assert.IsFalse(h.Recovery.Rtt.HasSample);
    }

    /// <summary>Goal: CE counts reduce the window once; lying counts only disable ECN.</summary>
    [TestMethod]
    public void Ecn_signals_congestion_until_it_lies()
    {
        RecoveryHarness h = new();
        for (int i = 0; i < 4; i++)
        {
            _ = h.Send(0, ecn: Ecn.Ect0);
        }

        Assert.IsFalse(h.AckEcn(100, new(1, 0, 1), (0, 1)).IsError);
        Assert.AreEqual(6_000, h.Recovery.Congestion.Window);
        Assert.IsTrue(h.Recovery.IsEcnUsable);
        Assert.IsFalse(h.AckEcn(110, new(0, 0, 900), (0, 3)).IsError);
        Assert.IsFalse(h.Recovery.IsEcnUsable);
        Assert.AreEqual(0L, h.Recovery.BytesInFlight);
    }

    /// <summary>Goal: a space that is over has no say in how packets are marked, by a lie or by what it never learned: nothing would ever change its mind (RFC 9000, section 13.4.2).</summary>
    [TestMethod]
    public void What_is_over_has_no_say_in_marking()
    {
        RecoveryHarness h = new();
        _ = h.Send(0, space: PacketNumberSpace.Handshake, ecn: Ecn.Ect0);
        Assert.IsFalse(h.AckIn(PacketNumberSpace.Handshake, 10, (0, 0)).IsError);
        Assert.AreEqual((false, Ecn.NotEct), (h.Recovery.IsEcnUsable, h.Recovery.Marking), "marked, and not counted");
        h.Recovery.OnPathChanged(At(20));
        Assert.AreEqual(Ecn.NotEct, h.Recovery.Marking);
        h.Recovery.Discard(PacketNumberSpace.Handshake, At(30));
        Assert.AreEqual((true, Ecn.Ect0), (h.Recovery.IsEcnUsable, h.Recovery.Marking));

        for (int i = 0; i < EcnValidation.MaxUnproven; i++)
        {
            _ = h.Send(40, space: PacketNumberSpace.Initial, ecn: Ecn.Ect0);
        }

        Assert.AreEqual(Ecn.NotEct, h.Recovery.Marking, "enough was tried");
        h.Recovery.Discard(PacketNumberSpace.Initial, At(50));
        Assert.AreEqual(Ecn.Ect0, h.Recovery.Marking);
    }

    /// <summary>Goal: how long an ACK had to wait for its keys is no part of the round trip, and one that came before its packet was sent tells of none (RFC 9002, section 5.3).</summary>
    [TestMethod]
    public void The_wait_for_keys_is_no_round_trip()
    {
        RecoveryHarness h = new(confirmed: false);
        _ = h.Send(20);
        ByteWriter writer = new(new byte[100]);
        Assert.AreEqual(1, AckFrame.Write(ref writer, [new(0, 0)], 0, null, 100));
        ByteReader reader = new(writer.Written[1..]);
        Assert.IsTrue(AckFrame.TryRead(FrameType.Ack, ref reader, out AckFrame frame));
        Assert.IsFalse(h.Recovery.OnAck(App, frame, TimeSpan.Zero, At(100), false, h.Acked, h.Lost, heardAt: At(50)).IsError);
        Assert.AreEqual(TimeSpan.FromMilliseconds(30), h.Recovery.Rtt.Latest);

        RecoveryHarness early = new(confirmed: false);
        _ = early.Send(20);
        Assert.IsFalse(early.Recovery.OnAck(App, frame, TimeSpan.Zero, At(100), false, early.Acked, early.Lost, heardAt: At(10)).IsError);
        Assert.IsFalse(early.Recovery.Rtt.HasSample);
    }

    /// <summary>Goal: an ACK that tells of a loss elicits an answer, once at a time, until the peer has it; one that tells of none does not.</summary>
    [TestMethod]
    public void An_ACK_of_a_loss_is_to_be_answered()
    {
        RecoveryHarness h = new();
        h.Recovery.OnHandshakeConfirmed();
        ReceivedPackets received = h.Recovery[App].Received;
        received.OnReceived(0, true, Ecn.NotEct, At(0));
        Assert.IsFalse(h.Recovery.WantsPing(App), "nothing is missing");
        received.OnReceived(2, true, Ecn.NotEct, At(0));
        Assert.IsTrue(h.Recovery.WantsPing(App));
        PacketBuilder ack = new(new byte[100], new());
        Assert.IsTrue(received.TryWriteAck(ref ack, At(0), 3));
        _ = h.Send(0, size: 40, frames: new SentFrame(SentFrameKind.Ack, 2));
        Assert.IsFalse(h.Recovery.WantsPing(App), "one is on its way");
        Assert.IsFalse(h.Ack(1, 0, (0, 0)).IsError);
        received.OnReceived(3, true, Ecn.NotEct, At(1));
        Assert.IsFalse(h.Recovery.WantsPing(App), "the peer knows");
        received.OnReceived(5, true, Ecn.NotEct, At(1));
        Assert.IsTrue(h.Recovery.WantsPing(App), "another one");
    }

    /// <summary>Goal: an ACK of our ACK reaches the received ranges, and only-ACK senders are told to PING.</summary>
    [TestMethod]
    public void Acks_of_acks_and_pings()
    {
        RecoveryHarness h = new();
        ReceivedPackets received = h.Recovery[App].Received;
        received.OnReceived(0, true, Ecn.NotEct, At(0));
        received.OnReceived(2, true, Ecn.NotEct, At(0));
        PacketBuilder first = new(new byte[100], new());
        Assert.IsTrue(received.TryWriteAck(ref first, At(0), 3));
        for (int i = 0; i < LossRecovery.MaxSilentRun; i++)
        {
            _ = h.Send(0, size: 40, eliciting: false, frames: new SentFrame(SentFrameKind.Ack, 2));
        }

        Assert.IsTrue(h.Recovery.WantsPing(App));
        Assert.AreEqual(0L, h.Recovery.BytesInFlight);
        Assert.IsFalse(h.Ack(1, 0, (5, 5)).IsError);
        received.OnReceived(3, true, Ecn.NotEct, At(1));
        SentFrameBuffer frames = new();
        PacketBuilder builder = new(new byte[100], frames);
        Assert.IsTrue(received.TryWriteAck(ref builder, At(1), 3));
        Assert.AreEqual(5, builder.Writer.Position, "one range of one number");
        Assert.AreEqual(0, h.Acked.Count);
    }
}
