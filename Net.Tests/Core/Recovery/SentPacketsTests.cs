using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Core.Recovery;

[TestClass]
public sealed class SentPacketsTests
{
    private static Instant At(double ms) => RecoveryHarness.At(ms);

    private static SentFrame Frame(ulong id) => new(SentFrameKind.Stream, id, id * 10, (uint)id, id % 2 == 1);

    /// <summary>Goal: against a naive model, random sends and removals keep sums, neighbours and frames right, also through an export.</summary>
    [TestMethod]
    public void The_rings_agree_with_a_naive_model()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            Random random = new(seed);
            SentPackets packets = new();
            SortedDictionary<ulong, (SentPacket Packet, SentFrame[] Frames)> naive = [];
            ulong next = (ulong)random.Next(5);
            for (int step = 0; step < 400; step++)
            {
                if (random.Next(100) < 55)
                {
                    next += (ulong)random.Next(10) / 9;
                    bool eliciting = random.Next(4) > 0;
                    SentFrame[] frames = [.. Enumerable.Range(0, random.Next(4)).Select(i => Frame(next + (ulong)i))];
                    SentPacket packet = new(next, At(step), 100 + random.Next(1100), eliciting, eliciting, (Ecn)random.Next(3));
                    packets.OnSent(next++, packet.SentAt, packet.Size, eliciting, eliciting, packet.Ecn, frames);
                    naive.Add(packet.Number, (packet, frames));
                }
                else if (naive.Count > 0)
                {
                    ulong victim = naive.Keys.ElementAt(random.Next(naive.Count));
                    SentFrameBuffer carried = new();
                    packets.CopyFrames(victim, carried);
                    CollectionAssert.AreEqual(naive[victim].Frames, carried.Frames.ToArray());
                    if (random.Next(2) == 0)
                    {
                        packets.OnAcked(victim);
                    }
                    else
                    {
                        packets.OnLost(victim);
                    }

                    _ = naive.Remove(victim);
                }

                ulong probe = (ulong)random.Next((int)next + 2);
                bool found = packets.TryFindAtOrBelow(probe, out SentPacket below);
                (SentPacket Packet, SentFrame[]) expected = naive.LastOrDefault(pair => pair.Key <= probe).Value;
                Assert.AreEqual(naive.Keys.Any(key => key <= probe), found);
                Assert.AreEqual(expected.Packet, below);
                Assert.AreEqual(naive.Values.Where(p => p.Packet.InFlight).Sum(p => (long)p.Packet.Size), packets.BytesInFlight);
                Assert.AreEqual(naive.Values.Count(p => p.Packet.AckEliciting), packets.AckElicitingInFlight);
                Assert.AreEqual(naive.Count, packets.Count);
                if (step % 50 == 49)
                {
                    packets = PartAssert.Import<SentPackets>(PartAssert.Export(packets, At(step)), At(step));
                }
            }
        }
    }

    /// <summary>
    /// Goal: behind an old packet that stays open, whatever was sent and has gone holds no memory, and all that is asked of the rest is answered as by a
    /// naive model, through exports too.
    /// </summary>
    [TestMethod]
    public void What_is_gone_makes_room_behind_an_open_packet()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            Random random = new(seed);
            SentPackets packets = new();
            SortedDictionary<ulong, SentFrame[]> open = [];
            SortedSet<ulong> acked = [];
            ulong next = 3;
            for (int step = 0; step < 1000; step++)
            {
                if (open.Count < 6)
                {
                    next += random.Next(20) == 0 ? 1UL << random.Next(40) : 0;
                    SentFrame[] frames = [.. Enumerable.Range(0, random.Next(4)).Select(i => Frame(next + (ulong)i))];
                    bool eliciting = random.Next(3) > 0;
                    packets.OnSent(next, At(step), 100, eliciting, eliciting, Ecn.NotEct, frames);
                    open.Add(next++, frames);
                }
                else
                {
                    ulong victim = open.Keys.ElementAt(1 + random.Next(5));
                    if (random.Next(2) == 0)
                    {
                        packets.OnAcked(victim);
                        _ = acked.Add(victim);
                    }
                    else
                    {
                        packets.OnLost(victim);
                    }

                    _ = open.Remove(victim);
                }

                ulong lower = open.Keys.ElementAt(random.Next(open.Count)), upper = open.Keys.ElementAt(random.Next(open.Count));
                Assert.AreEqual(lower < upper && acked.GetViewBetween(lower, upper).Count > 0, packets.HasAckedBetween(lower, upper), $"seed {seed}, step {step}");
                SentFrameBuffer carried = new();
                packets.CopyFrames(lower, carried);
                CollectionAssert.AreEqual(open[lower], carried.Frames.ToArray());
                ulong probe = upper + (ulong)random.Next(3) - 1;
                Assert.AreEqual(open.ContainsKey(probe), packets.TryGet(probe, out _));
                Assert.AreEqual(open.Keys.Any(key => key <= probe), packets.TryFindAtOrBelow(probe, out SentPacket below));
                Assert.AreEqual(open.Keys.LastOrDefault(key => key <= probe), below.Number);
                Assert.AreEqual(open.Keys.Any(key => key >= probe), packets.TryFindAtOrAbove(probe, out SentPacket above));
                Assert.AreEqual(open.Keys.FirstOrDefault(key => key >= probe), above.Number);
                if (step % 150 == 149)
                {
                    packets = PartAssert.RoundTrip(packets, At(step), At(step));
                }
            }

            Assert.IsLessThanOrEqualTo(32, packets.Capacity);
            Assert.AreEqual((open.Count, next), (packets.Count, packets.End));
        }
    }

    /// <summary>
    /// Goal: a peer that acknowledges nothing, although it should, cannot make us remember our ACKs to it: behind the packet that it owes an answer to,
    /// no more of them are kept than without one (after 262,144 the ring once threw).
    /// </summary>
    [TestMethod]
    public void Silent_packets_are_forgotten_behind_an_open_one()
    {
        SentPackets packets = new();
        packets.OnSent(0, At(0), 1200, true, true, Ecn.NotEct, [Frame(1)]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (ulong number = 1; number < 400_000; number++)
        {
            packets.OnSent(number, At(0), 40, false, false, Ecn.NotEct, [new(SentFrameKind.Ack, number)]);
        }

        Assert.IsLessThan(1_000_000, GC.GetAllocatedBytesForCurrentThread() - before, "bytes (checklist: 1 MB for each connection)");
        Assert.AreEqual(SentPackets.MaxSilent + 1, packets.Count);
        Assert.IsLessThanOrEqualTo(4 * SentPackets.MaxSilent, packets.Capacity);
        SentFrameBuffer frames = new();
        packets.CopyFrames(399_999, frames);
        packets.CopyFrames(0, frames);
        CollectionAssert.AreEqual(new SentFrame[] { new(SentFrameKind.Ack, 399_999), Frame(1) }, frames.Frames.ToArray());
        SentPackets copy = PartAssert.RoundTrip(packets, At(1));
        Assert.AreEqual(packets.Count, copy.Count);
        copy.OnAcked(0);
        Assert.IsTrue(copy.TryFindAtOrAbove(0, out SentPacket oldest));
        Assert.AreEqual(400_000UL - SentPackets.MaxSilent, oldest.Number);
    }

    /// <summary>Goal: a number below one already sent is our own mistake; a leap costs nothing.</summary>
    [TestMethod]
    public void Numbers_must_grow_and_may_leap()
    {
        SentPackets packets = new();
        packets.OnSent(5, At(0), 100, true, true, Ecn.NotEct, []);
        Assert.ThrowsExactly<InvalidOperationException>(() => packets.OnSent(5, At(0), 100, true, true, Ecn.NotEct, []));
        packets.OnSent(VarInt.MaxValue, At(0), 100, true, true, Ecn.NotEct, []);
        Assert.AreEqual((2, 16), (packets.Count, packets.Capacity));
        Assert.AreEqual(2, PartAssert.RoundTrip(packets, At(0)).Count);
    }

    /// <summary>Goal: a peer that never acknowledges our ACKs cannot make us remember all of them.</summary>
    [TestMethod]
    public void Silent_packets_are_forgotten_beyond_a_limit()
    {
        SentPackets packets = new();
        for (ulong number = 0; number < 100_000; number++)
        {
            packets.OnSent(number, At(0), 40, false, false, Ecn.NotEct, [new(SentFrameKind.Ack, number)]);
        }

        Assert.AreEqual(SentPackets.MaxSilent, packets.Count);
        Assert.AreEqual(0L, packets.BytesInFlight);
        Assert.AreEqual(100_000, packets.SilentRun);
    }

    /// <summary>Goal: in steady state, thousands of packets sent and acknowledged allocate nothing.</summary>
    [TestMethod]
    public void Nothing_is_allocated_in_steady_state()
    {
        SentPackets packets = new();
        SentFrame[] frames = [Frame(1), Frame(2)];
        long before = 0;
        for (ulong number = 0; number < 20_000; number++)
        {
            packets.OnSent(number, At(0), 1200, true, true, Ecn.NotEct, frames);
            if (number >= 100)
            {
                packets.OnAcked(number - 100);
            }

            before = number == 1000 ? GC.GetAllocatedBytesForCurrentThread() : before;
        }

        Assert.AreEqual(0L, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>Goal: each property of an open packet, its frames, holes and the space's times travel; an acked hole stays one.</summary>
    [TestMethod]
    public void Every_field_travels()
    {
        SentPackets packets = new();
        packets.OnSent(7, At(1), 1200, true, true, Ecn.Ect0, [new(SentFrameKind.Crypto, 3, 1 << 30, 99, true), Frame(3)]);
        packets.OnSent(8, At(2), 300, true, true, Ecn.NotEct, []);
        packets.OnSent(9, At(3), 301, true, true, Ecn.NotEct, []);
        packets.OnSent(10, At(3), 302, true, true, Ecn.Ect1, [Frame(4)]);
        packets.OnSent(12, At(4), 40, false, false, Ecn.NotEct, [new(SentFrameKind.Ack, 77)]);
        packets.OnAcked(8);
        packets.OnLost(9);
        packets.LossTime = At(30);

        SentPackets copy = PartAssert.Import<SentPackets>(PartAssert.Export(packets, At(9)), At(9));
        foreach (ulong number in new ulong[] { 7, 10, 12 })
        {
            Assert.IsTrue(packets.TryGet(number, out SentPacket expected) && copy.TryGet(number, out SentPacket actual) && expected == actual);
            SentFrameBuffer a = new(), b = new();
            packets.CopyFrames(number, a);
            copy.CopyFrames(number, b);
            CollectionAssert.AreEqual(a.Frames.ToArray(), b.Frames.ToArray());
        }

        Assert.AreEqual(3, copy.Count);
        Assert.AreEqual(1502L, copy.BytesInFlight);
        Assert.AreEqual(2, copy.AckElicitingInFlight);
        Assert.AreEqual(At(3), copy.LastAckElicitingAt);
        Assert.AreEqual(At(30), copy.LossTime);
        Assert.AreEqual(1, copy.SilentRun);
        Assert.AreEqual(13UL, copy.End);
        Assert.IsTrue(copy.HasAckedBetween(7, 10));
        Assert.IsFalse(copy.HasAckedBetween(10, 12));
        _ = PartAssert.RoundTrip(packets, At(9));
        PartAssert.EveryCutIsRefused(packets, At(9));
    }

    /// <summary>Goal: a snapshot whose packets lie in the future, or leap, is refused.</summary>
    [TestMethod]
    public void Contradictions_are_refused()
    {
        SentPackets packets = new();
        packets.OnSent(7, At(10), 1200, true, true, Ecn.NotEct, []);
        byte[] future = PartAssert.Export(packets, At(5));
        Assert.ThrowsExactly<SnapshotException>(() => PartAssert.Import<SentPackets>(future, At(5)));
    }

    /// <summary>Goal: a time that counts for nothing moves every instant alike.</summary>
    [TestMethod]
    public void Postponed_packets_look_younger()
    {
        SentPackets packets = new();
        packets.OnSent(0, At(10), 1200, true, true, Ecn.NotEct, []);
        packets.Postpone(RecoveryHarness.Ms(300));
        Assert.IsTrue(packets.TryGet(0, out SentPacket packet));
        Assert.AreEqual(At(310), packet.SentAt);
        Assert.AreEqual(At(310), packets.LastAckElicitingAt);
        Assert.IsTrue(packets.LossTime.IsNever);
    }
}
