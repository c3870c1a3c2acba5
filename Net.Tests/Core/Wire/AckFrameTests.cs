using CsCheck;
using Net.Core.Wire;

namespace Net.Tests.Core.Wire;

[TestClass]
public sealed class AckFrameTests
{
    /// <summary>Goal: ranges come out as they went in, the newest first, with delay and ECN counts.</summary>
    [TestMethod]
    public void Ranges_survive_the_wire() => Gen.Select(Gen.ULong[0, VarInt.MaxValue], Gen.Byte.Array[0, 60]).Sample((largest, steps) =>
    {
        List<AckRange> ranges = RangesOf(largest, steps);
        ByteReader reader = new(Encode(ranges, 77, new(1, 2, 3)).AsSpan(1));
        Assert.IsTrue(AckFrame.TryRead(FrameType.AckEcn, ref reader, out AckFrame frame));

        List<AckRange> read = [];
        foreach ((ulong smallest, ulong top) in frame.Ranges)
        {
            read.Add(new(smallest, top));
        }

        CollectionAssert.AreEqual(ranges, read);
        Assert.AreEqual(ranges.Count, frame.Ranges.Count);
        Assert.AreEqual(largest, frame.Largest);
        Assert.AreEqual(77UL, frame.Delay);
        Assert.IsTrue(frame.HasEcn);
        Assert.AreEqual((1UL, 2UL, 3UL), (frame.Ect0, frame.Ect1, frame.Ce));
    });

    /// <summary>Goal: in little room the newest ranges are told and the oldest left out; never more bytes than allowed.</summary>
    [TestMethod]
    public void As_many_ranges_are_written_as_fit() =>
        Gen.Select(Gen.ULong[0, VarInt.MaxValue], Gen.Byte.Array[0, 200], Gen.Int[0, 200]).Sample((largest, steps, room) =>
        {
            List<AckRange> ranges = RangesOf(largest, steps);
            ByteWriter writer = new(new byte[2000]);
            int count = AckFrame.Write(ref writer, [.. ranges], 5, null, room);

            Assert.IsLessThanOrEqualTo(room, writer.Position);
            if (count == 0)
            {
                Assert.AreEqual(0, writer.Position);
                return;
            }

            ByteReader reader = new(writer.Written[1..]);
            Assert.IsTrue(AckFrame.TryRead(FrameType.Ack, ref reader, out AckFrame frame));
            Assert.IsTrue(reader.IsEmpty);
            Assert.AreEqual(count, frame.Ranges.Count);

            // One more range takes 16 bytes at most, and the count field was reckoned one byte longer at most.
            Assert.IsTrue(count == ranges.Count || writer.Position + 17 > room, "no room was wasted");
        });

    /// <summary>Goal: no ranges, no frame.</summary>
    [TestMethod]
    public void Nothing_received_is_nothing_written()
    {
        ByteWriter writer = new(new byte[10]);
        Assert.AreEqual(0, AckFrame.Write(ref writer, [], 0, null, 10));
        Assert.AreEqual(0, writer.Position);
    }

    /// <summary>Goal (checklist S2): a range of 2^62 numbers is one range; walking it takes one step, not 2^62.</summary>
    [TestMethod]
    public void S2_a_huge_range_is_a_single_step()
    {
        ByteReader reader = new(FrameCodec.Hex("ffffffffffffffff 00 00 ffffffffffffffff"));
        Assert.IsTrue(AckFrame.TryRead(FrameType.Ack, ref reader, out AckFrame frame));

        int steps = 0;
        foreach (AckRange range in frame.Ranges)
        {
            Assert.AreEqual(new AckRange(0, VarInt.MaxValue), range);
            steps++;
        }

        Assert.AreEqual(1, steps);
        Assert.IsFalse(frame.HasEcn);
    }

    internal static byte[] Encode(List<AckRange> ranges, ulong delay, EcnCounts? ecn)
    {
        ByteWriter writer = new(new byte[4000]);
        Assert.AreEqual(ranges.Count, AckFrame.Write(ref writer, [.. ranges], delay, ecn, 4000));
        return writer.Written.ToArray();
    }

    /// <summary>Ranges below <paramref name="largest"/> of lengths and gaps taken from <paramref name="steps"/>, some of them large.</summary>
    internal static List<AckRange> RangesOf(ulong largest, byte[] steps)
    {
        List<AckRange> ranges = [];
        ulong top = largest;
        for (int i = 0; i < steps.Length; i += 2)
        {
            ulong length = steps[i] > 250 ? 1UL << (steps[i] - 230) : steps[i];
            ulong gap = 2 + (i + 1 < steps.Length ? steps[i + 1] : 0UL);
            ranges.Add(new(top - ulong.Min(length, top), top));
            if (ranges[^1].Smallest < gap)
            {
                return ranges;
            }

            top = ranges[^1].Smallest - gap;
        }

        ranges.Add(new(top, top));
        return ranges;
    }
}
