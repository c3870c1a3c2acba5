using System.Collections.Concurrent;
using System.Globalization;
using Net.Tests.Scenarios;

namespace Net.Tests.Simulation;

[TestClass]
public sealed class RandomScenarioTests
{
    /// <summary>From so many seeds on it is the long mode.</summary>
    private const ulong Long = 4000;

    /// <summary>Each point of a move with each thing that fails, alone and in pairs: the points in turn, so that few seeds see all of them.</summary>
    private static readonly (CrashPoint Point, Misfortune First, Misfortune? Second)[] s_crashes =
    [
        .. from failure in Enum.GetValues<Misfortune>().Select(static alone => (First: alone, Second: (Misfortune?)null))
               .Concat(CrashPointTests.Pairs.Select(static pair => (First: pair.First, Second: (Misfortune?)pair.Second)))
           from point in Enum.GetValues<CrashPoint>()
           select (point, failure.First, failure.Second),
    ];

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

        // One seed in so many also takes a federation through a crash.
        ulong crashEvery = count >= Long ? 10UL : 32;
        foreach ((CrashPoint point, Misfortune crash, Misfortune? second) in count / crashEvery >= (ulong)s_crashes.Length ? s_crashes : [])
        {
            totals.Count(Describe(point, crash, second), 0);
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
                if (seed % crashEvery == 0)
                {
                    Crash(seed, seed / crashEvery, totals);
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

    private static void Crash(ulong seed, ulong turn, SimulationTotals totals)
    {
        (CrashPoint point, Misfortune first, Misfortune? second) = s_crashes[turn % (ulong)s_crashes.Length];
        CrashPointTests.Run(point, first, seed, second);
        totals.Count(Describe(point, first, second));
        totals.Count($"crashes at {point}");
    }

    private static string Describe(CrashPoint point, Misfortune first, Misfortune? second) => $"crash: {first}{(second is null ? "" : $" and {second}")} at {point}";

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
