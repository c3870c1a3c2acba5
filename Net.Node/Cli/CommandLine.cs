using System.CommandLine;
using System.CommandLine.Invocation;
using System.Security.Cryptography;
using Net.Core.Io;

namespace Net.Node.Cli;

/// <summary>One run of the command: parse, do, and say in one line what went wrong.</summary>
internal sealed class CommandLine(ICommandHandlers handlers, TextWriter output, TextWriter error)
{
    private readonly List<CommandOutput> _outputs = [];

    /// <summary>With whoever reads what a command that hosts has said last, for each of both streams: what nobody has taken by then is lost.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(2);

    public bool IsTerminal { get; init; }

    public Func<Stream> OpenOutput { get; init; } = () => Stream.Null;

    public Func<Stream> OpenInput { get; init; } = () => Stream.Null;

    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(string[] arguments, CancellationToken cancellationToken)
    {
        try
        {
            return await RunCommandAsync(arguments, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            foreach (CommandOutput made in _outputs)
            {
                _ = made.TryFlush(Patience);
            }
        }
    }

    private async Task<int> RunCommandAsync(string[] arguments, CancellationToken cancellationToken)
    {
        CommandTree tree = new(handlers, Output);
        if (arguments is [['[', ..] directive, ..])
        {
            // The parser would take it for a directive, and pass over it.
            Output("", LogLevel.Error).Failure($"unknown command '{Values.Shown(directive)}': see continuum --help");
            return ExitCode.Usage;
        }

        // A file name that begins with @ is a file name.
        ParseResult parsed = tree.Root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        string command = parsed.CommandResult.Command is RootCommand ? "" : parsed.CommandResult.Command.Name;
        if (parsed.Action is ParseErrorAction or null || (command.Length == 0 && parsed.Errors.Count > 0 && parsed.Action is not CommandLineAction { ClearsParseErrors: true }))
        {
            Output(command, LogLevel.Error).Failure(UsageErrors.Describe(parsed));
            return ExitCode.Usage;
        }

        try
        {
            InvocationConfiguration configuration = new() { Output = output, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            return await parsed.InvokeAsync(configuration, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
#pragma warning disable CA1031 // The last resort of the process: one line instead of a stack trace.
        catch (Exception e)
#pragma warning restore CA1031
        {
            CommandOutput log = _outputs.LastOrDefault() ?? Output(command, LogLevel.Error);
            log.Failure(Explain(e));
            log.Debug($"{e.GetBaseException().GetType().Name} in {e.GetBaseException().TargetSite?.DeclaringType}.{e.GetBaseException().TargetSite?.Name}");
            return e is CommandFailure failure ? failure.Code : ExitCode.Failed;
        }
    }

    private static string Explain(Exception e) => e switch
    {
        CommandFailure => e.Message,
        AddressInUseException => $"{e.Message}: choose another port, or stop the program that has it",
        OperationCanceledException => "no answer in time: check that the other side runs",
        UnauthorizedAccessException => $"{Sentence(e.Message)}: check the permissions",
        CryptographicException => $"{Sentence(e.Message)}: check the certificate and key files",
        IOException => $"{Sentence(e.Message)}: check the path or the network, and try again",
        _ => $"{Sentence(e.Message)}: this is a defect, run again with --log-level debug and report it",
    };

    private static string Sentence(string message) => message.TrimEnd('.', ' ');

    private CommandOutput Output(string command, LogLevel level)
    {
        CommandOutput made = new(command, output, error, level)
        {
            WaitsForNobody = command is "ingress" or "node" or "hold",
            IsTerminal = IsTerminal,
            OpenOutput = OpenOutput,
            OpenInput = OpenInput,
        };
        _outputs.Add(made);
        return made;
    }
}
