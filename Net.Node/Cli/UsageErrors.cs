using System.CommandLine;
using System.CommandLine.Parsing;

namespace Net.Node.Cli;

/// <summary>Turns what the parser did not understand into one line, <c>what: what to do</c>.</summary>
internal static class UsageErrors
{
    /// <summary>The one that explains most: unknown words come first, as they make other things seem to be missing.</summary>
    public static string Describe(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        string help = command is RootCommand ? "continuum --help" : $"continuum {command.Name} --help";
        if (parsed.UnmatchedTokens is [string first, ..])
        {
            return Unmatched(command, first, help);
        }

        foreach (ParseError error in parsed.Errors)
        {
            if (error.Message.StartsWith(Flags.Ours))
            {
                return error.Message[1..];
            }
        }

        foreach (Option option in command.Options)
        {
            if (option.Required && parsed.GetResult(option) is not { Implicit: false })
            {
                return $"{option.Name} is missing: give {option.Name} {option.HelpName}";
            }
        }

        return parsed.Errors.Count == 0 ? $"wrong usage: see {help}" : Other(command, parsed.Errors[0], help);
    }

    private static string Unmatched(Command command, string token, string help)
    {
        string shown = Values.Shown(token);
        bool isFlag = token.StartsWith('-') && token.Length > 1;
        return (command, isFlag) switch
        {
            (_, true) => $"unknown option '{shown}': see {help}",
            (RootCommand root, _) => $"unknown command '{shown}': use {string.Join(", ", root.Subcommands.Where(sub => !sub.Hidden).Select(sub => sub.Name))}",
            _ => $"unexpected '{shown}': see {help}",
        };
    }

    private static string Other(Command command, ParseError error, string help) => error.SymbolResult switch
    {
        OptionResult { Tokens.Count: 0 } option => $"{option.Option.Name} needs a value: give {option.Option.Name} {option.Option.HelpName}",
        OptionResult { Option: { Arity.MaximumNumberOfValues: 0 } option } => $"{option.Name} takes no value: leave the value out",
        OptionResult option => $"{option.Option.Name} is given more than once: give it once",
        ArgumentResult argument => $"{argument.Argument.Name} is missing: see {help}",
        CommandResult { Command: RootCommand root } => $"no command: use {string.Join(", ", root.Subcommands.Where(sub => !sub.Hidden).Select(sub => sub.Name))}",
        CommandResult when command.Arguments is [{ Arity.MinimumNumberOfValues: > 0 } missing, ..] => $"{missing.Name} is missing: see {help}",
        _ => $"{Values.Shown(error.Message.TrimEnd('.'))}: see {help}",
    };
}
