using System.Globalization;

namespace QuicEndpoint;

/// <summary>What the quic-interop-runner tells an endpoint through its environment and its mounted folders.</summary>
internal sealed record Contract
{
    public required string TestCase { get; init; }

    /// <summary>Files that the server gives.</summary>
    public required string Www { get; init; }

    /// <summary>Where the client stores files.</summary>
    public required string Downloads { get; init; }

    /// <summary>Holds cert.pem (the chain, leaf first) and priv.key.</summary>
    public required string Certificates { get; init; }

    /// <summary>The server's UDP port; 0 lets the system choose.</summary>
    public required int Port { get; init; }

    /// <summary>What the client fetches.</summary>
    public required IReadOnlyList<Uri> Requests { get; init; }

    /// <summary>Words of CLIENT_PARAMS or SERVER_PARAMS.</summary>
    public required Parameters Parameters { get; init; }

    /// <exception cref="ContractException">A variable cannot be used.</exception>
    public static Contract Read(string role, Func<string, string?> environment)
    {
        string Get(string name, string otherwise) => environment(name) is { Length: > 0 } value ? value : otherwise;
        string suffix = role.ToUpperInvariant();
        return new()
        {
            TestCase = Get("TESTCASE", Get($"TESTCASE_{suffix}", "")),
            Www = Get("WWW_DIR", "/www"),
            Downloads = Get("DOWNLOADS_DIR", "/downloads"),
            Certificates = Get("CERTS_DIR", "/certs"),
            Port = int.TryParse(Get("PORT", "443"), NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port <= ushort.MaxValue
                ? port
                : throw new ContractException("PORT is not a port number: give 0 to 65535"),
            Requests = [.. Get("REQUESTS", "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(ReadUrl)],
            Parameters = Parameters.Read(Get($"{suffix}_PARAMS", "")),
        };
    }

    private static Uri ReadUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme == Uri.UriSchemeHttps && url.AbsolutePath.Length > 0
            ? url
            : throw new ContractException($"REQUESTS holds '{text}': https:// URLs are needed");
}
