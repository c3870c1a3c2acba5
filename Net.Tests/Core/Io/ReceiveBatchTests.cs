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

    /// <summary>Goal: what one call has brought keeps its order and its bytes, be it small, large, or of no use, and small ones take no room from large ones.</summary>
    [TestMethod]
    public void What_came_with_one_call_comes_out_in_order()
    {
        ReceiveBatch batch = new(3 * ReceiveBatch.ReservationSize);
        int[][] calls = [[ReceiveBatch.FrontSize, 1, 0], [ReceiveBatch.FrontSize + 1, 7, ReceiveBatch.ReservationSize], [100]];
        int[] vacancies = [.. calls.Select(call => Receive(batch, call)), batch.Vacancies];

        // The second call's large ones are its first and its last: nothing is left behind them.
        CollectionAssert.AreEqual((int[])[3, 3, 0, 0], vacancies);
        int[] expected = [ReceiveBatch.FrontSize, 1, ReceiveBatch.FrontSize + 1, 7, ReceiveBatch.ReservationSize];
        Assert.AreEqual(expected.Length, batch.Entries);
        int entry = 0;
        foreach (ReceiveBatch.Datagram datagram in batch)
        {
            Assert.AreEqual(expected[entry], datagram.Bytes.Length);
            Assert.IsTrue(datagram.Bytes.SequenceEqual(batch[entry].Bytes));
            Assert.AreEqual(-1, datagram.Bytes.IndexOfAnyExcept((byte)(1 + entry++)));
        }
    }

    /// <summary>Goal: calls that brought small datagrams alone go on until the batch has as many as it may.</summary>
    [TestMethod]
    public void Small_ones_fill_the_batch()
    {
        ReceiveBatch batch = new(3 * ReceiveBatch.ReservationSize);
        int calls = 0;
        for (; batch.Vacancies > 0; calls++)
        {
            _ = Receive(batch, [.. Enumerable.Repeat(ReceiveBatch.FrontSize, batch.Vacancies)]);
        }

        Assert.AreEqual((ReceiveBatch.MaxEntries, 22), (batch.Datagrams, calls));
    }

    /// <summary>Writes as the system does: the front first, what is left behind it.</summary>
    private static int Receive(ReceiveBatch batch, int[] lengths)
    {
        int vacancies = batch.Vacancies;
        if (vacancies == 0)
        {
            return 0;
        }

        byte value = (byte)(batch.Entries + 1);
        for (int i = 0; i < lengths.Length; i++)
        {
            batch.Front(i)[..int.Min(lengths[i], ReceiveBatch.FrontSize)].Fill(value);
            batch.Rest(i)[..int.Max(0, lengths[i] - ReceiveBatch.FrontSize)].Fill(value);
            value += lengths[i] > 0 ? (byte)1 : (byte)0;
        }

        for (int i = 0; i < lengths.Length; i++)
        {
            batch.Fill(i, lengths[i], 0, default, Ecn.NotEct);
        }

        batch.EndFill(lengths.Length);
        return vacancies;
    }

    private static void Add(ReceiveBatch batch, int length, int segmentSize)
    {
        Assert.IsTrue(batch.TryReserve(out _));
        batch.Commit(length, segmentSize, default, Ecn.NotEct);
    }
}
