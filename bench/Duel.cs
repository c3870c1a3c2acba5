using System.Globalization;
using Interop.Peers;
using Interop.Processes;

namespace Bench;

/// <summary>The same client asks both servers in turn, so that what disturbs the machine disturbs both.</summary>
internal static class Duel
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    public static async Task<int> RunAsync(string question, Server ours, Server peer, Peer client, int rounds)
    {
        List<(double Speed, double Cost)> mine = [], theirs = [];
        // The first round warms both up, and does not count.
        for (int round = 0; round <= rounds; round++)
        {
            (double, double) a = await DownloadAsync(ours, client), b = await DownloadAsync(peer, client);
            if (round > 0)
            {
                mine.Add(a);
                theirs.Add(b);
            }
        }

        Report(ours.Name, mine);
        Report(peer.Name, theirs);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{question}: speed {Median(mine, r => r.Speed) / Median(theirs, r => r.Speed):0.00} of the peer's, CPU per byte {Median(mine, r => r.Cost) / Median(theirs, r => r.Cost):0.00} of the peer's (medians of {rounds})"));
        return 0;
    }

    /// <returns>MB/s as the client saw it, and the server's CPU seconds per GiB.</returns>
    private static async Task<(double Speed, double Cost)> DownloadAsync(Server server, Peer client)
    {
        double before = server.CpuSeconds;
        Finished finished = await client.RunAsync(
            s_limit, "--silent", "--insecure", "--http3-only", "--output", "/dev/null", "--write-out", "%{http_code} %{size_download} %{speed_download}", server.Url);
        string[] words = finished.Output.Split(' ');
        if (finished.Code != 0 || words[0] != "200" || words[1] != Servers.Bytes.ToString(CultureInfo.InvariantCulture))
        {
            throw new PeersUnavailableException($"the download from {server.Name} failed: {finished.Output} {finished.Errors}");
        }

        double gibibytes = (double)Servers.Bytes / (1 << 30);
        return (double.Parse(words[2], CultureInfo.InvariantCulture) / 1e6, (server.CpuSeconds - before) / gibibytes);
    }

    private static void Report(string name, List<(double Speed, double Cost)> results) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{name,-28} {Median(results, r => r.Speed),8:0} MB/s   {Median(results, r => r.Cost),6:0.00} CPU-s/GiB"));

    private static double Median(List<(double Speed, double Cost)> results, Func<(double Speed, double Cost), double> field)
    {
        double[] sorted = [.. results.Select(field).Order()];
        return sorted[sorted.Length / 2];
    }
}
