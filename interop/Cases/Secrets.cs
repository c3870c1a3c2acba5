using System.Text;
using Interop.Content;
using Interop.Federation;
using Interop.Peers;

namespace Interop.Cases;

/// <summary>Nothing secret in anything that a process says: standard output and error of all of them, and their traces, are searched for every secret that there is.</summary>
internal static class Secrets
{
    private const long Size = 20_000_000;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A federation with a list of members serves a client, moves, is refused moves, loses a node, removes a member and leaves. The secrets are the federation's keys of
    /// before and after, the private keys of its members and authorities, and those of every connection, which the processes were asked to keep in a file.
    /// </summary>
    public static async Task<string> RunAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = context.NewCluster();
        string keyLog = Path.Combine(cluster.Directory, "keylog"), traces = System.IO.Directory.CreateDirectory(Path.Combine(cluster.Directory, "qlog")).FullName;
        (cluster.MoreEnvironment["SSLKEYLOGFILE"], cluster.MoreEnvironment["QLOGDIR"]) = (keyLog, traces);
        TrustFolders trust = new(cluster);
        await trust.InitAsync("a", "b", "c");
        cluster.Trust = trust;
        await cluster.StartIngressAsync();
        await cluster.StartNodesAsync("a", "b", "c");
        SecretSearch search = new();
        AddKeys(search, cluster, "before");
        await StoppedTransfers.DownloadAsync(context, curl, cluster, Size, stops: 4, async number =>
        {
            if (number == 2)
            {
                await cluster.MustNotMoveAsync("nobody", ["unknown-node"]);
                await cluster.MustNotMoveAsync("a", ["unknown-component"], component: "nosuch");
                cluster.Kill("c");
            }
            else if (number == 3)
            {
                await trust.RemoveAsync("c");
            }

            await cluster.MoveAsync(cluster.Owner == "a" ? "b" : "a");
        });
        foreach (string[] command in (string[][])[["top", "--once"], ["top", "--once", "--json"], ["checkpoint", "web", "--json"], ["rollback", "web", "--json"], ["status"]])
        {
            _ = await cluster.RunAsync(s_limit, [.. command, "--join", cluster.Control, "--trust", trust.Authority]);
        }

        _ = await trust.ListAsync();
        await cluster.TerminateAsync();

        AddKeys(search, cluster, "after");
        foreach (string pem in System.IO.Directory.GetFiles(cluster.Directory, "*.pem", SearchOption.AllDirectories).Where(file => File.ReadAllText(file).Contains("PRIVATE KEY", StringComparison.Ordinal)))
        {
            search.AddKeysOf(pem);
        }

        search.AddKeyLog(keyLog);
        search.MustWork();
        IReadOnlyList<string> heard = await cluster.HeardAsync();
        string[] written = [.. System.IO.Directory.GetFiles(traces, "*", SearchOption.AllDirectories)];
        foreach (string text in heard.Concat(written.Select(File.ReadAllText)))
        {
            if (search.Find(text) is string name)
            {
                throw new CaseFailedException($"something of the secret {name} stands in: {text[..int.Min(text.Length, 400)]}");
            }
        }

        // Without these the search would have had nothing to find, or nothing to look at.
        return search.Count > 20 && written.Length > 0 && heard.Sum(text => text.Length) > 500
            ? $"{search.Count} secrets, none of them in what {heard.Count} streams said or {written.Length} traces hold; {MoveLoop.DescribeMoves(cluster)}"
            : throw new CaseFailedException($"{search.Count} secrets, {heard.Sum(text => text.Length)} characters and {written.Length} traces are too few");
    }

    /// <summary>Each key of the ring stands in the ingress's file as it is: that file is one secret.</summary>
    private static void AddKeys(SecretSearch search, Cluster cluster, string when)
    {
        byte[] file = File.ReadAllBytes(Path.Combine(cluster.Directory, "home", "directory", "federation-keys"));
        int preamble = Encoding.ASCII.GetByteCount("continuum-keys\0") + 1;
        search.Add($"federation-keys {when}", file[preamble..]);
    }
}
