using Net.Node.Cli;

namespace Net.Tests.Node.Cli;

/// <summary>What is written for whoever must not wait.</summary>
[TestClass]
public sealed class CommandOutputTests
{
    public required TestContext TestContext { get; set; }

    /// <summary>Goal: who posts a line waits for nobody, be it that nothing is read; what is read again comes in order, and says how much is missing.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public void A_reader_that_stalls_stops_nobody()
    {
        using StalledWriter error = new(TestContext.CancellationToken);
        CommandOutput output = new("node", TextWriter.Null, error, LogLevel.Info);
        output.Post("first");
        error.Reached.Wait(TestContext.CancellationToken);
        for (int i = 0; i < LineQueue.MaxWaiting + 3; i++)
        {
            output.Post($"line {i}");
        }

        error.Open();
        output.Warn("last");
        string[] lines = error.Lines;
        Assert.AreEqual("continuum node: first", lines[0]);
        Assert.AreEqual("continuum node: line 0", lines[1]);
        Assert.AreEqual($"continuum node: line {LineQueue.MaxWaiting - 1}", lines[LineQueue.MaxWaiting]);
        Assert.AreEqual("continuum node: 3 lines are missing here, as nobody took them", lines[^2]);
        Assert.AreEqual("continuum node: last", lines[^1]);
        Assert.HasCount(LineQueue.MaxWaiting + 3, lines);
    }

    /// <summary>
    /// Goal: who hosts waits for nobody, whatever it has to say and whichever stream is not read: to wait in front of the next attempt to join, or of a drain, would give its component
    /// away by force. Its end has a limit; why it ends is not lost among too many lines.
    /// </summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public void Who_hosts_waits_for_nobody()
    {
        using StalledWriter result = new(TestContext.CancellationToken), error = new(TestContext.CancellationToken);
        CommandOutput output = new("node", result, error, LogLevel.Debug) { WaitsForNobody = true };
        output.Result("ready node a");
        output.Info("cannot join");
        error.Reached.Wait(TestContext.CancellationToken);
        output.Debug("handshake completed");
        output.Warn("beware");
        for (int i = 0; i < LineQueue.MaxWaiting; i++)
        {
            output.Post($"line {i}");
        }

        output.Failure("the end");
        Assert.IsFalse(output.TryFlush(TimeSpan.Zero), "nobody has read it");
        Assert.IsFalse(TestContext.CancellationToken.IsCancellationRequested, "somebody has waited");

        // Who reads one stream need not read the other.
        result.Open();
        Assert.IsFalse(output.TryFlush(TimeSpan.Zero));
        error.Open();
        Assert.IsTrue(output.TryFlush(Timeout.InfiniteTimeSpan));
        CollectionAssert.AreEqual(new[] { "ready node a" }, result.Lines);
        CollectionAssert.AreEqual(
            new[] { "continuum node: cannot join", "continuum node: handshake completed", "continuum node: beware", "continuum node: line 0" }, error.Lines[..4]);
        CollectionAssert.AreEqual(new[] { "continuum node: 2 lines are missing here, as nobody took them", "continuum node: the end" }, error.Lines[^2..]);
    }

    /// <summary>Goal: what was posted is there when a command ends, in front of what was written later; what is below the level is not.</summary>
    [TestMethod]
    public void What_was_posted_comes_first()
    {
        using StringWriter result = new(), error = new();
        CommandOutput output = new("node", result, error, LogLevel.Info);
        output.Post("one\ntwo");
        output.Result("ready");
        Assert.AreEqual($"continuum node: one two{Environment.NewLine}", error.ToString());
        Assert.AreEqual($"ready{Environment.NewLine}", result.ToString());
        output.Post("three");
        output.TryFlush(Timeout.InfiniteTimeSpan);
        Assert.EndsWith($"continuum node: three{Environment.NewLine}", error.ToString());

        using StringWriter quiet = new();
        CommandOutput errors = new("node", result, quiet, LogLevel.Warn);
        errors.Post("not told");
        errors.TryFlush(Timeout.InfiniteTimeSpan);
        Assert.AreEqual("", quiet.ToString());
    }

    /// <summary>Goal: a full disk behind standard error takes lines, and neither who posts them nor the process; when there is room again the next line comes, behind how many are missing.</summary>
    [TestMethod]
    public void Lines_that_cannot_be_written_are_counted()
    {
        using Full error = new();
        CommandOutput output = new("node", TextWriter.Null, error, LogLevel.Info);
        output.Post("one");
        output.TryFlush(Timeout.InfiniteTimeSpan);
        output.Post("two");
        output.TryFlush(Timeout.InfiniteTimeSpan);
        error.IsFull = false;
        output.Post("three");
        output.TryFlush(Timeout.InfiniteTimeSpan);
        Assert.AreEqual($"continuum node: 2 lines are missing here, as nobody took them{Environment.NewLine}continuum node: three{Environment.NewLine}", error.ToString());
    }

    private sealed class Full : StringWriter
    {
        public bool IsFull { get; set; } = true;

        public override void WriteLine(string? value)
        {
            if (IsFull)
            {
                throw new IOException("no space left on device");
            }

            base.WriteLine(value);
        }
    }
}
