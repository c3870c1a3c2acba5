namespace Net.Node.Cli;

/// <summary>Where a command writes: results to standard output, everything else, by level, to standard error.</summary>
/// <remarks>Thread-safe: a line is written whole.</remarks>
/// <param name="command">Such as <c>node</c>; empty before it is known.</param>
/// <param name="output">Standard output.</param>
/// <param name="error">Standard error.</param>
/// <param name="level">Lines above it are dropped.</param>
internal sealed class CommandOutput(string command, TextWriter output, TextWriter error, LogLevel level)
{
    private readonly LineQueue _results = new(output, Prefix(command));
    private readonly LineQueue _lines = new(error, Prefix(command));

    public LogLevel Level => level;

    /// <summary>
    /// For a command that hosts: no line waits for whoever reads it, not the one that says why the command ends either. A terminal that is paused, a pipe that nobody reads or a full
    /// disk would silence a node until it is taken for dead, or keep it from ending. The command flushes at its end.
    /// </summary>
    public bool WaitsForNobody { get; init; }

    /// <summary>Standard error is a terminal on which a table or a bar may be redrawn.</summary>
    public bool IsTerminal { get; init; }

    /// <summary>The raw standard output, for `get` without `-o`.</summary>
    public Func<Stream> OpenOutput { get; init; } = () => Stream.Null;

    /// <summary>Ends standard input, for `--stop-on-eof`.</summary>
    public Func<Stream> OpenInput { get; init; } = () => Stream.Null;

    public void Result(string line)
    {
        if (WaitsForNobody)
        {
            _results.Post(line, evenWhenFull: true);
            return;
        }

        _lines.Flush();
        _results.Write(line);
    }

    /// <summary>The line that says why the command ends. Newlines inside become spaces: it stays one line.</summary>
    public void Failure(string line) => Write(line, isLast: true);

    public void Warn(string line) => Log(LogLevel.Warn, line);

    public void Info(string line) => Log(LogLevel.Info, line);

    public void Debug(string line) => Log(LogLevel.Debug, line);

    public void Log(LogLevel lineLevel, string line)
    {
        if (lineLevel <= level)
        {
            Write(line, isLast: false);
        }
    }

    /// <summary>As <see cref="Info"/>, for those who must not wait in any command. Lines come in order, also with those of others; what is too much is lost, and counted.</summary>
    public void Post(string line)
    {
        if (level >= LogLevel.Info)
        {
            _lines.Post(Prefixed(line));
        }
    }

    /// <summary>Writes what waits.</summary>
    /// <param name="patience">With whoever reads either stream.</param>
    /// <returns>False: nobody has taken it all by then.</returns>
    public bool TryFlush(TimeSpan patience) => _results.TryFlush(patience) & _lines.TryFlush(patience);

    private void Write(string line, bool isLast)
    {
        if (WaitsForNobody)
        {
            _lines.Post(Prefixed(line), isLast);
        }
        else
        {
            _lines.Write(Prefixed(line));
        }
    }

    private string Prefixed(string line) => Prefix(command) + OneLine(line);

    private static string Prefix(string command) => command.Length == 0 ? "continuum: " : $"continuum {command}: ";

    private static string OneLine(string line) => line.ReplaceLineEndings(" ").Trim();
}
