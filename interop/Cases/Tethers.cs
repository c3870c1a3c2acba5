using System.Globalization;
using Interop.Federation;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>A request whose handler stays on its node, while its connection moves from node to node.</summary>
internal static class Tethers
{
    private const long Size = 40_000_000;

    private delegate Task<string> Transfer(CaseContext context, Peer curl, Cluster cluster, long size, int stops, Func<int, Task> action, TimeSpan? pause = null);

    public static Task<string> DownloadAsync(CaseContext context, Peer curl) => RunAsync(context, curl, StoppedTransfers.DownloadAsync);

    public static Task<string> UploadAsync(CaseContext context, Peer curl) => RunAsync(context, curl, StoppedTransfers.UploadAsync);

    /// <summary>
    /// Moves away from the handler, moves on, comes back to the handler's node, and goes again; that node is then asked to end, and may do so
    /// only when the transfer, which still needs it, has ended.
    /// </summary>
    private static async Task<string> RunAsync(CaseContext context, Peer curl, Transfer transfer)
    {
        Cluster cluster = context.NewCluster();
        await cluster.StartIngressAsync();
        await cluster.StartNodesAsync(["a", "b", "c"], ["--tether", "--drain-timeout", "100"]);
        Child source = cluster.Node("a");
        string said = await transfer(context, curl, cluster, Size, 5, async number =>
        {
            if (number == 5)
            {
                source.Terminate();
                return;
            }

            MoveReport report = await cluster.MoveAsync(number switch { 1 => "b", 2 => "c", 3 => "a", _ => "b" });
            if (report.Connections != 1)
            {
                throw new CaseFailedException($"{report.Connections} connections moved, where one client has one connection: {report}");
            }
        });
        int code = await source.WaitAsync(TimeSpan.FromSeconds(30), context.Cancellation);
        return code == 0
            ? string.Create(CultureInfo.InvariantCulture, $"a, b, c, a, b; the node of the handler left behind it; {said}; {MoveLoop.DescribeMoves(cluster)}")
            : throw new CaseFailedException($"the node on which the handler ran ended with {code}: {Child.LastLine(source.Errors)}");
    }
}
