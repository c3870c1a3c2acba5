using Interop.Federation;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>A federation with a list of members, of whom two are removed while a client is served: one that is a host in waiting, and one that owns what is served.</summary>
internal static class Trust
{
    private const long Size = 40_000_000;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Who was removed gets no component, and gives none away, although its machine keeps all that it had; all keys of the federation are others; clients of anybody else
    /// notice nothing. With a new key it may come back.
    /// </summary>
    public static async Task<string> RunAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = context.NewCluster();
        TrustFolders trust = new(cluster);
        await trust.InitAsync("a", "b", "c");
        cluster.Trust = trust;
        await cluster.StartIngressAsync();
        await cluster.StartNodesAsync("a", "b", "c");
        byte[] before = Keys(cluster);
        string said = await StoppedTransfers.DownloadAsync(context, curl, cluster, Size, stops: 3, async number =>
        {
            if (number == 1)
            {
                await cluster.MoveAsync("b");
                return;
            }

            if (number == 2)
            {
                await trust.RemoveAsync("a");
                await MustBeGoneAsync(context, cluster, "a");
                await MustBeRotatedAsync(context, cluster, before);
                await cluster.MustNotMoveAsync("a", ["unknown-node", "unreachable", "refused"]);
            }

            await cluster.MoveAsync(cluster.Owner == "b" ? "c" : "b");
        });
        await MustStayOutAsync(cluster, trust, "a");
        await MustListAsync(trust, removed: ["a"]);

        // What an owner has is not its to give away any more: another host gets it, without its connections.
        byte[] second = Keys(cluster);
        (string owner, long epoch) = (cluster.Owner, cluster.Epoch);
        await trust.RemoveAsync(owner);
        await MustBeGoneAsync(context, cluster, owner);
        await MustBeRotatedAsync(context, cluster, second);
        string host = owner == "b" ? "c" : "b";
        ComponentStatus web = await cluster.WebAsync();
        if (web.Owner != host || web.Epoch <= epoch)
        {
            throw new CaseFailedException($"after its owner {owner} was removed, web is owned by {web.Owner} at epoch {web.Epoch} (before: {epoch}), not by {host}");
        }

        cluster.Adopt(host, web);
        await MustListAsync(trust, removed: ["a", owner]);
        await trust.AddAsync("a");
        await cluster.StartNodeAsync("a");
        await cluster.MoveAsync("a");
        Curl again = Curl.Start(context, curl, cluster.Url("/bytes/100000"), "--output", "/dev/null");
        await again.MustEndWellAsync(context.Cancellation);
        return $"{said}; two members removed, keys rotated twice, one came back; {MoveLoop.DescribeMoves(cluster)}";
    }

    /// <summary>The federation's keys, as the ingress keeps them.</summary>
    private static byte[] Keys(Cluster cluster) => File.ReadAllBytes(Path.Combine(cluster.Directory, "home", "directory", "federation-keys"));

    private static Task MustBeGoneAsync(CaseContext context, Cluster cluster, string name) => UntilAsync(
        context, async () => (await cluster.StatusAsync()).Nodes.All(node => node.Name != name || !node.Alive), $"{name} was removed, and still counts among the living");

    /// <summary>The last step of a rotation leaves one key for tags, which stands at the end of the file behind its number, in front of the check.</summary>
    private static async Task MustBeRotatedAsync(CaseContext context, Cluster cluster, byte[] before)
    {
        const int Tag = 32 + 8;
        byte[] now = before;
        await UntilAsync(
            context,
            () =>
            {
                now = Keys(cluster);
                return Task.FromResult(now.AsSpan().IndexOf(before.AsSpan(before.Length - Tag, 32)) < 0);
            },
            "a member was removed, and the key of tags is still the one that it has");
        if (now.AsSpan(now.Length - Tag, 32).SequenceEqual(before.AsSpan(before.Length - Tag, 32)) || now.Length <= before.Length)
        {
            throw new CaseFailedException($"after a rotation there are {now.Length} bytes of keys, before there were {before.Length}: those of connections must be kept beside new ones");
        }
    }

    /// <summary>Its process finds no way back, nor does a new one with what its machine still has; nor does a command that shows its certificate.</summary>
    private static async Task MustStayOutAsync(Cluster cluster, TrustFolders trust, string name)
    {
        string[][] calls =
        [
            ["node", "--name", name, "--join", cluster.Control, "--serve", cluster.Site, "--trust", trust.Machine(name), "--join-timeout", "3"],
            ["migrate", "web", "--to", name, "--join", cluster.Control, "--trust", trust.Machine(name)],
        ];
        foreach (string[] call in calls)
        {
            if (new Complaint([1], name, call).FindFault(await cluster.RunAsync(s_limit, call)) is string fault)
            {
                throw new CaseFailedException($"a removed member: {fault}");
            }
        }

        await cluster.MustBeOwnedAsync();
        Child former = cluster.Node(name);
        if ((await cluster.StatusAsync()).Nodes.Any(node => node.Name == name && node.Alive))
        {
            throw new CaseFailedException($"{name} is back: {Child.LastLine(former.Errors)}");
        }

        former.Kill();
    }

    private static async Task MustListAsync(TrustFolders trust, string[] removed)
    {
        RosterReport roster = await trust.ListAsync();
        string names = string.Join(' ', roster.Members.Where(member => member.Removed).Select(member => member.Name).Order(StringComparer.Ordinal));
        if (names != string.Join(' ', removed.Order(StringComparer.Ordinal)) || roster.Rotation != (ulong)removed.Length)
        {
            throw new CaseFailedException($"trust list shows rotation {roster.Rotation} and as removed '{names}', not '{string.Join(' ', removed)}'");
        }
    }

    private static async Task UntilAsync(CaseContext context, Func<Task<bool>> holds, string otherwise)
    {
        for (int attempt = 0; !await holds(); attempt++)
        {
            if (attempt == 100)
            {
                throw new CaseFailedException(otherwise);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), context.Cancellation);
        }
    }
}
