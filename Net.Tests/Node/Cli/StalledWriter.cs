using System.Text;

namespace Net.Tests.Node.Cli;

/// <summary>A stream that nobody reads until its gate is opened, or the test is given up.</summary>
internal sealed class StalledWriter(CancellationToken givenUp) : TextWriter
{
    private readonly List<string> _lines = [];

    public ManualResetEventSlim Gate { get; } = new();

    public ManualResetEventSlim Reached { get; } = new();

    public override Encoding Encoding => Encoding.UTF8;

    public string[] Lines
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    public override void WriteLine(string? value)
    {
        Reached.Set();
        _ = WaitHandle.WaitAny([Gate.WaitHandle, givenUp.WaitHandle]);
        lock (_lines)
        {
            _lines.Add(value ?? "");
        }
    }

    protected override void Dispose(bool disposing)
    {
        // Whoever is still stuck here goes on; so the events are left to the collector.
        Gate.Set();
        base.Dispose(disposing);
    }
}
