using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Core.Recovery;

[TestClass]
public sealed class ReceivedPacketsTests
{
    private static Instant At(double ms) => RecoveryHarness.At(ms);

    private static (AckRange[] Ranges, ulong Delay, EcnCounts Ecn) WriteAck(ReceivedPackets packets, double at, int room = 1200, int exponent = 3) =>
        WriteAck(packets, at, out _, room, exponent);

    private static (AckRange[] Ranges, ulong Delay, EcnCounts Ecn) WriteAck(
        ReceivedPackets packets, double at, out SentFrame noted, int room = 1200, int exponent = 3)
    {
        SentFrameBuffer frames = new();
        PacketBuilder builder = new(new byte[room], frames);
        Assert.IsTrue(packets.TryWriteAck(ref builder, At(at), exponent));
        Assert.IsFalse(builder.IsAckEliciting);
        ByteReader reader = new(builder.Writer.Written);
        Assert.IsTrue(reader.TryReadVarInt(out ulong type));
        Assert.IsTrue(AckFrame.TryRead((FrameType)type, ref reader, out AckFrame frame));
        Assert.IsTrue(reader.IsEmpty);
        noted = frames.Frames[0];
        Assert.AreEqual((SentFrameKind.Ack, frame.Largest), (noted.Kind, noted.Id));
        List<AckRange> ranges = [];
        foreach (AckRange range in frame.Ranges)
        {
            ranges.Add(range);
        }

        return ([.. ranges], frame.Delay, frame.Ecn);
    }

    /// <summary>Goal: every second ack-eliciting packet makes an ACK due, a single one after max_ack_delay (RFC 9000, section 13.2.1-2).</summary>
    [TestMethod]
    public void Acks_are_due_every_second_packet_or_after_the_delay()
    {
        ReceivedPackets packets = new(immediate: false);
        packets.OnReceived(0, true, Ecn.NotEct, At(0));
        Assert.IsTrue(packets.IsAckPending);
        Assert.IsFalse(packets.AckIsDue(At(24)));
        Assert.AreEqual(At(25), packets.AckDeadline);
        Assert.IsTrue(packets.AckIsDue(At(25)));
        packets.OnReceived(1, true, Ecn.NotEct, At(3));
        Assert.IsTrue(packets.AckIsDue(At(3)));
        Assert.AreEqual(At(25), packets.AckDeadline, "the first one's delay counts");

        (AckRange[] ranges, ulong delay, _) = WriteAck(packets, 11);
        CollectionAssert.AreEqual(new AckRange[] { new(0, 1) }, ranges);
        Assert.AreEqual(1000UL, delay, "8 ms in units of 8 us");
        Assert.IsFalse(packets.IsAckPending);
        Assert.IsFalse(packets.AckIsDue(At(1000)));
        Assert.IsTrue(packets.AckDeadline.IsNever);
    }

    /// <summary>Goal: Initial and Handshake packets, reordering, gaps and CE are acknowledged at once (RFC 9000, section 13.2.1).</summary>
    [TestMethod]
    public void Some_packets_are_acknowledged_at_once()
    {
        ReceivedPackets handshake = new(immediate: true);
        handshake.OnReceived(0, true, Ecn.NotEct, At(0));
        Assert.IsTrue(handshake.AckIsDue(At(0)));

        ReceivedPackets gap = new(immediate: false);
        gap.OnReceived(0, true, Ecn.NotEct, At(0));
        _ = WriteAck(gap, 0);
        gap.OnReceived(2, true, Ecn.NotEct, At(0));
        Assert.IsTrue(gap.AckIsDue(At(0)), "1 is missing");
        _ = WriteAck(gap, 0);
        gap.OnReceived(3, true, Ecn.NotEct, At(0));
        Assert.IsFalse(gap.AckIsDue(At(0)), "an old gap is known already");
        _ = WriteAck(gap, 0);
        gap.OnReceived(1, true, Ecn.NotEct, At(0));
        Assert.IsTrue(gap.AckIsDue(At(0)), "below a larger one");

        ReceivedPackets marked = new(immediate: false);
        marked.OnReceived(0, true, Ecn.Ce, At(0));
        Assert.IsTrue(marked.AckIsDue(At(0)));
        Assert.AreEqual(new EcnCounts(0, 0, 1), WriteAck(marked, 0).Ecn);
    }

