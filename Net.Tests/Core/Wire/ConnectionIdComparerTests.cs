using Net.Core.Wire;

namespace Net.Tests.Core.Wire;

[TestClass]
public sealed class ConnectionIdComparerTests
{
    /// <summary>Goal (checklist S9): the same ID hashes differently under another key, so that nobody can prepare collisions.</summary>
    [TestMethod]
    public void S9_the_hash_depends_on_both_halves_of_the_key()
    {
        ConnectionId id = new([1, 2, 3, 4, 5, 6, 7, 8]);
        int hash = new ConnectionIdComparer(1, 2).GetHashCode(id);
        Assert.AreEqual(hash, new ConnectionIdComparer(1, 2).GetHashCode(new([1, 2, 3, 4, 5, 6, 7, 8])));
        Assert.AreNotEqual(hash, new ConnectionIdComparer(3, 2).GetHashCode(id));
        Assert.AreNotEqual(hash, new ConnectionIdComparer(1, 3).GetHashCode(id));
    }

    /// <summary>Goal: IDs that differ in length alone are different, and hash differently.</summary>
    [TestMethod]
    public void Length_is_part_of_an_ID()
    {
        ConnectionIdComparer comparer = new(1, 2);
        HashSet<int> hashes = [];
        for (int length = 0; length <= ConnectionId.MaxLength; length++)
        {
            Assert.IsTrue(hashes.Add(comparer.GetHashCode(new(new byte[length]))), $"{length}");
            Assert.IsFalse(comparer.Equals(new(new byte[length]), new(new byte[(length + 1) % 20])));
        }
    }

    /// <summary>Goal: IDs that count up, as a peer may choose them, spread over the buckets of a table.</summary>
    [TestMethod]
    public void Consecutive_IDs_spread()
    {
        ConnectionIdComparer comparer = new(0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210);
        int[] buckets = new int[256];
        for (int i = 0; i < 25_600; i++)
        {
            ConnectionId id = new([(byte)(i >> 8), (byte)i, 0, 0, 0, 0, 0, 0]);
            buckets[comparer.GetHashCode(id) & 0xFF]++;
        }

        // Expected 100 in each with a deviation of 10: half again as many is five deviations out.
        Assert.IsLessThan(160, buckets.Max());
        Assert.IsGreaterThan(45, buckets.Min());
    }

    /// <summary>Goal: an ID of 21 bytes is our own mistake: readers check before.</summary>
    [TestMethod]
    public void An_ID_has_at_most_20_bytes()
    {
        Assert.AreEqual(20, new ConnectionId(new byte[20]).Length);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ConnectionId(new byte[21]));
        Assert.AreEqual("0aff", new ConnectionId([0x0A, 0xFF]).ToString());
    }
}
