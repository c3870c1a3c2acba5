using Interop.Processes;

namespace Interop.Peers;

/// <summary>A program of another distribution's release, started through that release's own loader and libraries.</summary>
internal sealed record Peer(string Name, string Root, string Program, string ExpectedFeature)
{
    private string Libraries => Path.Combine(Root, "usr/lib", PeerSet.Triplet);

    private string Loader => Path.Combine(Libraries, PeerSet.LoaderName);

    public string ProgramPath => Path.Combine(Root, Program);

    public Child Start(params IEnumerable<string> arguments) =>
        Child.Start(Name, Loader, [.. Prefix, .. arguments], Environment);

    public Task<Finished> RunAsync(TimeSpan limit, params IEnumerable<string> arguments) =>
        Child.RunAsync(Name, Loader, [.. Prefix, .. arguments], limit, Environment);

    /// <summary>The first line of what it says of itself, once it has been seen to do what it was fetched for.</summary>
    public async Task<string> DescribeAsync()
    {
        Finished said = await RunAsync(TimeSpan.FromSeconds(20), Program.EndsWith("curl", StringComparison.Ordinal) ? "--version" : "--help");
        string text = said.Errors + said.Output;
        return said.Code == 0 && text.Contains(ExpectedFeature, StringComparison.Ordinal)
            ? text.Trim().Split('\n', 2)[0]
            : throw new PeersUnavailableException($"{Name} does not run or lacks {ExpectedFeature} ({Child.LastLine(text)}): remove {Root} and fetch again");
    }

    private string[] Prefix => ["--library-path", Libraries, ProgramPath];

    // A user's curl settings, or libraries of this machine, are no part of a case.
    private static Dictionary<string, string?> Environment { get; } = new()
    {
        ["CURL_HOME"] = "/nonexistent",
        ["LD_LIBRARY_PATH"] = null,
        ["LC_ALL"] = "C.UTF-8",
        ["http_proxy"] = null,
        ["https_proxy"] = null,
        ["all_proxy"] = null,
        ["ALL_PROXY"] = null,
        ["HTTPS_PROXY"] = null,
    };
}
