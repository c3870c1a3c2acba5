using System.CommandLine;
using System.CommandLine.Parsing;

namespace Net.Node.Cli;

/// <summary>The command line of `continuum get`: the letters and meanings of curl's.</summary>
internal sealed class GetSyntax
{
    private readonly Argument<Uri> _url = Flags.Positional("URL", "https://HOST[:PORT]/PATH", (string _, string text, out Uri value, out string error) =>
    {
        bool isSound = Values.TryUrl(text, out Uri? parsed, out error);
        value = parsed!;
        return isSound;
    });

    private readonly Option<string?> _file = Flags.Text("-o", "FILE", "write the body there; - or nothing: standard output");
    private readonly Option<bool> _insecure = Flags.Switch("--insecure", "take any certificate");
    private readonly Option<bool> _head = Flags.Switch("-i", "write the response's status and header fields before its body");

    private readonly Option<string?> _data = Flags.Value<string?>("-d", "DATA", "send a body, with POST unless -X says otherwise; @FILE or @- (standard input): its bytes as they are",
        (string flag, string text, out string? value, out string error) =>
        {
            value = text;
            error = text == "@" ? $"{flag} @ names no file: give @FILE, or @- for standard input" : "";
            return error.Length == 0;
        });

    private readonly Option<HeaderField[]> _headers = new("-H")
    {
        Description = "a header field of the request, 'NAME: VALUE'; any number of times",
        HelpName = "HEADER",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
        CustomParser = ReadHeaders,
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string?> _method = Flags.Value<string?>("-X", "METHOD", "such as PUT, instead of GET or POST",
        (string flag, string text, out string? value, out string error) =>
        {
            value = text;
            error = HeaderField.IsToken(text) ? "" : $"{flag} '{Values.Shown(text)}' is not a method: give a word such as PUT";
            return error.Length == 0;
        });

    private readonly Option<bool> _json = Flags.Switch("--json", "one JSON object with the times on standard output, and nothing else: the body goes to -o or nowhere");

    public GetSyntax()
    {
        _file.Aliases.Add("--output");
        _head.Aliases.Add("--include");
        _data.Aliases.Add("--data");
        _headers.Aliases.Add("--header");
        _method.Aliases.Add("--request");
        Command = new("get", "Fetch a URL over HTTP/3; fails for a status from 400 on, and leaves no half file") { _url, _file, _insecure, _head, _data, _headers, _method, _json };
    }

    public Command Command { get; }

    public GetOptions Read(ParseResult parsed) => new(
        parsed.GetValue(_url)!, parsed.GetValue(_file) is "-" ? null : parsed.GetValue(_file), parsed.GetValue(_insecure))
    {
        ShowsHead = parsed.GetValue(_head),
        Data = parsed.GetValue(_data),
        Headers = parsed.GetValue(_headers)!,
        Method = parsed.GetValue(_method),
        Json = parsed.GetValue(_json),
    };

    private static HeaderField[] ReadHeaders(ArgumentResult result)
    {
        List<HeaderField> fields = [];
        foreach (Token token in result.Tokens)
        {
            if (HeaderField.TryParse(token.Value, out HeaderField field))
            {
                fields.Add(field);
            }
            else
            {
                result.AddError($"{Flags.Ours}-H '{Values.Shown(token.Value)}' is not a header field: give 'NAME: VALUE', in ASCII");
            }
        }

        return [.. fields];
    }
}

/// <summary>A header field as typed.</summary>
internal readonly record struct HeaderField(string Name, string Value)
{
    private const string TokenMarks = "!#$%&'*+-.^_`|~";

    /// <summary>RFC 9110, section 5.6.2.</summary>
    public static bool IsToken(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || TokenMarks.Contains(c, StringComparison.Ordinal));

    public static bool TryParse(string text, out HeaderField field)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        field = colon > 0 ? new(text[..colon], text[(colon + 1)..].Trim(' ', '\t')) : default;
        return colon > 0 && IsToken(field.Name) && field.Value.All(c => c is '\t' or (>= ' ' and < '\x7f'));
    }
}
