using System.CommandLine;
using System.CommandLine.Parsing;

namespace Net.Node.Cli;

/// <summary>Reads a value: the error is <c>what: what to do</c>.</summary>
internal delegate bool ValueReader<T>(string flag, string text, out T value, out string error);

/// <summary>Options and arguments whose errors are ours, not the library's.</summary>
internal static class Flags
{
    /// <summary>Stands before an error that is already a whole <c>what: what to do</c>.</summary>
    public const char Ours = '\u0001';

    public static Option<T> Value<T>(string name, string shape, string description, ValueReader<T> read) => new(name)
    {
        Description = description,
        HelpName = shape,
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result => Parse(result, name, read),
    };

    public static Option<T> Value<T>(string name, string shape, string description, ValueReader<T> read, T fallback)
    {
        Option<T> option = Value(name, shape, description, read);
        option.DefaultValueFactory = _ => fallback;
        return option;
    }

    public static Option<string?> Text(string name, string shape, string description) =>
        Value<string?>(name, shape, description, (string flag, string text, out string? value, out string error) =>
        {
            value = text;
            return Values.TryPath(flag, text, out error);
        });

    public static Option<bool> Switch(string name, string description) => new(name) { Description = description, Arity = ArgumentArity.Zero };

    public static Argument<T> Positional<T>(string name, string description, ValueReader<T> read) => new(name)
    {
        Description = description,
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result => Parse(result, name, read),
    };

    private static T Parse<T>(ArgumentResult result, string flag, ValueReader<T> read)
    {
        T value = default!;
        if (result.Tokens.Count == 1 && !read(flag, result.Tokens[0].Value, out value, out string error))
        {
            result.AddError(Ours + error);
        }

        return value;
    }
}
