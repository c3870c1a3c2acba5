using Net.Core.Snapshots;
using Net.Migration.Envelope;

namespace Net.Tests.Migration.Envelope;

[TestClass]
public sealed class ImageStoreTests
{
    /// <summary>Goal: a base and a delta, cut anywhere, give the image of the present: changed, added and removed sections and connections.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(7)]
    [DataRow(100_000)]
    public void A_delta_completes_the_base(int cut)
    {
        byte[] large = new byte[300_000];
        large.AsSpan().Fill(9);
        ImageWriter writer = new();
        writer.Set(1, 2, 0, [1]);
        writer.Set(1, 26, Net.Core.Wire.VarInt.MaxValue, large);
        writer.Set(1, 26, 8, [3]);
        writer.Set(2, 2, 0, [4]);
        writer.EndVersion(0);
        writer.Set(1, 2, 0, [5, 6]);
        writer.RemoveSection(1, 26, 8);
        writer.RemoveConnection(2);
        writer.Set(ImageStore.ComponentIndex, 200, 0, [7]);
        writer.EndVersion(1);
        List<byte> bytes = [];
        while (writer.TryTakePart(isEnd: true, out byte[]? part))
        {
            Assert.IsLessThanOrEqualTo(SealedPart.MaxPlain, part.Length);
            bytes.AddRange(part);
        }

        Assert.AreEqual(0, writer.Pending);
        ImageStore store = new(new());
        byte[] all = [.. bytes];
        int step = cut == 1 ? 997 : cut;
        for (int at = 0; at < all.Length; at += step)
        {
            store.Apply(all.AsSpan(at, int.Min(step, all.Length - at)));
        }

        Assert.IsTrue(store.IsWhole);
        Assert.AreEqual(2ul, store.Versions);
        Assert.AreEqual(1, store.Connections);
        CollectionAssert.AreEquivalent(new ulong[] { 0, 1 }, store.Indices.ToArray());
        CollectionAssert.AreEquivalent(new ulong[] { 0, 1, 2 }, store.Touched.ToArray(), "named behind the base, gone or not");
        Assert.IsTrue(store.Contains(1) && !store.Contains(2));
        CollectionAssert.AreEqual(new[] { (2ul, 0ul), (26ul, Net.Core.Wire.VarInt.MaxValue) }, store.Sections(1).Select(static s => (s.Number, s.Key)).ToArray());
        Assert.IsTrue(store.TryGet(1, 2, 0, out byte[]? body));
        CollectionAssert.AreEqual(new byte[] { 5, 6 }, body);
        Assert.AreEqual(300_003L, store.Bytes);
        store.Wipe();
        Assert.AreEqual(0L, store.Bytes);
        CollectionAssert.AreEqual(new byte[2], body, "wiped");
    }

    /// <summary>Goal: what a delta names is remembered, and that has a limit even if none of it stays.</summary>
    [TestMethod]
    public void Connections_that_come_and_go_are_bounded()
    {
        const int most = 10;
        ImageStore store = new(new() { MaxConnections = most });
        ImageWriter writer = new();
        writer.Set(1, 2, 0, [1]);
        writer.EndVersion(0);
        for (ulong index = 2; index <= (2 * most) + 2; index++)
        {
            writer.Set(index, 2, 0, [1]);
            writer.RemoveConnection(index);
        }

        Assert.IsTrue(writer.TryTakePart(isEnd: true, out byte[]? part));
        store.Apply(part);
        Assert.DoesNotContain(1ul, store.Touched, "of the base alone");
        writer.Set(100, 2, 0, [1]);
        Assert.IsTrue(writer.TryTakePart(isEnd: true, out byte[]? more));
        Assert.ThrowsExactly<SnapshotException>(() => store.Apply(more));
    }

    /// <summary>Goal: an image that is cut is not whole, and a part that ends within an entry neither.</summary>
    [TestMethod]
    public void A_cut_image_is_not_whole()
    {
        ImageWriter writer = new();
        writer.Set(1, 2, 0, [1, 2, 3]);
        writer.EndVersion(0);
        Assert.IsTrue(writer.TryTakePart(true, out byte[]? part));
        for (int length = 0; length < part.Length; length++)
        {
            ImageStore store = new(new());
            store.Apply(part.AsSpan(0, length));
            Assert.IsFalse(store.IsWhole, $"{length}");
        }
    }

    /// <summary>Goal: contradictions and limits throw, and the store is of no use afterwards.</summary>
    [TestMethod]
    public void What_contradicts_itself_or_a_limit_is_refused()
    {
        Refused(static w => w.RemoveConnection(1));
        Refused(static w => { w.Set(1, 2, 0, []); w.RemoveSection(1, 2, 1); });
        Refused(static w => w.EndVersion(1));
        Refused(static w => { w.Set(1, 2, 0, []); w.Set(2, 2, 0, []); w.Set(3, 2, 0, []); w.Set(4, 2, 0, []); });
        Refused(static w => { w.Set(1, 2, 0, []); w.Set(1, 2, 1, []); w.Set(1, 2, 2, []); });
        Refused(static w => w.Set(1, 2, 0, new byte[101]));
        Assert.ThrowsExactly<SnapshotException>(() => new ImageStore(new()).Apply([9, 1]));
        // A section of 2^62-1 bytes is refused at its header.
        Assert.ThrowsExactly<SnapshotException>(() => new ImageStore(new()).Apply([0, 1, 2, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]));

        static void Refused(Action<ImageWriter> write)
        {
            ImageWriter writer = new();
            write(writer);
            Assert.IsTrue(writer.TryTakePart(true, out byte[]? part));
            ImageStore store = new(new() { MaxConnections = 2, MaxSectionsPerConnection = 2, MaxBytes = 100 });
            Assert.ThrowsExactly<SnapshotException>(() => store.Apply(part));
            Assert.ThrowsExactly<SnapshotException>(() => store.Apply([]));
            Assert.IsFalse(store.IsWhole);
        }
    }

    /// <summary>Goal: the ledger gives the change count of the last export and finds what has gone since.</summary>
    [TestMethod]
    public void The_ledger_finds_removals()
    {
        ExportLedger ledger = new();
        Assert.AreEqual(0ul, ledger.Since(1));
        ledger.OnExported(1, 26, 0);
        ledger.OnExported(1, 26, 4);
        ledger.OnExported(1, changes: 55);
        ledger.OnExported(2, changes: 1);
        Assert.AreEqual(55ul, ledger.Since(1));
        CollectionAssert.AreEqual(new[] { (26ul, 0ul) }, ledger.Removed(1, new HashSet<(ulong, ulong)> { (26, 4) }).ToArray());
        Assert.IsEmpty(ledger.Removed(1, new HashSet<(ulong, ulong)> { (26, 4) }));
        CollectionAssert.AreEqual(new ulong[] { 2 }, ledger.RemovedConnections(new HashSet<ulong> { 1 }).ToArray());
        Assert.AreEqual(0ul, ledger.Since(2));
    }
}
