using System.Globalization;
using Interop.Federation;
using Net.Core.Connections;
using Net.Node.Etcd;

namespace Bench.Migration;

/// <summary><c>bench/run migration [PART...] [NAME=VALUE...]</c>: what a move costs, part by part. docs/speed.md says how to read it.</summary>
internal static class MigrationBench
{
    /// <summary>100 Mbit/s.</summary>
    private const string Paced = "/paced/12500";

    /// <summary>What runs has then been compiled for speed.</summary>
    private const int WarmMoves = 40;

    /// <summary>Its files are memory: a flush costs nothing, so what is left is ours.</summary>
    private const string Memory = "/dev/shm";

    private static readonly string[] s_parts = ["ingress", "bulk", "paced", "disk", "full", "many", "etcd"];
    private static readonly ConnectionOptions s_connections = ConnectionOptions.Default with { IdleTimeout = TimeSpan.FromMinutes(10), HandshakeTimeout = TimeSpan.FromMinutes(1) };

    public static async Task<int> RunAsync(string[] args)
    {
        Dictionary<string, int> numbers = new() { ["moves"] = 100, ["connections"] = 10_000, ["active"] = 100, ["packets"] = 2_000_000, ["rounds"] = 10, ["seconds"] = 4 };
        List<string> parts = [];
        foreach (string arg in args)
        {
            string[] words = arg.Split('=');
            bool isKnown = words.Length == 1 ? s_parts.Contains(arg) : numbers.ContainsKey(words[0]);
            if (!isKnown || (words.Length == 2 && !int.TryParse(words[1], out _)))
            {
                await Console.Error.WriteLineAsync($"bench: parts are {string.Join(", ", s_parts)}; numbers are {string.Join(", ", numbers.Keys)}");
                return 2;
            }

            if (words.Length == 1)
            {
                parts.Add(arg);
            }
            else
            {
                numbers[words[0]] = int.Parse(words[1], CultureInfo.InvariantCulture);
            }
        }

        using BenchPki pki = new();
        foreach (string part in parts.Count == 0 ? s_parts : [.. parts])
        {
            switch (part)
            {
                case "ingress": IngressBench.Run(numbers["packets"]); break;
                case "bulk": await IngressBulk.RunAsync(pki, Memory, s_connections, numbers["seconds"]); break;
                case "paced":
                    HopFloor.Measure().Print();
                    MoveTimes times = await DownloadAsync(pki, Memory, Paced, numbers["moves"], "one download at 100 Mbit/s, the directory's log in memory");
                    Bar.AtMost("median of the freeze", times.Freeze.Quantile(0.5) / 1000, 0.3, "ms");
                    Bar.AtMost("its 99th percentile", times.Freeze.Quantile(0.99) / 1000, 2, "ms");
                    break;
                case "disk": await DownloadAsync(pki, Path.GetTempPath(), Paced, numbers["moves"] / 2, "one download at 100 Mbit/s, the directory's log on the disk"); break;
                case "full": await DownloadAsync(pki, Memory, "/full", numbers["moves"] / 2, "one download at full load"); break;
                case "etcd": await OnEtcdAsync(pki, numbers["moves"] / 2); break;
                default: await ManyAsync(pki, numbers["connections"], numbers["active"], numbers["rounds"]); break;
            }
        }

        return 0;
    }

    /// <summary>Three members, fetched as the interop cases fetch them, their logs in memory.</summary>
    private static async Task OnEtcdAsync(BenchPki pki, int moves)
    {
        string directory = Path.Combine(Memory, $"continuum-bench-{Path.GetRandomFileName()}");
        try
        {
            using EtcdCluster cluster = await EtcdCluster.StartAsync(directory, CancellationToken.None);
            EtcdAddress address = EtcdAddress.TryParse(cluster.Address, out EtcdAddress? parsed) ? parsed : throw new InvalidOperationException(cluster.Address);
            MoveTimes times = await DownloadAsync(pki, Memory, Paced, moves, "one download at 100 Mbit/s, the directory in three members of etcd", address);
            Bar.AtMost("median of the freeze without the directory", times.WithoutDirectory.Quantile(0.5) / 1000, 2, "ms");
        }
        finally
        {
            if (Directory.Exists(directory))
            {
                Directory.Delete(directory, recursive: true);
            }
        }
    }

