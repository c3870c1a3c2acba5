using System.Collections.Concurrent;
using System.Globalization;
using Net.Tests.Scenarios;

namespace Net.Tests.Simulation;

[TestClass]
public sealed class RandomScenarioTests
{
    /// <summary>One seed in so many also takes a federation through a crash, at the next point of a move.</summary>
    private const ulong CrashEvery = 40;

    private static readonly Misfortune[] s_crashes =
        [Misfortune.SourceCrashes, Misfortune.DestinationCrashes, Misfortune.IngressCrashes, Misfortune.SourceAndLink, Misfortune.LinkIsCut];

    private static readonly string[] s_needed =
    [
        "lost", "duplicated", "corrupted", "moves of the server", "moves with a copy ahead", "moves of the client", "moves called off",
        "key updates of the client", "key updates of the server", "rebindings", "new networks", "streams reset", "streams stopped",
        "active migrations", "migrations in vain", "paths given up", "migrations forbidden", "preferred addresses", "versions changed", "HelloRetryRequest",
        "Retry", "tokens instead of Retry", "resumptions", "0-RTT accepted", "0-RTT rejected", "traced",
        "DATAGRAMs of the client", "DATAGRAMs echoed",
    ];

    public required TestContext TestContext { get; init; }

    /// <summary>
    /// Goal: no client notices what its server does, on any network, and nothing that the stack can do is left out.
    /// Method: out of each seed: versions, suites, groups, Retry, a visit before that leaves tickets and a token; loss, reordering, duplication,
    /// corruption; streams both ways that end well, are reset or stopped; moves of either end, aborted moves, crashes, key updates, migrations and
    /// new addresses at random moments. docs/testing.md tells how to run many more seeds than these, and how to replay one.
    /// </summary>
    [TestMethod]
    public void Streams_survive_moves_and_a_bad_network()
    {
        ulong? one = Number("SEED");
        ulong first = one ?? Number("SIM_FIRST") ?? 1, count = one is null ? Number("SIM_SEEDS") ?? 400 : 1;
        SimulationTotals totals = new();
        foreach (string needed in s_needed.Concat(Enum.GetNames<CrashPoint>().Select(point => $"crashes at {point}")))
        {
            totals.Count(needed, 0);
        }

        ConcurrentQueue<string> failures = new();
        Parallel.For((long)first, (long)(first + count), new() { CancellationToken = TestContext.CancellationToken, MaxDegreeOfParallelism = Environment.ProcessorCount }, n =>
        {
            ulong seed = (ulong)n;
            try
            {
                RandomScenario scenario = new(seed);
                scenario.Run();
                totals.Add(scenario.Totals);
                if (seed % CrashEvery == 0)
                {
                    Crash(seed, totals);
                }
            }
            catch (Exception e)
            {
                failures.Enqueue($"replay: SEED={seed} dotnet test --filter {nameof(Streams_survive_moves_and_a_bad_network)}\n{e}");
            }
        });
        Report(totals, first, count, failures.Count);
        Assert.IsEmpty(failures, string.Join("\n\n", failures.Take(5)));
        Assert.IsTrue(count < 400 || !totals.Zeros.Any(), $"never came about: {string.Join(", ", totals.Zeros)}");
    }

    private static void Crash(ulong seed, SimulationTotals totals)
    {
        ulong turn = seed / CrashEvery;
        CrashPoint[] points = Enum.GetValues<CrashPoint>();
        CrashPoint point = points[turn % (ulong)points.Length];
        Misfortune misfortune = s_crashes[turn / (ulong)points.Length % (ulong)s_crashes.Length];
        CrashPointTests.Run(point, misfortune, seed);
        totals.Count($"crashes: {misfortune}");
        totals.Count($"crashes at {point}");
    }

    private void Report(SimulationTotals totals, ulong first, ulong count, int failures)
    {
        string report = $"seeds {first} to {first + count - 1}, {failures} failed\n{totals}";
        TestContext.WriteLine(report);
        if (Environment.GetEnvironmentVariable("SIM_REPORT") is { Length: > 0 } file)
        {
            File.AppendAllText(file, report);
        }
    }

    private static ulong? Number(string variable) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out ulong number) ? number : null;
}