    /// <summary>Goal: a gap that ends with packets that ask for no ACK is still a gap.</summary>
    [TestMethod]
    public void A_gap_behind_a_silent_packet_is_told_at_once()
    {
        ReceivedPackets packets = new(immediate: false);
        packets.OnReceived(5, true, Ecn.NotEct, At(0));
        _ = WriteAck(packets, 0);
        packets.OnReceived(7, false, Ecn.NotEct, At(0));
        Assert.IsFalse(packets.AckIsDue(At(100)));
        packets.OnReceived(8, true, Ecn.NotEct, At(0));
        Assert.IsTrue(packets.AckIsDue(At(0)));
    }

    /// <summary>Goal (checklist S5): no ACK because of ACKs; a PING flood gets at most one ACK for two packets.</summary>
    [TestMethod]
    public void S5_an_ack_storm_is_not_answered_one_by_one()
    {
        ReceivedPackets packets = new(immediate: false);
        int acks = 0;
        for (ulong number = 0; number < 200_000; number++)
        {
            packets.OnReceived(number, true, Ecn.NotEct, At(number / 200.0));
            if (packets.AckIsDue(At(number / 200.0)))
            {
                _ = WriteAck(packets, number / 200.0);
                acks++;
            }
        }

        Assert.IsTrue(acks <= 100_000, $"{acks} ACKs");
        ReceivedPackets silent = new(immediate: false);
        for (ulong number = 0; number < 1000; number += 2)
        {
            silent.OnReceived(number, false, Ecn.NotEct, At(0));
            Assert.IsFalse(silent.IsAckPending || silent.AckIsDue(At(1e6)));
        }
    }

    /// <summary>Goal: ranges are bounded; what falls out at the bottom counts as received, so that nothing is processed twice.</summary>
    [TestMethod]
    public void Ranges_are_capped_and_the_floor_rises()
    {
        ReceivedPackets packets = new(immediate: false);
        for (ulong number = 0; number < 100_000; number += 2)
        {
            Assert.IsFalse(packets.IsDuplicate(number));
            packets.OnReceived(number, true, Ecn.NotEct, At(0));
        }

        Assert.AreEqual(ReceivedPackets.MaxRanges, packets.RangeCount);
        Assert.IsTrue(packets.IsDuplicate(0));
        Assert.IsTrue(packets.IsDuplicate(1), "below the floor nobody can tell");
        Assert.IsTrue(packets.IsDuplicate(99_998));
        Assert.IsFalse(packets.IsDuplicate(99_997));
        (AckRange[] ranges, _, _) = WriteAck(packets, 0);
        Assert.AreEqual(ReceivedPackets.MaxReportedRanges, ranges.Length);
        Assert.AreEqual(new AckRange(99_998, 99_998), ranges[0]);

        ulong lowest = 99_998 - (2 * (ReceivedPackets.MaxRanges - 1));
        Assert.IsFalse(packets.IsDuplicate(lowest - 1));
        Assert.IsTrue(packets.IsDuplicate(lowest - 2));
    }

    /// <summary>
    /// Goal: when there are as many ranges as are remembered, and the next packet lies below them all, it falls out at once: it was processed, is never
    /// again, and is answered like any that comes out of order (it once was an index beyond the table).
    /// </summary>
    [TestMethod]
    public void The_lowest_of_too_many_ranges_may_be_the_new_one()
    {
        ReceivedPackets packets = new(immediate: false);
        packets.OnReceived(0, true, Ecn.NotEct, At(0));
        _ = WriteAck(packets, 0);
        for (ulong number = 10; number < 10 + (2 * ReceivedPackets.MaxRanges); number += 2)
        {
            packets.OnReceived(number, false, Ecn.NotEct, At(1));
        }

        Assert.AreEqual(ReceivedPackets.MaxRanges, packets.RangeCount);
        Assert.IsFalse(packets.IsDuplicate(5) || packets.IsAckPending);
        packets.OnReceived(5, true, Ecn.NotEct, At(2));
        Assert.AreEqual(ReceivedPackets.MaxRanges, packets.RangeCount);
        Assert.IsTrue(packets.IsDuplicate(5) && packets.IsDuplicate(4) && !packets.IsDuplicate(9));
        Assert.IsTrue(packets.AckIsDue(At(2)), "out of order");
        _ = PartAssert.RoundTrip(packets, At(3));
    }