    private static async Task<MoveTimes> DownloadAsync(BenchPki pki, string storage, string path, int moves, string title, EtcdAddress? etcd = null)
    {
        Watch atClient = new(), atServer = new();
        await using LiveFederation federation = await LiveFederation.StartAsync(storage, pki, s_connections with { Observers = atServer }, etcd);
        using LoadClient client = new(pki, federation.Ingress.PublicEndPoint, s_connections with { Observers = atClient });
        await client.OpenAsync(1);
        client.Download(0, path);
        await Task.Delay(500);
        for (int i = 0; i < WarmMoves; i++)
        {
            _ = await federation.MoveAsync();
        }

        await Task.Delay(500);
        federation.Times = new();
        atClient.Reset();
        atServer.Reset();
        long begun = Environment.TickCount64, before = client.Received;
        (double publicSeconds, double nodeSeconds) = (ThreadClock.Seconds("ingress public"), ThreadClock.Seconds("ingress nodes"));
        int[] collections = [GC.CollectionCount(0), GC.CollectionCount(1), GC.CollectionCount(2)];
        long compiled = System.Runtime.JitInfo.GetCompiledMethodCount();
        for (int i = 0; i < moves; i++)
        {
            _ = await federation.MoveAsync(atClient);
            await Task.Delay(20);
        }

        double seconds = (Environment.TickCount64 - begun) / 1000.0, bytes = client.Received - before;
        double ingress = ThreadClock.Seconds("ingress public") + ThreadClock.Seconds("ingress nodes") - publicSeconds - nodeSeconds;
        Say($"{title}: {moves} moves, {bytes * 8 / seconds / 1e6:0} Mbit/s");
        federation.Times.Print();
        Say($"  client: {atClient.Timeouts} probe timeouts, {atClient.Lost} packets taken for lost; server: {atServer.Timeouts} probe timeouts, {atServer.Lost} lost, {atServer.Reductions} congestion events");
        Say($"  ingress: {ingress / (bytes / (1 << 30)):0.00} CPU-s/GiB; collections of generation 0/1/2: {GC.CollectionCount(0) - collections[0]}/{GC.CollectionCount(1) - collections[1]}/{GC.CollectionCount(2) - collections[2]}; methods compiled meanwhile: {System.Runtime.JitInfo.GetCompiledMethodCount() - compiled}");
        return federation.Times;
    }

    private static async Task ManyAsync(BenchPki pki, int connections, int active, int rounds)
    {
        // The bar is for the fewest IDs that an end may hold.
        ConnectionOptions options = s_connections with { ActiveConnectionIdLimit = 2 };
        await using LiveFederation federation = await LiveFederation.StartAsync(Memory, pki, options);
        using LoadClient client = new(pki, federation.Ingress.PublicEndPoint, options);
        long begun = Environment.TickCount64;
        await client.OpenAsync(connections);
        Say($"{connections} connections, {active} of them active (opened in {(Environment.TickCount64 - begun) / 1000.0:0.0} s)");
        await Task.Delay(300);
        SnapshotCost cost = await SnapshotCost.WriteAsync(federation, rounds);
        for (int i = 0; i < active; i++)
        {
            client.Download(i, "/paced/10");
        }

        await Task.Delay(500);
        _ = await federation.MoveAsync();
        _ = await federation.MoveAsync();
        federation.Times = new();
        for (int i = 0; i < 6; i++)
        {
            await Task.Delay(300);
            Net.Migration.Link.MigrateReport report = await federation.MoveAsync();
            if (i == 0)
            {
                Say($"  {report.Connections} moved, {report.StateBytes} bytes sealed");
            }
        }

        federation.Times.Print();
        Bar.AtMost("median of the freeze", federation.Times.Freeze.Quantile(0.5) / 1000, 20, "ms");
        begun = Environment.TickCount64;
        await client.AskAllAsync();
        Say($"  afterwards each of {client.Count} connections has a request answered, in {(Environment.TickCount64 - begun) / 1000.0:0.0} s");
        await client.CloseAllAsync();
        while (await federation.ConnectionsAsync() > 0)
        {
            await Task.Delay(50);
        }

        GC.Collect();
        await cost.ReadBackAsync(federation);
    }

    private static void Say(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
