using System.Diagnostics;
using System.Globalization;
using Interop.Content;
using Interop.Federation;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>
/// A move during a download, and a process that is killed at a named step of it (<see cref="CrashTable"/>): one owner in the end, and the client
/// has every byte, or its connection ends and another one is served. Processes are of the test build, which stops where it is told to.
/// </summary>
internal static class Crashes
{
    private const long Size = 40_000_000;

    /// <summary>A client whose connection is gone hears nothing more: by its own choice it waits this long.</summary>
    private const int Patience = 8;

    private static readonly TimeSpan s_reachLimit = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan s_ownerLimit = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan s_answerLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(20);

    /// <summary>Shorter than a failure detector's patience: who is stopped is not taken for dead.</summary>
    private static readonly TimeSpan s_stop = TimeSpan.FromMilliseconds(300);

    public static async Task<string> RunAsync(CaseContext context, CrashCell cell)
    {
        Cluster cluster = context.NewCluster(Program());
        foreach ((string process, string what, string at) in cell.Orders)
        {
            cluster.Faults[process] = $"{what} {at}";
        }

        await cluster.StartHeldIngressAsync();
        await cluster.StartNodesAsync("a", "b");
        Curl client = Curl.Start(context, context.Peers.CurlNgtcp2, cluster.Url($"/bytes/{Size}"),
            "--speed-limit", "1", "--speed-time", Patience.ToString(CultureInfo.InvariantCulture));
        Stopwatch watch = new();
        Task<string>? strike = null;
        Pace pace = new(Size, 1, async _ =>
        {
            watch.Start();
            await (strike = StrikeAsync(context, cluster, cell));
            watch.Stop();
        }, TimeSpan.FromMilliseconds(20));
        if (cell.Survives)
        {
            await PacedStreams.ReadAsync(client.Child.Output, Size, pace, context.Cancellation);
            await client.MustEndWellAsync(context.Cancellation);
            pace.MustBeComplete();
        }
        else
        {
            await MustEndEarlyAsync(client, pace, context.Cancellation);
        }

        string owner = await strike!;

        Curl again = Curl.Start(context, context.Peers.CurlNgtcp2, cluster.Url("/files/hello.txt"), "--max-time", "10");
        await again.MustEndWellAsync(context.Cancellation);
        long epoch = (await cluster.WebAsync()).Epoch;
        return string.Create(CultureInfo.InvariantCulture,
            $"{cell.Row}, {cell.Side}: {owner} owns web at epoch {epoch} after {watch.Elapsed.TotalSeconds:0.0} s; the download {(cell.Survives ? "is whole" : "ended with an error")}, and another client is served");
    }

    private static string Program() => Environment.GetEnvironmentVariable("CONTINUUM_FAULTY") is { Length: > 0 } program && File.Exists(program)
        ? Path.GetFullPath(program) : throw new CaseFailedException("there is no test build: start with interop/run, or set CONTINUUM_FAULTY");

    /// <summary>Lets the move come to the step, does the deed, and waits for the owner that the table names.</summary>
    private static async Task<string> StrikeAsync(CaseContext context, Cluster cluster, CrashCell cell)
    {
        Task<(int, MoveReport)> move = cluster.TryMoveAsync("b", timeoutSeconds: 40);
        _ = move.ContinueWith(static done => done.Exception, TaskScheduler.Default);
        foreach ((string process, _, string at) in cell.Orders)
        {
            await ReachedAsync(cluster.Process(process), at, context.Cancellation);
        }

        if (cell.Kills == CrashTable.Ingress)
        {
            cluster.KillIngress();
        }
        else if (cell.Kills.Length > 0)
        {
            cluster.Kill(cell.Kills.Split(' ')[1]);
        }
        else
        {
            await Task.Delay(s_stop, context.Cancellation);
        }

        foreach ((string process, string what, _) in cell.Orders)
        {
            if (what == "stop" && process != cell.Kills)
            {
                cluster.Process(process).Continue();
            }
        }

        if (cell.Kills == CrashTable.Ingress)
        {
            cluster.Faults.Clear();
            await cluster.StartIngressAsync();
        }

        string owner = await OwnerAsync(cluster, cell, context.Cancellation);
        // What it was answered does not matter: it may have been asked of an ingress that is gone.
        await Task.WhenAny(move, Task.Delay(s_answerLimit, context.Cancellation));
        return owner;
    }

    private static async Task ReachedAsync(Child process, string point, CancellationToken cancellationToken)
    {
        for (Stopwatch watch = Stopwatch.StartNew(); !process.Errors.Contains($"fault {point}\n", StringComparison.Ordinal);)
        {
            if (watch.Elapsed > s_reachLimit)
            {
                throw new CaseFailedException($"{process.Name} did not come to {point}");
            }

            await Task.Delay(s_poll, cancellationToken);
        }
    }

    /// <summary>Who owns the component once it is as the table says, with nobody dead as its owner.</summary>
    private static async Task<string> OwnerAsync(Cluster cluster, CrashCell cell, CancellationToken cancellationToken)
    {
        string seen = "nobody";
        for (Stopwatch watch = Stopwatch.StartNew(); watch.Elapsed < s_ownerLimit;)
        {
            Finished finished = await cluster.RunAsync(TimeSpan.FromSeconds(15), "status", "--join", cluster.Control, "--json");
            if (finished.Code == 0)
            {
                StatusReport status = Cluster.ReadStatus(finished);
                string? owner = status.Components.FirstOrDefault(static c => c.Name == "web")?.Owner;
                bool isAlive = status.Nodes.Any(node => node.Name == owner && node.Alive) && cell.Kills != $"node {owner}";
                seen = owner ?? "nobody";
                if (isAlive && (cell.Owner.Length == 0 || owner == cell.Owner))
                {
                    return seen;
                }
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), cancellationToken);
        }

        throw new CaseFailedException($"{seen} owns web after {s_ownerLimit.TotalSeconds} s, not {(cell.Owner.Length == 0 ? "one that lives" : cell.Owner)}");
    }

    private static async Task MustEndEarlyAsync(Curl client, Pace pace, CancellationToken cancellationToken)
    {
        using ContentCheck check = new();
        byte[] buffer = new byte[64 * 1024];
        int count;
        do
        {
            int allowed = await pace.AllowAsync(check.Length, buffer.Length, cancellationToken);
            count = await client.Child.Output.ReadAsync(buffer.AsMemory(0, int.Max(1, allowed)), cancellationToken);
            check.Append(buffer.AsSpan(0, count));
        }
        while (count > 0);

        int code = await client.Child.WaitAsync(TimeSpan.FromSeconds(30), cancellationToken);
        if (code == 0 || check.Length >= Size)
        {
            throw new CaseFailedException($"the download ended with exit code {code} after {check.Length} bytes, where its connection should have been lost");
        }
    }
}
