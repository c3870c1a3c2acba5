using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using Interop.Peers;
using Interop.Processes;
using Net.Http3.Client;

namespace Bench;

/// <summary>The same component host compiled ahead of time and just in time: what it weighs, and how soon it answers.</summary>
internal static class AheadOfTime
{
    private const string Program = "component-host";
    private const int Requests = 1000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public static async Task<int> RunAsync(int rounds)
    {
        string ahead = Folder("CONTINUUM_AOT"), just = Folder("CONTINUUM_JIT");
        List<Life> native = [], managed = [];
        // The first round warms up the client in here and the files' cache, and does not count.
        for (int round = 0; round <= rounds; round++)
        {
            Life a = await LiveAsync(ahead), b = await LiveAsync(just);
            if (round > 0)
            {
                native.Add(a);
                managed.Add(b);
            }
        }

        Life x = Report("ahead of time", Size(ahead), native);
        Life y = Report("just in time", Size(just), managed);
        double size = Size(ahead), runtime = Size(RuntimeEnvironment.GetRuntimeDirectory());
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"aot: start to first response {x.FirstMs / y.FirstMs:0.00}, resident {x.FirstMiB / y.FirstMiB:0.00} at first and {x.BusyMiB / y.BusyMiB:0.00} after {Requests} requests, " +
            $"size {size / Size(just):0.00} of the files alone, {size / (Size(just) + runtime):0.00} with the runtime that they need (medians of {rounds})"));
        return 0;
    }

    private static string Folder(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } set ? set : throw new PeersUnavailableException($"{variable} names no folder: start by bench/run");

    /// <summary>One life of the host: from its start to its first response, then to <see cref="Requests"/> of them.</summary>
    private static async Task<Life> LiveAsync(string folder)
    {
        using HttpClient client = new(new Http3Handler { SslOptions = new() { RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == "CN=localhost" } })
        {
            DefaultRequestVersion = HttpVersion.Version30,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        long begun = Stopwatch.GetTimestamp();
        using Child host = Child.Start(Program, Path.Combine(folder, Program), ["0"]);
        string ready = await host.OutputLines.ReadLineAsync().WaitAsync(s_patience) ?? throw new PeersUnavailableException($"{folder}: {Child.LastLine(host.Errors)}");
        string url = $"https://{ready.Split(' ')[^1]}/";
        await client.GetStringAsync(url).WaitAsync(s_patience);
        double first = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
        double atFirst = ResidentMiB(host.Id);
        for (int i = 1; i < Requests; i++)
        {
            await client.GetStringAsync(url).WaitAsync(s_patience);
        }

        Life life = new(first, atFirst, ResidentMiB(host.Id));
        host.Terminate();
        int code = await host.WaitAsync(s_patience);
        return code == 0 ? life : throw new PeersUnavailableException($"{folder}: SIGTERM ended it with exit code {code}");
    }

    /// <summary>VmRSS of proc(5), in KiB there.</summary>
    private static double ResidentMiB(int process)
    {
        string line = File.ReadLines($"/proc/{process}/status").First(text => text.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1024;
    }

    /// <summary>Bytes of what runs: neither symbols nor documentation.</summary>
    private static double Size(string folder) => new DirectoryInfo(folder).EnumerateFiles()
        .Where(file => file.Extension is not (".dbg" or ".pdb" or ".xml"))
        .Sum(file => file.Length);

    private static Life Report(string name, double bytes, List<Life> lives)
    {
        Life median = new(Median(lives, life => life.FirstMs), Median(lives, life => life.FirstMiB), Median(lives, life => life.BusyMiB));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-14} {bytes / 1e6,6:0.0} MB   resident {median.FirstMiB,5:0.0} MiB, after {Requests} requests {median.BusyMiB,5:0.0} MiB   start to first response {median.FirstMs,5:0} ms"));
        return median;
    }

    private static double Median(List<Life> lives, Func<Life, double> field)
    {
        double[] sorted = [.. lives.Select(field).Order()];
        return sorted[sorted.Length / 2];
    }

    /// <param name="FirstMs">From the start of the process to its first whole response.</param>
    /// <param name="FirstMiB">Resident then.</param>
    /// <param name="BusyMiB">Resident after <see cref="Requests"/> requests.</param>
    private readonly record struct Life(double FirstMs, double FirstMiB, double BusyMiB);
}
