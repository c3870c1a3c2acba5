using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Time;

namespace Net.Tests.Core.Streams;

[TestClass]
public sealed class RangeSetTests
{
    /// <summary>Goal: whatever is added and removed, the set holds what a set of single offsets holds, in ranges that are sorted and do not touch.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    public void It_behaves_as_a_set_of_offsets(int seed)
    {
        Random random = new(seed);
        RangeSet set = new();
        RangeSet except = new();
        except.Add(10, 20);
        except.Add(40, 41);
        HashSet<ulong> model = [];
        for (int i = 0; i < 3000; i++)
        {
            ulong start = (ulong)random.Next(100), end = start + (ulong)random.Next(12);
            int what = random.Next(3);
            for (ulong n = start; n < end; n++)
            {
                _ = what switch
                {
                    0 => model.Add(n),
                    1 => model.Remove(n),
                    _ => n is (>= 10 and < 20) or 40 ? false : model.Add(n),
                };
            }

            (what switch { 0 => set.Add, 1 => set.Remove, _ => (Action<ulong, ulong>)((s, e) => set.AddExcept(s, e, except)) })(start, end);
            CollectionAssert.AreEqual(model.Order().ToArray(), Offsets(set));
            for (int k = 1; k < set.Count; k++)
            {
                Assert.IsTrue(set.Ranges[k - 1].End < set.Ranges[k].Start, "ranges touch or are out of order");
            }

            Assert.AreEqual(model.Contains(start), set.Contains(start));
            Assert.AreEqual(model.Any(except.Contains), set.Overlaps(except));
        }
    }

    /// <summary>Goal: ranges come back as they were written, and none that are empty, touching or outside their bounds are read.</summary>
    [TestMethod]
    public void It_travels_and_distrusts()
    {
        RangeSet set = new();
        set.Add(105, 110);
        set.Add(112, 200);
        SnapshotWriter writer = new(default);
        set.Export(writer, 100);
        RangeSet read = RangeSet.Import(new(writer.Written, default), 100, 200);
        CollectionAssert.AreEqual(set.Ranges.ToArray(), read.Ranges.ToArray());
        foreach (byte[] bad in new byte[][] { [1, 0, 0], [2, 0, 5, 0, 5], [1, 0, 101], [1, 101, 1], [9] })
        {
            Assert.ThrowsExactly<SnapshotException>(() => RangeSet.Import(new(bad, default), 100, 200));
        }
    }

    private static ulong[] Offsets(RangeSet set)
    {
        List<ulong> offsets = [];
        foreach (ByteRange range in set.Ranges)
        {
            for (ulong n = range.Start; n < range.End; n++)
            {
                offsets.Add(n);
            }
        }

        return [.. offsets];
    }
}
