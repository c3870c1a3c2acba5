using Net.Core.Io;

namespace Net.Tests.Core.Io;

[TestClass]
[DoNotParallelize]
public sealed class PinnedBuffersTests
{
    // Of no shard that another test runs.
    private const int Length = 12_345;

    /// <summary>Goal: a buffer that was given back is used again, one for one user, and only so many are kept.</summary>
    [TestMethod]
    public void What_is_given_back_is_used_again()
    {
        byte[] first = PinnedBuffers.Rent(Length), second = PinnedBuffers.Rent(Length);
        Assert.AreNotSame(first, second);
        PinnedBuffers.Return(first);
        byte[] other = PinnedBuffers.Rent(Length + 1);
        Assert.AreNotSame(first, other);
        Assert.HasCount(Length + 1, other);
        Assert.AreSame(first, PinnedBuffers.Rent(Length));
        Assert.AreNotSame(first, PinnedBuffers.Rent(Length));

        PinnedBuffers.Return(first);
        for (int i = 0; i < PinnedBuffers.MaxKept; i++)
        {
            PinnedBuffers.Return(new byte[Length + 2]);
        }

        Assert.AreNotSame(first, PinnedBuffers.Rent(Length));
    }

    /// <summary>Goal: a shard's buffers are given back once, and it has no room for anything then.</summary>
    [TestMethod]
    public void A_batch_that_was_released_has_no_room()
    {
        ReceiveBatch batch = new();
        Assert.IsTrue(batch.TryReserve(out _));
        batch.Release();
        batch.Release();
        Assert.AreEqual(0, batch.Vacancies);
        Assert.IsFalse(batch.TryReserve(out _));
        ReceiveBatch one = new(), two = new();
        Assert.IsTrue(one.TryReserve(out Span<byte> ones));
        Assert.IsTrue(two.TryReserve(out Span<byte> twos));
        Assert.IsFalse(ones.Overlaps(twos));
    }
}
