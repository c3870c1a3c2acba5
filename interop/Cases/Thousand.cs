using System.Globalization;
using Interop.Federation;
using Interop.Peers;

namespace Interop.Cases;

/// <summary>A thousand moves during one transfer of a gigabyte, bytes flowing between every two of them. <c>INTEROP_MOVES</c> asks for fewer, over as many MB.</summary>
internal static class Thousand
{
    private const long PerMove = 1_000_000;

    public static async Task<string> DownloadAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = await context.StartClusterAsync("a", "b");
        return Describe(cluster, await StoppedTransfers.DownloadAsync(
            context, curl, cluster, PerMove * Moves, Moves, MoveLoop.Between(cluster, "a", "b")));
    }

    public static async Task<string> UploadAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = await context.StartClusterAsync("a", "b");
        return Describe(cluster, await StoppedTransfers.UploadAsync(
            context, curl, cluster, PerMove * Moves, Moves, MoveLoop.Between(cluster, "a", "b")));
    }

    private static int Moves =>
        int.TryParse(Environment.GetEnvironmentVariable("INTEROP_MOVES"), CultureInfo.InvariantCulture, out int moves) && moves > 0 ? moves : 1000;

    private static string Describe(Cluster cluster, string said)
    {
        long[] freezes = [.. cluster.Moves.Select(move => move.FreezeUs!.Value).Order()];
        return string.Create(CultureInfo.InvariantCulture,
            $"{freezes.Length} moves; {said}; freeze median {freezes[freezes.Length / 2] / 1000.0:0.0} ms, at most {freezes[^1] / 1000.0:0.0} ms");
    }
}
