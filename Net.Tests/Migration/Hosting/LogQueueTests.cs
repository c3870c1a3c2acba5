using Net.Migration.Hosting;

namespace Net.Tests.Migration.Hosting;

[TestClass]
public sealed class LogQueueTests
{
    /// <summary>Goal: who listens hears all, in order, and a flush ends behind the last line.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Lines_come_in_order()
    {
        List<string> heard = [];
        Action<string>? log = LogQueue.Over(heard.Add, out LogQueue? own);
        string[] lines = [.. Enumerable.Range(0, 500).Select(i => $"{i}")];
        foreach (string line in lines)
        {
            log!(line);
        }

        await own!.FlushAsync();
        CollectionAssert.AreEqual(lines, heard);
        await own.FlushAsync();
    }

    /// <summary>Goal: who speaks does not wait for a listener that hangs; what is too much is lost, and that is said where it is missing.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_listener_that_hangs_costs_lines()
    {
        using SemaphoreSlim hangs = new(0), goesOn = new(0);
        List<string> heard = [];
        LogQueue queue = new(line =>
        {
            heard.Add(line);
            if (line == "first")
            {
                _ = hangs.Release();
                goesOn.Wait();
            }
        });
        queue.Post("first");
        await hangs.WaitAsync();
        for (int i = 0; i < LogQueue.MaxWaiting + 2; i++)
        {
            queue.Post($"{i}");
        }

        _ = goesOn.Release();
        await queue.FlushAsync();
        string[] expected = ["first", .. Enumerable.Range(0, LogQueue.MaxWaiting).Select(i => $"{i}"), "2 lines are missing here, as nobody took them"];
        CollectionAssert.AreEqual(expected, heard);
    }

    /// <summary>Goal: a listener that takes a line now and then does not make the queue longer than it may be.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_listener_that_is_slow_costs_lines_too()
    {
        using SemaphoreSlim takes = new(0), goesOn = new(0);
        List<string> heard = [];
        LogQueue queue = new(line =>
        {
            heard.Add(line);
            _ = takes.Release();
            goesOn.Wait();
        });
        queue.Post("first");
        await takes.WaitAsync();
        for (int i = 0; i <= LogQueue.MaxWaiting; i++)
        {
            queue.Post($"{i}");
        }

        _ = goesOn.Release();
        await takes.WaitAsync();
        for (int i = 0; i < 10; i++)
        {
            queue.Post($"late {i}");
        }

        _ = goesOn.Release(2 * LogQueue.MaxWaiting);
        await queue.FlushAsync();
        string[] expected =
        [
            "first", .. Enumerable.Range(0, LogQueue.MaxWaiting).Select(i => $"{i}"), "1 lines are missing here, as nobody took them", "late 0", "9 lines are missing here, as nobody took them",
        ];
        CollectionAssert.AreEqual(expected, heard);
    }

    /// <summary>Goal: an exception of the listener's is its own.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_listener_that_fails_hears_the_next_line()
    {
        List<string> heard = [];
        LogQueue queue = new(line =>
        {
            heard.Add(line);
            throw new InvalidOperationException();
        });
        queue.Post("one");
        queue.Post("two");
        await queue.FlushAsync();
        CollectionAssert.AreEqual((string[])["one", "two"], heard);
    }

    /// <summary>Goal: hosts inside of a host use its queue, which is not theirs to wait for.</summary>
    [TestMethod]
    public void A_queue_is_not_queued_again()
    {
        Action<string>? outer = LogQueue.Over(static _ => { }, out LogQueue? own);
        Assert.IsNotNull(own);
        Assert.AreSame(outer, LogQueue.Over(outer, out LogQueue? inner));
        Assert.IsNull(inner);
        Assert.IsNull(LogQueue.Over(null, out LogQueue? none));
        Assert.IsNull(none);
    }
}
