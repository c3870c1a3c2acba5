using System.Text.RegularExpressions;

namespace Interop.Matrix.Sides;

/// <summary>curl: HTTP/3, as a client.</summary>
internal sealed partial class CurlSide(string name, string release, string folder, string[] packages) : DebianSide(name, release, folder, packages, "usr/bin/curl")
{
    public override bool Fetches(MatrixCase c) => (c.IsPlain && c.Name is not ("multiplexing" or "ecn" or "amplificationlimit" or "connectionmigration")) || c.Retry || c.Plan == Plan.Each;

    public override async Task<string> FetchAsync(Cell cell)
    {
        string[] common = ["--http3-only", "--silent", "--show-error", "--insecure", "--fail", "--write-out", "%{http_version} %{num_connects}\n", "--output-dir", cell.Downloads, "--remote-name-all"];
        if (cell.Case.Plan == Plan.Each)
        {
            foreach (string url in cell.Urls)
            {
                await cell.MustSucceedAsync(Run(cell.ClientPlace, [.. common, "--connect-timeout", "60", url]));
            }

            return "";
        }

        Interop.Processes.Child curl = await cell.MustSucceedAsync(Run(cell.ClientPlace, [.. common, .. cell.Urls]));
        return OnHttp3().Count(curl.Said) == cell.Files.Count ? "" : throw new CaseFailedException($"curl did not use HTTP/3: {curl.Said}");
    }

    protected override string VersionIn(string said) => string.Join(' ', base.VersionIn(said).Split(' ').Where(word => word.StartsWith("curl/", StringComparison.Ordinal) || word.StartsWith("OpenSSL", StringComparison.Ordinal) || word.StartsWith("ngtcp2", StringComparison.Ordinal) || word.StartsWith("libcurl/", StringComparison.Ordinal)));

    [GeneratedRegex("^3 [01]$", RegexOptions.Multiline)]
    private static partial Regex OnHttp3();
}
