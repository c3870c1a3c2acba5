using System.Text;

namespace Net.Tests.Node.Cli;

/// <summary>A stream that nobody reads until it is opened, or the test is given up.</summary>
internal sealed class StalledWriter : TextWriter
{
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> _lines = [];

    public StalledWriter(CancellationToken givenUp) => givenUp.Register(Open);

    public override Encoding Encoding => Encoding.UTF8;

    public bool IsOpen => _open.Task.IsCompleted;

    /// <summary>Ends when there is a first line.</summary>
    public Task Reached => _reached.Task;

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

    public void Open() => _open.TrySetResult();

    public override void WriteLine(string? value)
    {
        _ = _reached.TrySetResult();
        _open.Task.Wait();
        lock (_lines)
        {
            _lines.Add(value ?? "");
        }
    }

    protected override void Dispose(bool disposing)
    {
        // Whoever is still stuck here goes on.
        Open();
        base.Dispose(disposing);
    }
}
