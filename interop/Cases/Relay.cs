using Interop.Federation;
using Interop.Peers;

namespace Interop.Cases;

/// <summary>No ingress: clients come to a node, which passes on what has moved away.</summary>
internal static class Relay
{
    private const long Size = 40_000_000;
    private const int Moves = 4;

    public static async Task<string> DownloadAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = await StartAsync(context);
        string said = await StoppedTransfers.DownloadAsync(context, curl, cluster, Size, Moves, MoveLoop.Between(cluster, "a", "b"));
        return $"{said}, {MoveLoop.DescribeMoves(cluster)}";
    }

    public static async Task<string> UploadAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = await StartAsync(context);
        string said = await StoppedTransfers.UploadAsync(context, curl, cluster, Size, Moves, MoveLoop.Between(cluster, "a", "b"));
        return $"{said}, {MoveLoop.DescribeMoves(cluster)}";
    }

    private static async Task<Cluster> StartAsync(CaseContext context)
    {
        Cluster cluster = context.NewCluster();
        await cluster.StartRelayAsync("a");
        await cluster.StartNodeAsync("b");
        return cluster;
    }
}