    /// <summary>
    /// Goal: what did not fit an ACK frame is told in a later one, however many ranges there are: what counts as told is what was written, not all below
    /// the largest number (RFC 9000, sections 13.2.3 and 13.2.4). And the newest are in every frame.
    /// </summary>
    [TestMethod]
    [DataRow(1200)]
    [DataRow(60)]
    public void What_was_cut_off_is_told_later(int firstRoom)
    {
        ReceivedPackets packets = new(immediate: false);
        HashSet<ulong> untold = [];
        for (ulong number = 0; number < 2 * ReceivedPackets.MaxRanges; number += 2)
        {
            packets.OnReceived(number, true, Ecn.NotEct, At(0));
            _ = untold.Add(number);
        }

        int frames = 0;
        for (int room = firstRoom; untold.Count > 0; room = 1200)
        {
            AckRange[] ranges = WriteAck(packets, 1, out SentFrame noted, room).Ranges;
            Assert.AreEqual((2UL * ReceivedPackets.MaxRanges) - 2, ranges[0].Largest);
            untold.ExceptWith(ranges.Select(range => range.Largest));
            Assert.AreEqual(untold.Count > 0, noted.Fin);
            // The connection may move before its ACK is acknowledged.
            SentPackets sent = new();
            sent.OnSent(1, At(1), 100, false, false, Ecn.NotEct, [noted]);
            SentFrameBuffer arrived = new();
            PartAssert.RoundTrip(sent, At(2)).CopyFrames(1, arrived);
            packets.OnAckOfAck(arrived.Frames[0]);
            packets = PartAssert.RoundTrip(packets, At(2), At(2));
            Assert.IsLessThan(7, ++frames, $"{untold.Count} are never told");
        }

        packets.OnReceived(200, true, Ecn.NotEct, At(3));
        CollectionAssert.AreEqual(new AckRange[] { new(200, 200) }, WriteAck(packets, 3).Ranges, "then they are known");
    }

    /// <summary>Goal: what came late, and did not fit, is not lost by an older ACK that arrives then.</summary>
    [TestMethod]
    public void An_older_ack_does_not_tell_what_was_cut_off()
    {
        ReceivedPackets packets = new(immediate: false);
        for (ulong number = 0; number < 20; number += 4)
        {
            packets.OnReceived(number, true, Ecn.NotEct, At(0));
        }

        _ = WriteAck(packets, 0, out SentFrame older);
        packets.OnReceived(6, true, Ecn.NotEct, At(0));
        Assert.HasCount(3, WriteAck(packets, 0, room: 9).Ranges, "16, 12 and 8");
        packets.OnAckOfAck(older);
        AckRange[] ranges = WriteAck(packets, 0).Ranges;
        Assert.AreEqual(new AckRange(6, 6), ranges[^1]);
    }

    /// <summary>Goal: an ACK takes what room there is, newest ranges first, and is not written at all where it does not fit.</summary>
    [TestMethod]
    public void An_ack_fits_the_room()
    {
        ReceivedPackets packets = new(immediate: false);
        for (ulong number = 0; number < 20; number += 2)
        {
            packets.OnReceived(number, true, Ecn.NotEct, At(0));
        }

        PacketBuilder tiny = new(new byte[3], new());
        Assert.IsFalse(packets.TryWriteAck(ref tiny, At(0), 3));
        Assert.IsTrue(tiny.IsEmpty);
        Assert.IsTrue(packets.IsAckPending);
        (AckRange[] ranges, _, _) = WriteAck(packets, 0, room: 9);
        CollectionAssert.AreEqual(new AckRange[] { new(18, 18), new(16, 16), new(14, 14) }, ranges);
    }

