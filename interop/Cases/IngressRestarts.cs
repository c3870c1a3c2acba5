using Interop.Federation;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>The ingress dies and is started again while a client is served: a stall, and never an ICMP message, which would end curl's connection.</summary>
internal static class IngressRestarts
{
    private const long Size = 40_000_000;
    private const int Stops = 2;

    /// <summary>Longer than curl's probe timeout: it sends while nobody reads the port.</summary>
    private static readonly TimeSpan s_down = TimeSpan.FromSeconds(1);

    public static Task<string> KillDownloadAsync(CaseContext context, Peer curl) => RunAsync(context, cluster =>
        StoppedTransfers.DownloadAsync(context, curl, cluster, Size, Stops, _ => RestartAsync(context, cluster, kill: true)));

    public static Task<string> KillUploadAsync(CaseContext context, Peer curl) => RunAsync(context, cluster =>
        StoppedTransfers.UploadAsync(context, curl, cluster, Size, Stops, _ => RestartAsync(context, cluster, kill: true)));

    /// <summary>SIGTERM leaves the port to the holder as well, so that a service manager can restart an ingress in its usual way.</summary>
    public static Task<string> TerminateAsync(CaseContext context, Peer curl) => RunAsync(context, cluster =>
        StoppedTransfers.DownloadAsync(context, curl, cluster, Size, Stops, _ => RestartAsync(context, cluster, kill: false)));

    private static async Task<string> RunAsync(CaseContext context, Func<Cluster, Task<string>> transfer)
    {
        Cluster cluster = context.NewCluster();
        await cluster.StartHeldIngressAsync();
        await cluster.StartNodesAsync("a", "b");
        Complaint complaint = new([1], $"{cluster.Listen} is in use", "ingress", "--listen", cluster.Listen, "--control", "127.0.0.1:0");
        if (complaint.FindFault(await cluster.RunAsync(TimeSpan.FromSeconds(20), complaint.Arguments)) is string fault)
        {
            throw new CaseFailedException($"a second ingress beside one with a holder: {fault}");
        }

        string said = await transfer(cluster);
        return $"{said}; {cluster.Moves.Count} moves behind restarts";
    }

    /// <summary>What is served goes on by itself, and a component can be moved again.</summary>
    private static async Task RestartAsync(CaseContext context, Cluster cluster, bool kill)
    {
        if (kill)
        {
            cluster.KillIngress();
        }
        else if (await cluster.TerminateIngressAsync() is not 0 and int code)
        {
            throw new CaseFailedException($"SIGTERM ended the ingress with exit code {code}");
        }

        await Task.Delay(s_down, context.Cancellation);
        await cluster.StartIngressAsync();
        string to = cluster.Owner == "a" ? "b" : "a";
        for (int attempt = 1; ; attempt++)
        {
            (int moved, MoveReport report) = await cluster.TryMoveAsync(to);
            if (moved == 0 && report.Moved)
            {
                cluster.Adopt(to, await cluster.WebAsync());
                cluster.Moves.Add(report);
                return;
            }

            if (attempt == 20)
            {
                throw new CaseFailedException($"behind the restart {to} still takes no move: {report}");
            }

            // Nodes notice the restart within 2 s, and join again.
            await Task.Delay(TimeSpan.FromMilliseconds(500), context.Cancellation);
        }
    }
}
