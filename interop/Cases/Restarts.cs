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
