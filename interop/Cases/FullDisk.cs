using Interop.Federation;
using Interop.Peers;

namespace Interop.Cases;

/// <summary>The disk under the ingress's state is full while a client is served.</summary>
internal static class FullDisk
{
    private const long Size = 40_000_000;

    /// <summary>Moves are refused in words that say why, and nothing stands still; with room again they work, and the ingress is the same one.</summary>
    public static async Task<string> RunAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = context.NewCluster(isDiskFull: true);
        await cluster.StartAsync("a", "b");
        string why = "";
        string said = await StoppedTransfers.DownloadAsync(context, curl, cluster, Size, 4, async number =>
        {
            if (number <= 2)
            {
                why = await MustBeRefusedAsync(cluster);
                return;
            }

            cluster.MakeRoom();
            await cluster.MoveAsync(cluster.Owner == "a" ? "b" : "a");
        });
        return $"{said}; twice '{why}', then {MoveLoop.DescribeMoves(cluster)}";
    }

    private static async Task<string> MustBeRefusedAsync(Cluster cluster)
    {
        (int Code, MoveReport Report) answer = await cluster.TryMoveAsync("b");
        await cluster.MustHaveFailedAsync(answer, ["unreachable"], "the move on a full disk");
        string why = answer.Report.Error!.Message;
        return why.Contains("disk", StringComparison.Ordinal) && why.Contains("full", StringComparison.Ordinal)
            ? why : throw new CaseFailedException($"the move on a full disk is refused because '{why}'");
    }
}
