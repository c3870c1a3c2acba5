using Net.Migration.Link;

namespace Net.Tests.Migration.Link;

[TestClass]
public sealed class RecordQueueTests
{
    /// <summary>Goal: small records that wait are one write, in order, and are overwritten once they have been copied; a large one goes by itself.</summary>
    [TestMethod]
    public void Small_records_go_together()
    {
        RecordQueue queue = new(long.MaxValue);
        byte[][] records = [[1, 2], [3], [4, 5, 6], new byte[RecordQueue.MaxTogether], [7]];
        records[3].AsSpan().Fill(9);
        foreach (byte[] record in records)
        {
            Assert.IsTrue(queue.TryAdd(record));
        }

        Assert.IsTrue(queue.TryTake(out byte[]? first));
        CollectionAssert.AreEqual((byte[])[1, 2, 3, 4, 5, 6], first);
        Assert.IsTrue(records[..3].All(record => record.All(octet => octet == 0)));
        Assert.IsTrue(queue.TryTake(out byte[]? large));
        Assert.AreSame(records[3], large);
        Assert.IsTrue(queue.TryTake(out byte[]? last));
        CollectionAssert.AreEqual((byte[])[7], last);
        Assert.IsFalse(queue.TryTake(out _));
    }

    /// <summary>Goal: one at a time writes, until it finds nothing left.</summary>
    [TestMethod]
    public void There_is_one_writer()
    {
        RecordQueue queue = new(long.MaxValue);
        Assert.IsFalse(queue.TryBeginWriting());
        Assert.IsTrue(queue.TryAdd([1]));
        Assert.IsTrue(queue.TryBeginWriting());
        Assert.IsTrue(queue.TryAdd([2]));
        Assert.IsFalse(queue.TryBeginWriting());
        Assert.IsTrue(queue.TryTake(out _));
        Assert.IsFalse(queue.TryBeginWriting());
        Assert.IsFalse(queue.TryTake(out _));
        Assert.IsFalse(queue.TryBeginWriting());
        Assert.IsTrue(queue.TryAdd([3]));
        Assert.IsTrue(queue.TryBeginWriting());
    }

    /// <summary>Goal: what waits is bounded by its bytes, what was taken waits no more, and a closed queue keeps nothing.</summary>
    [TestMethod]
    public void What_waits_is_bounded()
    {
        RecordQueue queue = new(10);
        Assert.IsTrue(queue.TryAdd(new byte[6]));
        Assert.IsTrue(queue.TryAdd(new byte[4]));
        Assert.AreEqual(10, queue.Waiting);
        Assert.IsTrue(queue.TryTake(out byte[]? both));
        Assert.HasCount(10, both);
        Assert.AreEqual(0, queue.Waiting);
        Assert.IsTrue(queue.TryAdd(new byte[10]));
        Assert.IsFalse(queue.TryAdd([1]));
        queue.Close();
        Assert.IsTrue(queue.TryAdd(new byte[100]));
        Assert.IsFalse(queue.TryTake(out _));
    }
}
