using Net.Node.Cli;

namespace Net.Tests.Node.Cli;

/// <summary>What is written for whoever must not wait.</summary>
[TestClass]
public sealed class CommandOutputTests
{
    /// <summary>Goal: who posts a line waits for nobody, be it that nothing is read; what is read again comes in order, and says how much is missing.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public void A_reader_that_stalls_stops_nobody()
    {
        using Stalled error = new();
        CommandOutput output = new("node", TextWriter.Null, error, LogLevel.Info);
        output.Post("first");
        error.Reached.Wait();
        for (int i = 0; i < CommandOutput.MaxWaiting + 3; i++)
        {
            output.Post($"line {i}");
        }

        error.Gate.Set();
        output.Warn("last");
        string[] lines = error.Lines;
        Assert.AreEqual("continuum node: first", lines[0]);
        Assert.AreEqual("continuum node: line 0", lines[1]);
        Assert.AreEqual($"continuum node: line {CommandOutput.MaxWaiting - 1}", lines[CommandOutput.MaxWaiting]);
        Assert.AreEqual("continuum node: 3 lines are missing here, as nobody took them", lines[^2]);
        Assert.AreEqual("continuum node: last", lines[^1]);
        Assert.HasCount(CommandOutput.MaxWaiting + 3, lines);
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
        output.Flush();
        Assert.EndsWith($"continuum node: three{Environment.NewLine}", error.ToString());

        using StringWriter quiet = new();
        CommandOutput errors = new("node", result, quiet, LogLevel.Warn);
        errors.Post("not told");
        errors.Flush();
        Assert.AreEqual("", quiet.ToString());
    }

    /// <summary>Goal: a full disk behind standard error takes lines, and neither who posts them nor the process; when there is room again the next line comes, behind how many are missing.</summary>
    [TestMethod]
    public void Lines_that_cannot_be_written_are_counted()
    {
        using Full error = new();
        CommandOutput output = new("node", TextWriter.Null, error, LogLevel.Info);
        output.Post("one");
        output.Flush();
        output.Post("two");
        output.Flush();
        error.IsFull = false;
        output.Post("three");
        output.Flush();
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

    private sealed class Stalled : StringWriter
    {
        public ManualResetEventSlim Gate { get; } = new();

        public ManualResetEventSlim Reached { get; } = new();

        public string[] Lines => ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

        public override void WriteLine(string? value)
        {
            Reached.Set();
            Gate.Wait();
            base.WriteLine(value);
        }

        protected override void Dispose(bool disposing)
        {
            Gate.Dispose();
            Reached.Dispose();
            base.Dispose(disposing);
        }
    }
}
