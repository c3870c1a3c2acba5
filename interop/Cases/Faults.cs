using Interop.Content;
using Interop.Federation;
using Interop.Peers;

namespace Interop.Cases;

/// <summary>Nodes that die or stop answering around a move, while curl downloads and must not notice.</summary>
internal static class Faults
{
    /// <summary>Four times: move, SIGKILL the source as soon as <c>migrate</c> has returned, start a new node.</summary>
    public static async Task<string> KillSourceAsync(CaseContext context, Peer curl)
    {
        const int Rounds = 4;
        Cluster cluster = await context.StartClusterAsync("n0", "n1");
        Curl client = Curl.Start(context, curl, cluster.Url($"/bytes/{Transfers.DownloadSize}"));
        Pace pace = new(Transfers.DownloadSize, Rounds, Round);
        await PacedStreams.ReadAsync(client.Child.Output, Transfers.DownloadSize, pace, context.Cancellation);
        await client.MustEndWellAsync(context.Cancellation);
        pace.MustBeComplete();
        return MoveLoop.Describe(cluster, pace);

        async Task Round(int number)
        {
            string source = cluster.Owner;
            await cluster.MoveAsync($"n{number}");
            cluster.Kill(source);
            await cluster.StartNodeAsync($"n{number + 1}");
        }
    }

    /// <summary>Moves that cannot work, each followed by one that does; the client is served by the source all along.</summary>
    public static async Task<string> FailedMovesAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = await context.StartClusterAsync("a", "b");
        await cluster.StartNodeAsync("guest", serve: false);
        await cluster.StartNodeAsync("victim");
        await cluster.StartNodeAsync("sleeper");

        (string What, Func<Task> Do)[] attempts =
        [
            ("refused", () => cluster.MustNotMoveAsync("guest", ["refused"])),
            ("unknown", () => cluster.MustNotMoveAsync("nobody", ["unknown-node"])),
            ("killed before", () => ToKilledAsync(cluster, "victim")),
            ("stopped", () => ToStoppedAsync(cluster, "sleeper")),
            ("killed during", () => ToKilledDuringAsync(cluster, "sleeper")),
        ];
        Curl client = Curl.Start(context, curl, cluster.Url($"/bytes/{Transfers.DownloadSize}"));
        Pace pace = new(Transfers.DownloadSize, attempts.Length, Attempt, TimeSpan.FromMilliseconds(30));
        await PacedStreams.ReadAsync(client.Child.Output, Transfers.DownloadSize, pace, context.Cancellation);
        await client.MustEndWellAsync(context.Cancellation);
        pace.MustBeComplete();
        return $"{string.Join(", ", attempts.Select(a => a.What))}; {MoveLoop.Describe(cluster, pace)}";

        async Task Attempt(int number)
        {
            (string what, Func<Task> attempt) = attempts[number - 1];
            try
            {
                await attempt();
                await cluster.MoveAsync(cluster.Owner == "a" ? "b" : "a");
            }
            catch (CaseFailedException e)
            {
                throw new CaseFailedException($"destination {what}: {e.Message}");
            }
        }
    }

    private static async Task ToKilledAsync(Cluster cluster, string node)
    {
        cluster.Kill(node);
        await cluster.MustNotMoveAsync(node, ["unreachable", "timeout", "unknown-node"]);
    }

    /// <summary>A stopped node lets a move run into its timeout; woken up, it is a good destination again.</summary>
    private static async Task ToStoppedAsync(Cluster cluster, string node)
    {
        cluster.Stop(node);
        try
        {
            await cluster.MustNotMoveAsync(node, ["timeout"], timeoutSeconds: 2);
        }
        finally
        {
            cluster.Continue(node);
        }

        // It may have been declared dead meanwhile, and joins again within its retry interval of a second.
        for (int attempt = 1; ; attempt++)
        {
            (int code, MoveReport report) = await cluster.TryMoveAsync(node);
            if (code == 0 && report.Moved)
            {
                break;
            }

            if (attempt == 10)
            {
                throw new CaseFailedException($"woken up, {node} still takes no move: {report}");
            }

            await cluster.MustHaveFailedAsync((code, report), ["unreachable", "timeout", "unknown-node"], "a move to a node that wakes up");
            await Task.Delay(TimeSpan.FromSeconds(1));
        }

        cluster.Adopt(node, await cluster.WebAsync());
        await cluster.MoveAsync("a");
    }

    /// <summary>The destination takes part in nothing any more and dies while the move waits for it, which is what a cut link looks like.</summary>
    private static async Task ToKilledDuringAsync(Cluster cluster, string node)
    {
        cluster.Stop(node);
        Task<(int Code, MoveReport Report)> move = cluster.TryMoveAsync(node, timeoutSeconds: 5);
        await Task.WhenAny(move, Task.Delay(TimeSpan.FromMilliseconds(700)));
        cluster.Kill(node);
        await cluster.MustHaveFailedAsync(await move, ["unreachable", "timeout", "unknown-node"], $"the move to {node}");
    }
}
