using Interop.Content;
using Interop.Federation;
using Interop.Peers;

namespace Interop.Cases;

/// <summary>A federation on a real etcd cluster, two ingresses and two nodes: clients by way of both, while members of etcd die, all of them stop, and an ingress is replaced.</summary>
internal static class OnEtcd
{
    private const long Size = 60_000_000;

    /// <summary>Moves by way of either ingress while a member of etcd is killed and comes back; then none answers, and then all do.</summary>
    public static async Task<string> DownloadAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = context.NewCluster();
        using EtcdCluster etcd = await EtcdCluster.StartAsync(cluster.Directory, context.Cancellation);
        cluster.Etcd = etcd.Address;
        await cluster.StartIngressAsync();
        (string otherListen, string otherControl) = await cluster.StartAnotherIngressAsync();
        await cluster.StartNodesAsync("a", "b");

        (string What, Func<Task> Do)[] stops =
        [
            ("a move", () => MoveAsync(cluster)),
            ("a move by way of the other ingress", () => ByAsync(cluster, otherControl)),
            ("moves while a member of etcd dies", async () =>
            {
                Task move = MoveAsync(cluster);
                etcd.Kill(0);
                await move;
                await MoveAsync(cluster);
                await etcd.StartAllAsync();
                etcd.Kill(1);
                await MoveAsync(cluster);
            }),
            ("no etcd", async () =>
            {
                for (int i = 0; i < EtcdCluster.Members; i++)
                {
                    etcd.Kill(i);
                }

                (int code, MoveReport report) = await cluster.TryMoveAsync(Other(cluster));
                if (code != 1 || report.Moved || report.Error is not { Code: "unreachable" } error || !error.Message.Contains("does not answer", StringComparison.Ordinal))
                {
                    throw new CaseFailedException($"without etcd a move ended with exit code {code} and {report}");
                }
            }),
            ("still no etcd: clients are served", () => cluster.MustBeOwnedAsync()),
            ("etcd is back", async () =>
            {
                await etcd.StartAllAsync();
                await AgainAsync(context, cluster);
            }),
        ];

        // One client by way of each ingress; the one that is paced decides when things happen.
        Curl other = Curl.Start(context, curl, $"https://{otherListen}/bytes/{Size}", "--limit-rate", "3M");
        Task<string> otherRead = PacedStreams.ReadAsync(other.Child.Output, Size, null, context.Cancellation);
        string said = await StoppedTransfers.DownloadAsync(context, curl, cluster, Size, stops.Length, async number =>
        {
            try
            {
                await stops[number - 1].Do();
            }
            catch (CaseFailedException e)
            {
                throw new CaseFailedException($"{stops[number - 1].What}: {e.Message}");
            }
        });
        _ = await otherRead;
        await other.MustEndWellAsync(context.Cancellation);
        return $"{said}; {MoveLoop.DescribeMoves(cluster)}";
    }

    /// <summary>Either ingress is killed in the middle of a move, that which was asked for it or the other, and replaced: a stall for its own client, nothing for the other's.</summary>
    public static async Task<string> ReplaceIngressAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = context.NewCluster();
        using EtcdCluster etcd = await EtcdCluster.StartAsync(cluster.Directory, context.Cancellation);
        cluster.Etcd = etcd.Address;
        await cluster.StartHeldIngressAsync();
        (string otherListen, string otherControl) = await cluster.StartAnotherIngressAsync(isHeld: true);
        await cluster.StartNodesAsync("a", "b");
        string first = cluster.Control;

        Curl other = Curl.Start(context, curl, $"https://{otherListen}/bytes/{Size}", "--limit-rate", "3M");
        Task<string> otherRead = PacedStreams.ReadAsync(other.Child.Output, Size, null, context.Cancellation);
        string said = await StoppedTransfers.DownloadAsync(context, curl, cluster, Size, stops: 3, async number =>
        {
            if (number == 1)
            {
                // The one that was not asked.
                Task move = MoveAsync(cluster);
                cluster.KillAnotherIngress();
                await move;
                await MoveAsync(cluster);
                _ = await cluster.StartAnotherIngressAsync(isHeld: true);
            }
            else if (number == 2)
            {
                // The one that was asked: whether the move was done is seen by way of the other.
                Task<(int Code, MoveReport Report)> move = cluster.TryMoveAsync(Other(cluster));
                cluster.KillIngress();
                _ = await move;
                cluster.UseControl(otherControl);
                await AgainAsync(context, cluster);
                await cluster.StartIngressAsync(first);
            }
            else
            {
                await AgainAsync(context, cluster);
                cluster.UseControl(otherControl);
                await AgainAsync(context, cluster);
            }
        });
        _ = await otherRead;
        await other.MustEndWellAsync(context.Cancellation);
        return $"{said}; both ingresses replaced; {MoveLoop.DescribeMoves(cluster)}";
    }

    private static string Other(Cluster cluster) => cluster.Owner == "a" ? "b" : "a";

    private static Task MoveAsync(Cluster cluster) => cluster.MoveAsync(Other(cluster));

    private static async Task ByAsync(Cluster cluster, string control)
    {
        string before = cluster.Control;
        cluster.UseControl(control);
        await MoveAsync(cluster);
        cluster.UseControl(before);
    }

    /// <summary>Ingresses notice within a beat that etcd is back, and nodes that an ingress is.</summary>
    private static async Task AgainAsync(CaseContext context, Cluster cluster)
    {
        for (int attempt = 1; ; attempt++)
        {
            ComponentStatus now = await cluster.WebAsync();
            if (now.Epoch > cluster.Epoch)
            {
                // By a move whose end nobody was there to tell, or by one that was taken back.
                cluster.Adopt(now.Owner!, now);
            }

            string to = Other(cluster);
            (int code, MoveReport report) = await cluster.TryMoveAsync(to);
            if (code == 0 && report.Moved)
            {
                cluster.Adopt(to, await cluster.WebAsync());
                cluster.Moves.Add(report);
                return;
            }

            if (attempt == 20)
            {
                throw new CaseFailedException($"etcd is back, and still {to} takes no move: {report}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(500), context.Cancellation);
        }
    }
}
