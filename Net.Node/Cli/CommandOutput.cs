using System.Diagnostics.CodeAnalysis;

namespace Net.Node.Cli;

/// <summary>Where a command writes: results to standard output, everything else, by level, to standard error.</summary>
/// <remarks>Thread-safe: a line is written whole.</remarks>
/// <param name="command">Such as <c>node</c>; empty before it is known.</param>
/// <param name="output">Standard output.</param>
/// <param name="error">Standard error.</param>
/// <param name="level">Lines above it are dropped.</param>
internal sealed class CommandOutput(string command, TextWriter output, TextWriter error, LogLevel level)
{
    /// <summary>Lines that wait for whoever reads standard error.</summary>
    internal const int MaxWaiting = 1000;

    private readonly Lock _lock = new();
    private readonly Lock _waitingLock = new();
    private readonly Queue<string> _waiting = new();
    private int _lost;
    private bool _isDraining;

    public LogLevel Level => level;

    /// <summary>Standard error is a terminal on which a table or a bar may be redrawn.</summary>
    public bool IsTerminal { get; init; }

    /// <summary>The raw standard output, for `get` without `-o`.</summary>
    public Func<Stream> OpenOutput { get; init; } = () => Stream.Null;

    /// <summary>Ends standard input, for `--stop-on-eof`.</summary>
    public Func<Stream> OpenInput { get; init; } = () => Stream.Null;

    public void Result(string line)
    {
        lock (_lock)
        {
            WriteWaiting();
            output.WriteLine(line);
            output.Flush();
        }
    }

    /// <summary>The line that says why the command ends. Newlines inside become spaces: it stays one line.</summary>
    public void Failure(string line) => Write(line);

    public void Warn(string line) => Log(LogLevel.Warn, line);

    public void Info(string line) => Log(LogLevel.Info, line);

    public void Debug(string line) => Log(LogLevel.Debug, line);

    public void Log(LogLevel lineLevel, string line)
    {
        if (lineLevel <= level)
        {
            Write(line);
        }
    }

    /// <summary>
    /// As <see cref="Info"/>, for those who must not wait: a terminal that is paused, a pipe that nobody reads or a full disk would silence a node until it is taken for dead. Lines come in
    /// order, also with those of others; what is too much is lost, and counted.
    /// </summary>
    public void Post(string line)
    {
        if (level < LogLevel.Info)
        {
            return;
        }

        lock (_waitingLock)
        {
            if (_waiting.Count == MaxWaiting)
            {
                _lost++;
                return;
            }

            if (_lost > 0)
            {
                _waiting.Enqueue(TakeLoss());
            }

            _waiting.Enqueue(Prefixed(line));
            if (_isDraining)
            {
                return;
            }

            _isDraining = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(static output => output.Flush(), this, preferLocal: false);
    }

    /// <summary>Writes what waits.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            WriteWaiting();
        }
    }

    private void Write(string line)
    {
        lock (_lock)
        {
            WriteWaiting();
            error.WriteLine(Prefixed(line));
            error.Flush();
        }
    }

    /// <summary>Under the lock. What cannot be written is lost: nobody waits for it, so nobody could be told.</summary>
    private void WriteWaiting()
    {
        try
        {
            while (TryTake(out string? line))
            {
                error.WriteLine(line);
                error.Flush();
            }
        }
        catch (IOException)
        {
            lock (_waitingLock)
            {
                _lost += _waiting.Count + 1;
                _waiting.Clear();
                _isDraining = false;
            }
        }
    }

    private bool TryTake([NotNullWhen(true)] out string? line)
    {
        lock (_waitingLock)
        {
            if (_waiting.TryDequeue(out line))
            {
                return true;
            }

            line = _lost > 0 ? TakeLoss() : null;
            _isDraining = line is not null;
            return _isDraining;
        }
    }

    /// <summary>Under the lock of what waits.</summary>
    private string TakeLoss()
    {
        string line = Prefixed($"{_lost} lines are missing here, as nobody took them");
        _lost = 0;
        return line;
    }

    private string Prefixed(string line) => $"{(command.Length == 0 ? "continuum" : $"continuum {command}")}: {OneLine(line)}";

    private static string OneLine(string line) => line.ReplaceLineEndings(" ").Trim();
}
