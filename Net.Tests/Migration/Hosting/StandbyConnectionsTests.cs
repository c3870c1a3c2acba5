using Net.Core.Connections;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Tests.Core.Connections;

namespace Net.Tests.Migration.Hosting;

/// <summary>What a destination takes for a connection, out of an image that another node made.</summary>
[TestClass]
public sealed class StandbyConnectionsTests
{
    /// <summary>Goal: a copy and what completes it make a connection; more of them, or what a later release requires, refuse the move.</summary>
    [TestMethod]
    [DataRow(SectionNumber.Connection, ComponentExport.FinalKey, false)]
    [DataRow(SectionNumber.Connection, ComponentExport.FinalKey + 1, true)]
    [DataRow(SectionNumber.Connection + 50, 0UL, true)]
    [DataRow(SectionNumber.Connection + 51, 0UL, false)]
    public void A_connection_is_a_copy_and_what_completes_it(ulong number, ulong key, bool isRefused)
    {
        byte[] export = Export();
        ImageWriter writer = new();
        writer.Set(1, SectionNumber.Connection, ComponentExport.AheadKey, export);
        writer.Set(1, number, key, export);
        writer.EndVersion(0);
        ImageStore store = new(new());
        while (writer.TryTakePart(isEnd: true, out byte[]? part))
        {
            store.Apply(part);
        }

        if (isRefused)
        {
            Assert.ThrowsExactly<SnapshotException>(() => StandbyConnections.ImageOf(store, 1, new()));
        }
        else
        {
            Assert.IsGreaterThan(0L, StandbyConnections.ImageOf(store, 1, new()).Size);
        }
    }

    /// <summary>Goal: a few packed bytes do not become many: what all exports of a connection may be together has a limit, which is looked at first.</summary>
    [TestMethod]
    public void Exports_of_one_connection_have_a_limit_together()
    {
        ConnectionImage image = new();
        image.Apply(Export());
        string refused = Refusal(image, ConnectionImage.MaxBytes);
        Assert.AreEqual(refused, Refusal(new(), ConnectionImage.MaxBytes + 1));
        Assert.AreNotEqual(refused, Refusal(new(), 1000), "that is refused for what it holds");
    }

    /// <summary>Goal: ages count from the last copy, wherever on its way the rest of it waited; a clock that says anything else moves it out of the copy by nothing.</summary>
    [TestMethod]
    [DataRow(1000L, 1000L, 0L)]
    [DataRow(1000L, 1300L, 300L)]
    [DataRow(-200L, 100L, 300L)]
    [DataRow(1000L, 9000L, 5000L)]
    [DataRow(long.MinValue, long.MaxValue, 5000L)]
    [DataRow(long.MaxValue, long.MinValue, 0L)]
    public void Ages_count_from_the_last_copy(long firstCopied, long lastCopied, long later)
    {
        Instant began = default(Instant) + TimeSpan.FromHours(1);
        Assert.AreEqual(began + new TimeSpan(later), StandbyConnections.LastCopy(firstCopied, lastCopied, began, began + new TimeSpan(5000)));
    }

    /// <summary>Goal: one image serves for many connections: after it was wiped nothing of the one before is in it.</summary>
    [TestMethod]
    public void A_wiped_image_is_as_new()
    {
        ConnectionImage image = new();
        image.Apply(Export());
        long size = image.Size;
        Assert.IsTrue(image.Has(SectionNumber.Identity));
        image.Advance(long.MaxValue / 4);
        image.Wipe();
        Assert.AreEqual(0L, image.Size);
        Assert.IsFalse(image.Has(SectionNumber.Identity));
        Assert.ThrowsExactly<SnapshotException>(() => image.Read<Identity>(default));
        image.Apply(Export());
        Assert.AreEqual(size, image.Size);
        Assert.IsTrue(image.Read<Identity>(default).IsServer);
    }

    /// <summary>Why an export is refused that says that it is so long, and could be.</summary>
    private static string Refusal(ConnectionImage image, int length)
    {
        SnapshotWriter writer = new(default);
        writer.WriteNumber(ConnectionSnapshot.Format);
        writer.WriteSigned(TimeSpan.TicksPerDay);
        writer.WriteNumber((ulong)length);
        int packed = (length / ZeroPacking.MaxGrowth) + 1;
        writer.Reserve(packed).Slice(0, packed).Clear();
        writer.Advance(packed);
        return Assert.ThrowsExactly<SnapshotException>(() => image.Apply(writer.Written)).Message;
    }

    private static byte[] Export()
    {
        ConnectionPair pair = ConnectionPair.Confirmed();
        pair.Server.Freeze(pair.Now);
        SnapshotWriter writer = new(pair.Now);
        pair.Server.Export(0, writer);
        return writer.Written.ToArray();
    }
}
