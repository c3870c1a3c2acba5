namespace Net.Node.Cli;

/// <summary>Where a command writes: results to standard output, everything else, by level, to standard error.</summary>
/// <remarks>Thread-safe: a line is written whole.</remarks>
/// <param name="command">Such as <c>node</c>; empty before it is known.</param>
/// <param name="output">Standard output.</param>
/// <param name="error">Standard error.</param>
/// <param name="level">Lines above it are dropped.</param>
internal sealed class CommandOutput(string command, TextWriter output, TextWriter error, LogLevel level)
{
    private readonly Lock _lock = new();

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

    private void Write(string line)
    {
        string text = $"{(command.Length == 0 ? "continuum" : $"continuum {command}")}: {OneLine(line)}";
        lock (_lock)
        {
            error.WriteLine(text);
            error.Flush();
        }
    }

    private static string OneLine(string line) => line.ReplaceLineEndings(" ").Trim();
}