    /// <summary>Goal: what the peer knows that we know is not repeated, late arrivals are (RFC 9000, section 13.2.4).</summary>
    [TestMethod]
    public void Acknowledged_acks_shorten_the_next()
    {
        ReceivedPackets packets = new(immediate: false);
        packets.OnReceived(0, true, Ecn.NotEct, At(0));
        packets.OnReceived(2, true, Ecn.NotEct, At(0));
        packets.OnReceived(4, true, Ecn.NotEct, At(0));
        Assert.AreEqual(3, WriteAck(packets, 0).Ranges.Length);
        packets.OnReceived(3, true, Ecn.NotEct, At(0));
        packets.OnAckOfAck(new(SentFrameKind.Ack, Id: 4));
        packets.OnReceived(5, true, Ecn.NotEct, At(0));
        CollectionAssert.AreEqual(new AckRange[] { new(3, 5) }, WriteAck(packets, 0).Ranges, "3 came after that ACK");
        packets.OnAckOfAck(new(SentFrameKind.Ack, Id: 5));
        packets.OnReceived(6, true, Ecn.NotEct, At(0));
        CollectionAssert.AreEqual(new AckRange[] { new(6, 6) }, WriteAck(packets, 0).Ranges);
        Assert.IsTrue(packets.IsDuplicate(2), "shorter ACKs forget nothing");
        packets.OnReceived(1, true, Ecn.NotEct, At(0));
        CollectionAssert.AreEqual(new AckRange[] { new(1, 6) }, WriteAck(packets, 0).Ranges);
    }

    /// <summary>Goal: against a naive set, under random arrivals, duplicates are recognised and ranges are right.</summary>
    [TestMethod]
    public void Ranges_agree_with_a_naive_set()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            Random random = new(seed);
            ReceivedPackets packets = new(immediate: false);
            SortedSet<ulong> naive = [];
            for (int i = 0; i < 90; i++)
            {
                ulong number = (ulong)random.Next(60);
                Assert.AreEqual(naive.Contains(number), packets.IsDuplicate(number));
                if (naive.Add(number))
                {
                    packets.OnReceived(number, true, Ecn.NotEct, At(i));
                }

                HashSet<ulong> told = [];
                foreach (AckRange range in WriteAck(packets, i).Ranges)
                {
                    for (ulong n = range.Smallest; n <= range.Largest; n++)
                    {
                        _ = told.Add(n);
                    }
                }

                Assert.IsTrue(naive.SetEquals(told), $"seed {seed}, step {i}");
            }
        }
    }

    /// <summary>Goal: no field is forgotten, with the pending acknowledgement and its deadline.</summary>
    [TestMethod]
    public void Every_field_travels()
    {
        ReceivedPackets packets = new(immediate: true);
        for (ulong number = 0; number < 400; number += 2)
        {
            packets.OnReceived(number, true, number % 3 == 0 ? Ecn.Ect0 : number % 3 == 1 ? Ecn.Ect1 : Ecn.Ce, At(number));
        }

        _ = WriteAck(packets, 400);
        packets.OnAckOfAck(new(SentFrameKind.Ack, Id: 350));
        packets.OnReceived(500, true, Ecn.NotEct, At(401));
        PartAssert.EveryFieldTravels(packets, new(immediate: false), At(405));
        PartAssert.EveryCutIsRefused(packets, At(405));
        ReceivedPackets copy = PartAssert.RoundTrip(packets, At(405));
        Assert.IsTrue(copy.IsAckPending);
        Assert.IsTrue(copy.IsDuplicate(500) && copy.IsDuplicate(0) && !copy.IsDuplicate(499));
    }

    /// <summary>Goal: an ACK that was sealed and thrown away is due again.</summary>
    [TestMethod]
    public void An_unsent_ack_is_due_again()
    {
        ReceivedPackets packets = new(immediate: false);
        packets.OnReceived(0, true, Ecn.NotEct, At(0));
        _ = WriteAck(packets, 0);
        packets.OnAckNotSent();
        Assert.IsTrue(packets.AckIsDue(At(0)));
        Assert.AreEqual(1, WriteAck(packets, 0).Ranges.Length);
    }

    /// <summary>Goal: ranges that overlap or lie below the floor are refused.</summary>
    [TestMethod]
    public void Contradictions_are_refused()
    {
        ReceivedPackets packets = new(immediate: false);
        packets.OnReceived(3, true, Ecn.NotEct, At(0));
        packets.OnReceived(7, true, Ecn.NotEct, At(0));
        byte[] bytes = PartAssert.Export(packets, At(0));
        // The last two numbers are the lower range: largest 3, smallest 3.
        bytes[^2] = 6;
        Assert.ThrowsExactly<SnapshotException>(() => PartAssert.Import<ReceivedPackets>(bytes, At(0)));
        bytes[^2] = 3;
        bytes[^1] = 4;
        Assert.ThrowsExactly<SnapshotException>(() => PartAssert.Import<ReceivedPackets>(bytes, At(0)));
    }
}
