using Net.Core.Io;
using Net.Core.Time;

namespace Net.Tests.Core.Io;

[TestClass]
public sealed class WorkQueueTests
{
    /// <summary>Goal: work of several threads arrives once each, in the order of its thread.</summary>
    [TestMethod]
    public void Work_of_many_threads_arrives_once_and_in_order()
    {
        WorkQueue queue = new();
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(t => new Thread(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                Assert.IsTrue(queue.TryAdd(new Note(t, i)));
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        List<Note> got = [];
        while (got.Count < 4000)
        {
            got.AddRange(queue.Take().Cast<Note>());
        }

        Array.ForEach(threads, thread => thread.Join());
        Assert.IsEmpty(queue.Take());
        for (int t = 0; t < 4; t++)
        {
            CollectionAssert.AreEqual(Enumerable.Range(0, 1000).ToArray(), got.Where(note => note.Thread == t).Select(note => note.Index).ToArray());
        }
    }

    /// <summary>Goal: a closed queue refuses, and still gives what it had.</summary>
    [TestMethod]
    public void A_closed_queue_refuses()
    {
        WorkQueue queue = new();
        Assert.IsTrue(queue.TryAdd(new Note(0, 0)));
        queue.Close();
        Assert.IsFalse(queue.TryAdd(new Note(0, 1)));
        Assert.HasCount(1, queue.Take());
        Assert.IsEmpty(queue.Take());
    }

    private sealed record Note(int Thread, int Index) : IShardWork
    {
        public void Run(Instant now)
        {
        }
    }
}
