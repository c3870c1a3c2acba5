using System.Buffers;
using System.Globalization;
using Net.Http3.Wire;

namespace Net.Http3.Messages;

/// <summary>What makes a field malformed in every message (RFC 9114, section 4.2; RFC 9110, section 5).</summary>
internal static class FieldRules
{
    // RFC 9110, section 5.6.2: token, without upper case (RFC 9114, section 4.2).
    private static readonly SearchValues<char> s_nameCharacters = SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> s_methodCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    public static bool IsMethod(string text) => text.Length > 0 && !text.AsSpan().ContainsAnyExcept(s_methodCharacters);

    /// <summary>Checks a regular field (not a pseudo-header).</summary>
    public static Http3Error Check(Field field)
    {
        if (field.Name.Length == 0 || field.Name.AsSpan().ContainsAnyExcept(s_nameCharacters))
        {
            return Http3Error.Message("a field name with characters that are not permitted");
        }

        if (!IsValue(field.Value))
        {
            return Http3Error.Message("a field value with characters that are not permitted");
        }

        return field.Name switch
        {
            "connection" or "keep-alive" or "proxy-connection" or "transfer-encoding" or "upgrade" =>
                Http3Error.Message("a connection-specific field"),
            "te" when !field.Value.Equals("trailers", StringComparison.OrdinalIgnoreCase) => Http3Error.Message("te with something else than trailers"),
            _ => Http3Error.None,
        };
    }

    /// <summary>RFC 9110, section 5.5: no control characters but tab inside, no white space at the ends; one byte per character.</summary>
    public static bool IsValue(string value)
    {
        foreach (char c in value)
        {
            if ((c < ' ' && c != '\t') || c == '\x7F' || c > '\xFF')
            {
                return false;
            }
        }

        return value.Length == 0 || (value[0] is not (' ' or '\t') && value[^1] is not (' ' or '\t'));
    }

    /// <summary>The content-length of a message: -1 when there is none.</summary>
    /// <returns><c>false</c> when it is no number below 2^63, or comes more than once.</returns>
    public static bool TryContentLength(FieldSection fields, out long length)
    {
        length = -1;
        string? text = fields.Find("content-length", out int count);
        return count == 0 || (count == 1 && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out length));
    }

    /// <summary>Trailers: regular fields only (RFC 9114, section 4.3).</summary>
    public static Http3Error CheckTrailers(FieldSection fields)
    {
        foreach (Field field in fields)
        {
            if (field.Name.StartsWith(':'))
            {
                return Http3Error.Message("a pseudo-header in trailers");
            }

            if (Check(field) is { IsError: true } error)
            {
                return error;
            }
        }

        return Http3Error.None;
    }
}
