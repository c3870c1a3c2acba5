using System.Buffers;
using System.Globalization;
using Net.Core.Snapshots;
using Net.Http3.Wire;

namespace Net.Http3.Messages;

/// <summary>The head of a request (RFC 9114, section 4.3.1).</summary>
/// <param name="Method">Such as GET; case-sensitive.</param>
/// <param name="Scheme">Such as https; empty for CONNECT.</param>
/// <param name="Authority">Host and port from <c>:authority</c>, else from <c>host</c>.</param>
/// <param name="Path">Path and query, <c>*</c> for OPTIONS on the whole server; empty for CONNECT.</param>
/// <param name="Headers">Without pseudo-headers; several <c>cookie</c> fields are joined (RFC 9114, section 4.2.1).</param>
internal sealed record RequestHead(string Method, string Scheme, string Authority, string Path, FieldSection Headers)
{
    private static readonly SearchValues<char> s_notInAuthority = SearchValues.Create("@/?# \t");

    // RFC 3986, section 3.1.
    private static readonly SearchValues<char> s_inScheme = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    /// <summary>Announced body bytes; -1 when not announced.</summary>
    public long ContentLength { get; private init; } = -1;

    /// <summary>The client may hold its content back until it gets 100 (Continue) or a final response (RFC 9110, section 10.1.1).</summary>
    public bool ExpectsContinue => string.Equals(Headers["expect"], "100-continue", StringComparison.OrdinalIgnoreCase);

    public bool IsHead => Method == "HEAD";

    public bool IsConnect => Method == "CONNECT";

    /// <summary>The method asks for nothing to be changed (RFC 9110, section 9.2.1): a copy of the request does no harm.</summary>
    public bool IsSafe => Method is "GET" or "HEAD" or "OPTIONS" or "TRACE";

    /// <summary>Validates a received field section.</summary>
    public static Http3Error TryRead(FieldSection fields, out RequestHead? head)
    {
        head = null;
        string? method = null, scheme = null, authority = null, path = null;
        FieldSection regular = new();
        List<string>? cookies = null;
        bool pseudoAllowed = true;
        foreach (Field field in fields)
        {
            if (field.Name.StartsWith(':'))
            {
                if (!pseudoAllowed)
                {
                    return Http3Error.Message("a pseudo-header behind a regular field");
                }

                bool taken = field.Name switch
                {
                    ":method" => Take(ref method, field.Value),
                    ":scheme" => Take(ref scheme, field.Value),
                    ":authority" => Take(ref authority, field.Value),
                    ":path" => Take(ref path, field.Value),
                    _ => false,
                };
                if (!taken)
                {
                    return Http3Error.Message("a pseudo-header that is unknown, repeated or malformed");
                }

                continue;
            }

            pseudoAllowed = false;
            if (FieldRules.Check(field) is { IsError: true } error)
            {
                return error;
            }

            if (field.Name == "cookie")
            {
                (cookies ??= []).Add(field.Value);
                continue;
            }

            regular.Add(field.Name, field.Value);
        }

        if (cookies is not null)
        {
            regular.Add("cookie", string.Join("; ", cookies));
        }

        if (CheckTarget(method, scheme, path, regular, ref authority) is { IsError: true } fault)
        {
            return fault;
        }

        if (!FieldRules.TryContentLength(regular, out long length))
        {
            return Http3Error.Message("content-length is malformed or repeated");
        }

        head = new(method!, scheme ?? "", authority!, path ?? "", regular) { ContentLength = length };
        return Http3Error.None;
    }

    /// <summary>All fields as they are sent, pseudo-headers first.</summary>
    public FieldSection ToFields()
    {
        FieldSection fields = new(new Field(":method", Method));
        if (Scheme.Length > 0)
        {
            fields.Add(":scheme", Scheme);
        }

        if (Authority.Length > 0)
        {
            fields.Add(":authority", Authority);
        }

        if (Path.Length > 0)
        {
            fields.Add(":path", Path);
        }

        foreach (Field field in Headers)
        {
            fields.Add(field.Name, field.Value);
        }

        return fields;
    }

    public void Export(SnapshotWriter writer) => ToFields().Export(writer);

    /// <exception cref="SnapshotException">A head that no peer could have sent.</exception>
    public static RequestHead Import(SnapshotReader reader) => TryRead(FieldSection.Import(reader), out RequestHead? head).IsError
        ? throw new SnapshotException("a request's head is malformed")
        : head!;

    private static bool Take(ref string? place, string value)
    {
        bool first = place is null && FieldRules.IsValue(value);
        place = value;
        return first;
    }

    private static Http3Error CheckTarget(string? method, string? scheme, string? path, FieldSection regular, ref string? authority)
    {
        if (method is null || !FieldRules.IsMethod(method))
        {
            return Http3Error.Message("no valid :method");
        }

        string? host = regular.Find("host", out int hosts);
        if (hosts > 1 || (hosts == 1 && authority is not null && host != authority))
        {
            return Http3Error.Message(":authority and host contradict each other");
        }

        // RFC 9114, section 4.4: CONNECT has an authority with a port, and neither scheme nor path.
        if (method == "CONNECT")
        {
            return scheme is null && path is null && HasPort(authority) ? Http3Error.None : Http3Error.Message("a malformed CONNECT");
        }

        if (string.IsNullOrEmpty(scheme) || !char.IsAsciiLetter(scheme[0]) || scheme.AsSpan().ContainsAnyExcept(s_inScheme))
        {
            return Http3Error.Message("no valid :scheme");
        }

        bool hasPath = path is not null && (path.StartsWith('/') || (path == "*" && method == "OPTIONS") || (path.Length > 0 && !IsHttp(scheme)));
        if (!hasPath || path!.AsSpan().ContainsAny(' ', '\t', '#'))
        {
            return Http3Error.Message("no valid :path");
        }

        // Schemes with a mandatory authority need one that is not empty; user information is deprecated and must not appear.
        authority ??= host ?? "";
        return IsHttp(scheme) && (authority.Length == 0 || authority.AsSpan().ContainsAny(s_notInAuthority))
            ? Http3Error.Message("no valid :authority or host")
            : Http3Error.None;
    }

    private static bool HasPort(string? authority) =>
        authority?.LastIndexOf(':') is int colon and > 0 && !authority.AsSpan().ContainsAny(s_notInAuthority)
        && ushort.TryParse(authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port > 0;

    private static bool IsHttp(string scheme) =>
        scheme.Equals("https", StringComparison.OrdinalIgnoreCase) || scheme.Equals("http", StringComparison.OrdinalIgnoreCase);
}
