using Net.Core.Io;
using Net.Core.Wire;

namespace Net.Tests.Core.Io;

[TestClass]
public sealed class ReceiveBatchTests
{
    /// <summary>Goal: entries of one and of several segments, a short last one and empty ones among them, come out as single datagrams.</summary>
    [TestMethod]
    public void Segments_come_out_one_by_one()
    {
        ReceiveBatch batch = new();
        Add(batch, 10, 0);
        Add(batch, 0, 0);
        Add(batch, 25, 10);
        Add(batch, 30, 10);
        Add(batch, 5, 100);

        List<int> lengths = [];
        foreach (ReceiveBatch.Datagram datagram in batch)
        {
            lengths.Add(datagram.Bytes.Length);
        }

        CollectionAssert.AreEqual((int[])[10, 10, 10, 5, 10, 10, 10, 5], lengths);
        Assert.AreEqual(lengths.Count, batch.Datagrams);
        batch.Clear();
        Assert.IsTrue(batch.IsEmpty);
        Assert.IsFalse(batch.GetEnumerator().MoveNext());
    }

    /// <summary>Goal: neither the number of entries nor the memory can overflow: a full batch offers no room.</summary>
    [TestMethod]
    [DataRow(1, ReceiveBatch.MaxEntries)]
    [DataRow(65_535, 2)]
    public void A_full_batch_offers_no_room(int length, int expected)
    {
        ReceiveBatch batch = new(2 * ReceiveBatch.ReservationSize);
        int entries = 0;
        while (batch.TryReserve(out _))
        {
            batch.Commit(length, 0, default, Ecn.NotEct);
            Assert.IsLessThan(1000, ++entries);
        }

        Assert.AreEqual(expected, entries);
        Assert.AreEqual(expected, batch.Datagrams);
    }

    private static void Add(ReceiveBatch batch, int length, int segmentSize)
    {
        Assert.IsTrue(batch.TryReserve(out _));
        batch.Commit(length, segmentSize, default, Ecn.NotEct);
    }
}
