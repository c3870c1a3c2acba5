using Net.Node.Demo;

namespace Net.Tests.Node.Demo;

/// <summary>Goal: whatever the speed of client and moves, commits lie at strictly growing offsets below the size.</summary>
[TestClass]
public sealed class PacingTests
{
    /// <summary>The slowest move (the client waits at the limit) and the fastest (at its threshold), and any mix of them.</summary>
    [TestMethod]
    [DataRow(100L << 20, 8, 0)]
    [DataRow(1L << 20, 10_000, 1)]
    [DataRow(1L << 40, 10_000, 2)]
    [DataRow(10L, 9, 3)]
    [DataRow(1L << 20, 1, 4)]
    public void Offsets_of_commits_grow_strictly(long size, int moves, int seed)
    {
        Pacing pacing = new(size, moves);
        long last = -1, offset = 0;
        uint state = (uint)seed * 2654435761 + 1;
        for (int move = 0; move < moves; move++)
        {
            Assert.IsFalse(pacing.IsDue(move, pacing.Threshold(move + 1) - 1));
            offset = pacing.Limit(move, isMoving: false);
            Assert.AreEqual(pacing.Threshold(move + 1), offset);
            Assert.IsTrue(pacing.IsDue(move, offset));
            state = state * 1664525 + 1013904223;
            long limit = pacing.Limit(move, isMoving: true);
            Assert.IsGreaterThanOrEqualTo(offset, limit);
            long atByte = ((state >> 16) % 3) switch { 0 => offset, 1 => limit, _ => (offset + limit) / 2 };
            Assert.IsGreaterThan(last, atByte);
            Assert.IsLessThan(size, atByte);
            (last, offset) = (atByte, atByte);
        }

        Assert.AreEqual(size, pacing.Limit(moves, isMoving: false));
        Assert.IsFalse(pacing.IsDue(moves, size));
    }

    [TestMethod]
    public void Without_moves_all_may_be_read()
    {
        Assert.AreEqual(5, new Pacing(5, 0).Limit(0, isMoving: false));
        Assert.IsFalse(new Pacing(5, 0).IsDue(0, 5));
    }
}
