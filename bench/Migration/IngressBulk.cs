using System.Globalization;
using Net.Core.Connections;

namespace Bench.Migration;

/// <summary>What the ingress's threads cost for each GiB of a download that does not move: at full load, and at 100 Mbit/s.</summary>
internal static class IngressBulk
{
    private static readonly string[] s_threads = ["ingress public", "ingress nodes"];

    public static async Task RunAsync(BenchPki pki, string storage, ConnectionOptions options, int seconds)
    {
        foreach ((string name, string path) in ((string, string)[])[("at full load", "/full"), ("at 100 Mbit/s", "/paced/12500")])
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
        double[] cpu = [.. s_threads.Select(ThreadClock.Seconds)];
        await Task.Delay(seconds * 1000);
        double bytes = client.Received - before, elapsed = (Environment.TickCount64 - begun) / 1000.0;
        string[] costs = [.. s_threads.Select((thread, i) => string.Create(CultureInfo.InvariantCulture, $"{thread} {(ThreadClock.Seconds(thread) - cpu[i]) / (bytes / (1 << 30)):0.000}"))];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  a download {name}, {bytes * 8 / elapsed / 1e6:0} Mbit/s: {string.Join(", ", costs)} CPU-s/GiB"));
    }
}
