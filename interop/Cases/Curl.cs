using System.Globalization;
using System.Text.RegularExpressions;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>One curl with one request, and what it says of it at the end.</summary>
internal sealed partial class Curl
{
    private static readonly TimeSpan s_endLimit = TimeSpan.FromSeconds(30);

    private Curl(Child child) => Child = child;

    public Child Child { get; }

    public static Curl Start(CaseContext context, Peer peer, string url, params IEnumerable<string> more)
    {
        string[] arguments =
        [
            "--http3-only", "--silent", "--show-error", "--insecure", "--no-buffer", "--max-time", "3600",
            "--write-out", "%{stderr}\nresult %{http_version} %{http_code} %{num_connects} %{size_download} %{size_upload}\n",
            .. more, url,
        ];
        return new(context.Own(peer.Start(arguments)));
    }

    /// <summary>It must have ended well: HTTP/3, 200, on the one connection that it opened.</summary>
    public async Task MustEndWellAsync(CancellationToken cancellationToken)
    {
        int code = await Child.WaitAsync(s_endLimit, cancellationToken);
        Match result = ResultLine().Match(Child.Errors);
        if (code != 0 || !result.Success || result.Groups[1].Value != "3" || result.Groups[2].Value != "200" || result.Groups[3].Value != "1")
        {
            throw new CaseFailedException(string.Create(
                CultureInfo.InvariantCulture,
                $"{Child.Name} ended with exit code {code}, HTTP/{result.Groups[1]} {result.Groups[2]} on {result.Groups[3]} connections: {Child.Errors.ReplaceLineEndings(" ").Trim()}"));
        }
    }

    [GeneratedRegex(@"^result (\S+) (\d+) (\d+) (\d+) (\d+)$", RegexOptions.Multiline)]
    private static partial Regex ResultLine();
}
