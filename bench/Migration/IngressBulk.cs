using System.Globalization;
using Net.Core.Connections;

namespace Bench.Migration;

/// <summary>What the ingress's threads cost for each GiB of a download that does not move: at full load, and at 100 Mbit/s.</summary>
internal static class IngressBulk
{
    private const string Full = "/full";

    private static readonly string[] s_threads = ["ingress public", "ingress nodes"];

    public static async Task RunAsync(BenchPki pki, string storage, ConnectionOptions options, int seconds)
    {
        foreach ((string name, string path) in ((string, string)[])[("at full load", Full), ("at 100 Mbit/s", "/paced/12500")])
        {
            await DownloadAsync(pki, storage, options, seconds, name, path);
        }
    }

    private static async Task DownloadAsync(BenchPki pki, string storage, ConnectionOptions options, int seconds, string name, string path)
    {
        await using LiveFederation federation = await LiveFederation.StartAsync(storage, pki, options);
        using LoadClient client = new(pki, federation.Ingress.PublicEndPoint, options);
        await client.OpenAsync(1);
        client.Download(0, path);
        await Task.Delay(2000);
        long begun = Environment.TickCount64, before = client.Received;
        (double Cpu, double Waits)[] was = Now();
        await Task.Delay(seconds * 1000);
        double bytes = client.Received - before, elapsed = (Environment.TickCount64 - begun) / 1000.0, gibs = bytes / (1 << 30);
        (double Cpu, double Waits)[] spent = [.. Now().Zip(was, (now, then) => ((now.Cpu - then.Cpu) / gibs, (now.Waits - then.Waits) / gibs))];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  a download {name}, {bytes * 8 / elapsed / 1e6:0} Mbit/s: to the client {spent[1].Cpu:0.00}, to the node {spent[0].Cpu:0.00}, both {spent[0].Cpu + spent[1].Cpu:0.00} CPU-s/GiB; waits per GiB {spent[1].Waits:0} and {spent[0].Waits:0}"));
        if (path == Full)
        {
            Bar.AtMost("what the ingress adds to bulk", spent[0].Cpu + spent[1].Cpu, 0.45, "CPU-s/GiB");
        }

        (double Cpu, double Waits)[] Now() => [.. s_threads.Select(thread => (ThreadClock.Seconds(thread), ThreadClock.Waits(thread)))];
    }
}
