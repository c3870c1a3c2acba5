using System.Globalization;
using Interop.Federation;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>Nodes that are replaced or emptied while clients are served, as a rolling update does it.</summary>
internal static class Restarts
{
    private const long Size = 40_000_000;

    private delegate Task<string> Transfer(CaseContext context, Peer curl, Cluster cluster, long size, int stops, Func<int, Task> action, TimeSpan? pause = null);

    public static Task<string> TakeOverDownloadAsync(CaseContext context, Peer curl) => TakeOverAsync(context, curl, StoppedTransfers.DownloadAsync);

    public static Task<string> TakeOverUploadAsync(CaseContext context, Peer curl) => TakeOverAsync(context, curl, StoppedTransfers.UploadAsync);

    public static Task<string> DrainDownloadAsync(CaseContext context, Peer curl) => DrainAsync(context, curl, StoppedTransfers.DownloadAsync);

    public static Task<string> DrainUploadAsync(CaseContext context, Peer curl) => DrainAsync(context, curl, StoppedTransfers.UploadAsync);

    /// <summary>A second SIGTERM, or SIGINT, to a node that still moves things away ends it at once.</summary>
    public static async Task<string> ImpatientAsync(CaseContext context)
    {
        TimeSpan atOnce = TimeSpan.FromSeconds(5);
        Cluster cluster = await context.StartClusterAsync("a", "sleeper");
        // The move waits for a destination that does not answer, so the drain takes its whole time.
        cluster.Stop("sleeper");
        try
        {
            Child node = cluster.Node("a");
            node.Terminate();
            await Task.Delay(TimeSpan.FromMilliseconds(500), context.Cancellation);
            if (node.HasExited)
            {
                throw new CaseFailedException($"the first SIGTERM ended the node before it had moved anything: {Child.LastLine(node.Errors)}");
            }

            node.Terminate();
            int code = await node.WaitAsync(atOnce, context.Cancellation);
            return code == 130 ? "the second SIGTERM ended it with 130" : throw new CaseFailedException($"the second SIGTERM ended it with {code}");
        }
        finally
        {
            cluster.Continue("sleeper");
        }
    }

    /// <summary>The first SIGTERM alone ends a node whose component cannot be moved, once its time is over: in order, and it says what ends with it.</summary>
    public static async Task<string> DrainTimeoutAsync(CaseContext context)
    {
        Cluster cluster = context.NewCluster();
        await cluster.StartIngressAsync();
        await cluster.StartNodesAsync(["a", "sleeper"], ["--drain-timeout", "2"]);
        cluster.Stop("sleeper");
        try
        {
            return await MustEndWithWebAsync(context, cluster.Node("a"));
        }
        finally
        {
            cluster.Continue("sleeper");
        }
    }

    /// <summary>SIGTERM ends the last host that lives at once, however long it might have taken: the only one, and one whose other host has died.</summary>
    public static async Task<string> DrainAloneAsync(CaseContext context)
    {
        string[] patient = ["--drain-timeout", "3600"];
        Cluster alone = context.NewCluster();
        await alone.StartIngressAsync();
        await alone.StartNodesAsync(["a"], patient);
        string said = await MustEndWithWebAsync(context, alone.Node("a"));

        Cluster left = context.NewCluster();
        await left.StartIngressAsync();
        await left.StartNodesAsync(["a", "b"], patient);
        left.Kill("b");
        while ((await left.StatusAsync()).Nodes.Any(static node => node is { Name: "b", Alive: true }))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), context.Cancellation);
        }

        return $"{said}; {await MustEndWithWebAsync(context, left.Node("a"))}, beside a dead host";
    }

    private static async Task<string> MustEndWithWebAsync(CaseContext context, Child node)
    {
        // A node that waits for a host, or for ever, is far beyond this; one that has two seconds is far below.
        TimeSpan limit = TimeSpan.FromSeconds(40);
        node.Terminate();
        int code = await node.WaitAsync(limit, context.Cancellation);
        return code == 0 && node.Errors.Contains("a ends with web: their connections end with it", StringComparison.Ordinal)
            ? "ended with 0 and web left" : throw new CaseFailedException($"SIGTERM ended {node.Name} with {code}: {Child.LastLine(node.Errors)}");
    }

    /// <summary>Two nodes; each is replaced twice by a new process, the one that serves and the one that waits.</summary>
    private static async Task<string> TakeOverAsync(CaseContext context, Peer curl, Transfer transfer)
    {
        const int Rounds = 4;
        Cluster cluster = await context.StartClusterAsync("a", "b");
        long before = cluster.Epoch;
        string said = await transfer(context, curl, cluster, Size, Rounds, number => cluster.TakeOverAsync(number == 3 ? "b" : "a"));
        return string.Create(CultureInfo.InvariantCulture, $"new processes of a, a, b, a; epoch {before} to {cluster.Epoch}; {said}");
    }

    /// <summary><c>drain</c>, SIGTERM, and SIGTERM with only the drained node left, while one client transfers and another one counts.</summary>
    private static async Task<string> DrainAsync(CaseContext context, Peer curl, Transfer transfer)
    {
        Cluster cluster = await context.StartClusterAsync("a", "b", "c");
        CounterWatch counter = CounterWatch.Start(context, curl, cluster);
        string said = await transfer(context, curl, cluster, Size, 3, async number =>
        {
            if (number > 1)
            {
                await cluster.TerminateOwnerAsync();
            }
            else if (await cluster.DrainOwnerAsync() is not 2 and long connections)
            {
                throw new CaseFailedException($"{connections} connections moved, where two clients have one each");
            }

            await counter.MustGoOnAsync();
        });
        await counter.MustGoOnAsync();
        return cluster.Owner == "a"
            ? $"{said}; counted to {counter.Last}"
            : throw new CaseFailedException($"{cluster.Owner} owns web, not a, the last node that lives");
    }
}
