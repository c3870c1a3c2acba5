using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Migration.Envelope;
using Net.Migration.Hosting;

namespace Net.Tests.Migration.Hosting;

/// <summary>What is kept of a component's checkpoints, and under which numbers.</summary>
[TestClass]
public sealed class CheckpointStoreTests
{
    /// <summary>Goal: both limits hold: the oldest go, and one that is too large by itself is not kept, nor is anything lost for it.</summary>
    [TestMethod]
    public void Count_and_bytes_are_limited()
    {
        CheckpointStore store = new(maxCount: 3, maxBytes: 100);
        for (int i = 0; i < 4; i++)
        {
            Assert.IsTrue(Add(store, 10));
        }

        CollectionAssert.AreEqual((ulong[])[2, 3, 4], Kept(store));
        Assert.IsTrue(Add(store, 85));
        CollectionAssert.AreEqual((ulong[])[4, 5], Kept(store));
        Assert.AreEqual(95, store.Bytes);
        Assert.IsFalse(Add(store, 101));
        CollectionAssert.AreEqual((ulong[])[4, 5], Kept(store));
        Assert.IsTrue(Add(store, 100));
        CollectionAssert.AreEqual((ulong[])[7], Kept(store), "the number of the one that was too large is used up");
        Assert.IsFalse(Add(new CheckpointStore(1, long.MaxValue), (int)CheckpointStore.MaxLength + 1), "it could not travel");
    }

    /// <summary>Goal: a roll-back forgets what came later; the next number is a new one all the same.</summary>
    [TestMethod]
    public void Numbers_are_never_used_again()
    {
        CheckpointStore store = new(8, 1000);
        for (int i = 0; i < 3; i++)
        {
            _ = Add(store, 1);
        }

        Assert.IsTrue(store.TryGet(0, out Checkpoint? newest));
        Assert.AreEqual(3ul, newest.Number);
        Assert.IsFalse(store.TryGet(4, out _));
        store.ForgetAfter(1);
        CollectionAssert.AreEqual((ulong[])[1], Kept(store));
        Assert.AreEqual(4ul, store.NextNumber(1));

        CheckpointStore taken = new(8, 1000);
        Assert.AreEqual((6 * CheckpointStore.NumbersPerEpoch) + 1, taken.NextNumber(7), "who was handed nothing cannot know what was used");
        store.Clear();
        Assert.AreEqual((0ul, 0L), (store.Last, store.Bytes));
    }

    /// <summary>Goal: what is written down comes back, with its number, epoch, age and bytes; and the last number, also when nothing is kept.</summary>
    [TestMethod]
    public void A_store_travels()
    {
        CheckpointStore store = new(8, 1000);
        _ = store.TryAdd(new(5, 3, new Instant(700), [1, 2, 3], []));
        _ = store.TryAdd(new(9, 4, new Instant(800), [4], []));
        CheckpointStore other = new(8, 1000);
        other.Import(Image(store, new Instant(1000)), new Instant(50_000));
        CollectionAssert.AreEqual((ulong[])[5, 9], Kept(other));
        Assert.AreEqual(9ul, other.Last);
        Assert.IsTrue(other.TryGet(5, out Checkpoint? first));
        Assert.AreEqual((3ul, new Instant(49_700)), (first.Epoch, first.TakenAt));
        CollectionAssert.AreEqual((byte[])[1, 2, 3], first.State.ToArray());

        CheckpointStore small = new(1, 1000);
        small.Import(Image(store, new Instant(1000)), default);
        CollectionAssert.AreEqual((ulong[])[9], Kept(small), "with a smaller limit the newest");
        store.ForgetAfter(0);
        other.Import(Image(store, default), default);
        Assert.AreEqual((0, 9ul), (other.Kept.Count, other.Last));
        CheckpointStore never = new(8, 1000);
        other.Import(Image(never, default), default);
        Assert.AreEqual(0ul, other.Last);
    }

