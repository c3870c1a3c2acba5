using System.Globalization;

namespace Net.Node.Web;

internal enum RouteKind
{
    None,
    Bytes,
    Files,
    Sha256,
    Echo,
    Counter,
    WhoAmI,
    Value,
}

/// <summary>What a path asks for.</summary>
/// <param name="Kind">Which handler.</param>
/// <param name="Size">Of `/bytes/{n}`.</param>
/// <param name="File">Of `/files/*`: still percent-encoded, without the prefix.</param>
internal readonly record struct Route(RouteKind Kind, long Size = 0, string File = "")
{
    private const string BytesPrefix = "/bytes/", FilesPrefix = "/files/";

    /// <summary>Methods it takes, as in the field `allow`.</summary>
    public string Allow => Kind switch
    {
        RouteKind.Sha256 or RouteKind.Echo => "POST, PUT",
        RouteKind.Value => "GET, HEAD, PUT",
        _ => "GET, HEAD",
    };

    /// <param name="target">`:path`, with or without a query.</param>
    public static Route Of(string target)
    {
        int query = target.IndexOf('?', StringComparison.Ordinal);
        string path = query < 0 ? target : target[..query];
        return path switch
        {
            "/sha256" => new(RouteKind.Sha256),
            "/echo" => new(RouteKind.Echo),
            "/counter" => new(RouteKind.Counter),
            "/whoami" => new(RouteKind.WhoAmI),
            "/value" => new(RouteKind.Value),
            _ when path.StartsWith(BytesPrefix, StringComparison.Ordinal) => OfBytes(path.AsSpan(BytesPrefix.Length)),
            _ when path.StartsWith(FilesPrefix, StringComparison.Ordinal) => new(RouteKind.Files, File: path[FilesPrefix.Length..]),
            _ => default,
        };
    }

    public bool Takes(string method) => Array.IndexOf(Allow.Split(", "), method) >= 0;

    private static Route OfBytes(ReadOnlySpan<char> text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long size) && size <= KeyStream.MaxLength
            ? new(RouteKind.Bytes, size) : default;
}
