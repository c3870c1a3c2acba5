using Net.Core.Io;

namespace Net.Tests.Core.Io;

[TestClass]
public sealed class AcceptQueueTests
{
    public required TestContext TestContext { get; init; }

    /// <summary>Goal: things come out in order, whether the taker or the thing was first.</summary>
    [TestMethod]
    public async Task First_in_first_out()
    {
        AcceptQueue<string> queue = new(10);
        Assert.IsTrue(queue.TryAdd("a"));
        Assert.IsTrue(queue.TryAdd("b"));
        CancellationToken token = TestContext.CancellationToken;
        Assert.AreEqual("a", await queue.TakeAsync(token));
        Assert.AreEqual("b", await queue.TakeAsync(token));
        Task<string> first = queue.TakeAsync(token).AsTask(), second = queue.TakeAsync(token).AsTask();
        Assert.IsTrue(queue.TryAdd("c"));
        Assert.IsTrue(queue.TryAdd("d"));
        Assert.AreEqual("c", await first);
        Assert.AreEqual("d", await second);
    }

    /// <summary>Goal: the limit holds, and what was taken back makes room.</summary>
    [TestMethod]
    public void A_full_queue_refuses()
    {
        AcceptQueue<string> queue = new(2);
        Assert.IsTrue(queue.TryAdd("a"));
        Assert.IsTrue(queue.TryAdd("b"));
        Assert.IsFalse(queue.TryAdd("c"));
        Assert.IsTrue(queue.Remove("a"));
        Assert.IsFalse(queue.Remove("a"));
        Assert.IsTrue(queue.TryAdd("c"));
        CollectionAssert.AreEqual((string[])["b", "c"], queue.Drain());
    }

    /// <summary>Goal: a taker who gave up does not swallow what comes next.</summary>
    [TestMethod]
    public async Task A_cancelled_taker_takes_nothing()
    {
        AcceptQueue<string> queue = new(2);
        using CancellationTokenSource cancel = new();
        Task<string> gone = queue.TakeAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => gone);
        Assert.IsTrue(queue.TryAdd("a"));
        Assert.AreEqual("a", await queue.TakeAsync(TestContext.CancellationToken));
    }

    /// <summary>Goal: after the end what is there can be taken, then the reason is told, to those who waited as well.</summary>
    [TestMethod]
    public async Task The_end_comes_behind_what_is_there()
    {
        CancellationToken token = TestContext.CancellationToken;
        AcceptQueue<string> queue = new(2);
        Assert.IsTrue(queue.TryAdd("a"));
        queue.End(new IOException("over"));
        Assert.IsFalse(queue.TryAdd("b"));
        Assert.AreEqual("a", await queue.TakeAsync(token));
        await Assert.ThrowsExactlyAsync<IOException>(async () => await queue.TakeAsync(token));

        AcceptQueue<string> empty = new(2);
        Task<string> waiting = empty.TakeAsync(token).AsTask();
        empty.End(new IOException("over"));
        await Assert.ThrowsExactlyAsync<IOException>(() => waiting);
    }
}