    /// <summary>Goal: who keeps none takes none, from itself or from another node; no more than the newest are read of what another node has kept.</summary>
    [TestMethod]
    public void Who_keeps_none_takes_none()
    {
        CheckpointStore none = new(0, 1000);
        Assert.IsFalse(Add(none, 1));
        CheckpointStore store = new(8, 1000);
        _ = store.TryAdd(new(5, 3, default, [1], []));
        none.Import(Image(store, default), default);
        Assert.AreEqual((0, 5ul), (none.Kept.Count, none.Last));
        CheckpointStore one = new(1, 1000);
        SnapshotWriter sound = new(default);
        new Checkpoint(6, 3, default, [1], []).Export(sound);
        one.Import(ImageOf((0, [6]), (5, [0xFF]), (6, sound.Written.ToArray())), default);
        CollectionAssert.AreEqual((ulong[])[6], Kept(one));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new HostedComponent("web", new Net.Tests.Http3.Server.Handler((_, _) => default)) { MaxCheckpoints = CheckpointStore.MostKept + 1 });
    }

    /// <summary>Goal: what another node says that it kept of connections is bounded before it is read: by bytes, and by how many there are.</summary>
    [TestMethod]
    public void Connections_of_a_checkpoint_are_bounded()
    {
        Refused((5, Body(Checkpoint.MaxConnectionBytes + 1, count: 1)), (0, [9]));
        Refused((5, Body(200_000, count: 100_000)), (0, [9]));
    }

    /// <summary>An empty state, then so many bytes of zeros about so many connections.</summary>
    private static byte[] Body(long bytes, ulong count)
    {
        SnapshotWriter writer = new(default);
        writer.WriteNumber(3);
        writer.WriteInstant(default);
        writer.WriteBytes([]);
        writer.WriteNumber(count);
        writer.Reserve((int)bytes)[..(int)bytes].Clear();
        writer.Advance((int)bytes);
        return writer.Written.ToArray();
    }

    /// <summary>Goal: whatever comes in its place, it is read or refused, and nothing of it is kept then.</summary>
    [TestMethod]
    public void Hostile_sections_are_refused()
    {
        SnapshotWriter sound = new(default);
        new Checkpoint(5, 3, default, [1, 2, 3], []).Export(sound);
        byte[] body = sound.Written.ToArray();
        for (int length = 0; length < body.Length; length++)
        {
            Refused((5, body[..length]), (0, [9]));
        }

        Refused((5, [.. body, 0]), (0, [9]));
        Refused((10, body), (0, [9]));
        Refused((5, body));
        Refused((0, [9, 9]));
        Random random = new(1);
        for (int i = 0; i < 5000; i++)
        {
            byte[] changed = new byte[random.Next(60)];
            random.NextBytes(changed);
            CheckpointStore store = new(8, 1000);
            try
            {
                store.Import(ImageOf((5, changed), (0, [9])), default);
                Assert.AreEqual(9ul, store.Last);
            }
            catch (SnapshotException)
            {
                Assert.IsEmpty(store.Kept);
            }
        }
    }

    private static void Refused(params (ulong Key, byte[] Body)[] sections)
    {
        CheckpointStore store = new(8, 1000);
        Assert.ThrowsExactly<SnapshotException>(() => store.Import(ImageOf(sections), default));
        Assert.IsEmpty(store.Kept);
        Assert.AreEqual(0ul, store.Last);
    }

    private static bool Add(CheckpointStore store, int length) => store.TryAdd(new(store.NextNumber(1), 1, default, new byte[length], []));

    private static ulong[] Kept(CheckpointStore store) => [.. store.Kept.Select(checkpoint => checkpoint.Number)];

    private static ImageStore Image(CheckpointStore store, Instant now)
    {
        List<(ulong, byte[])> sections = [];
        for (int index = 0; store.TryExport(index, (number, writer) => sections.Add((number, writer.Written.ToArray())), now); index++)
        {
            Assert.HasCount(index + 1, sections, "one at a time");
        }

        return ImageOf([.. sections]);
    }

    private static ImageStore ImageOf(params (ulong Key, byte[] Body)[] sections)
    {
        ImageWriter writer = new();
        foreach ((ulong key, byte[] body) in sections)
        {
            writer.Set(ImageStore.ComponentIndex, SectionNumber.Checkpoint, key, body);
        }

        writer.EndVersion(0);
        ImageStore image = new(new());
        while (writer.TryTakePart(isEnd: true, out byte[]? part))
        {
            image.Apply(part);
        }

        return image;
    }
}
