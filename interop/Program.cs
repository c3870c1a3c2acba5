using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Interop.Cases;
using Interop.Matrix;
using Interop.Peers;
using Interop.Processes;

namespace Interop;

/// <summary>Runs real clients against the real program, and counts what held.</summary>
internal static class Program
{
    private const string Usage = "usage: interop/run [PEER...] [CASE...] | quick | moves | list | fetch   (`list` names peers and cases; of moves a CASE may be the first words: download, echo-curl, thousand)";

    private static async Task<int> Main(string[] args)
    {
        // Whoever ends the harness ends everything it started: no node outlives its case.
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupted);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupted);
        try
        {
            return args switch
            {
                ["--help" or "-h"] => Say(0, Usage),
                ["list"] => Say(0, List()),
                ["fetch"] => await FetchAsync(),
                ["quick"] => await QuickAsync(),
                ["moves"] => await RunAsync(Catalogue.Moves),
                [] => int.Max(await new MatrixRunner().RunAsync([], []), await RunAsync(Catalogue.Moves)),
                _ => await SelectAsync(args),
            };
        }
        catch (Exception e) when (e is PeersUnavailableException or UnauthorizedAccessException or IOException)
        {
            await Console.Error.WriteLineAsync($"interop fetch: {e.Message}");
            return 1;
        }
        finally
        {
            Child.KillAll();
        }
    }

    private static void Interrupted(PosixSignalContext context)
    {
        Child.KillAll();
        Environment.Exit(130);
    }

    private static int Say(int code, string text)
    {
        (code == 0 ? Console.Out : Console.Error).WriteLine(text);
        return code;
    }

    private static string List() => $"""
        moves: {string.Join(' ', Catalogue.Moves.Select(c => c.Name))}
        long moves, by name only: {string.Join(' ', Catalogue.Long.Select(c => c.Name))}
        peers: {string.Join(' ', new MatrixRunner().PeerNames)}
        cases: {string.Join(' ', MatrixCases.All.Select(c => c.Name))}
        """;

    private static async Task<int> QuickAsync()
    {
        (int passed, int all) = await new MatrixRunner().RunQuickAsync();
        return await RunAsync(Catalogue.Quick, passed, all);
    }

    private static async Task<int> FetchAsync()
    {
        PeerSet peers = await PeerSet.FetchAsync();
        foreach (Peer peer in peers.All)
        {
            Console.WriteLine($"{peer.Name}: {await peer.DescribeAsync()}");
        }

        return 0;
    }

    private static async Task<int> SelectAsync(string[] names)
    {
        List<InteropCase> chosen = [];
        MatrixRunner matrix = new();
        HashSet<string> peers = [.. names.Intersect(matrix.PeerNames)], cases = [.. names.Intersect(MatrixCases.All.Select(c => c.Name))];
        foreach (string name in names.Except(peers).Except(cases))
        {
            List<InteropCase> matching = [.. Catalogue.Moves.Concat(Catalogue.Long).Where(c => c.Name == name || c.Name.StartsWith(name + "-", StringComparison.Ordinal))];
            if (matching.Count == 0)
            {
                return Say(2, $"interop: {name}: no such case: `interop/run list` names them");
            }

            chosen.AddRange(matching.Except(chosen));
        }

        int moves = chosen.Count > 0 ? await RunAsync(chosen) : 0;
        return chosen.Count > 0 && peers.Count + cases.Count == 0 ? moves : int.Max(moves, await matrix.RunAsync(peers, cases));
    }

    private static async Task<int> RunAsync(IReadOnlyList<InteropCase> cases, int passedBefore = 0, int before = 0)
    {
        PeerSet peers = await PeerSet.FetchAsync();
        string program = Environment.GetEnvironmentVariable("CONTINUUM") ?? "";
        if (!File.Exists(program))
        {
            return Say(1, $"interop: the program under test is missing ('{program}'): start the cases with interop/run, or set CONTINUUM");
        }

        int passed = passedBefore;
        Dictionary<string, bool> results = [];
        foreach (InteropCase one in cases)
        {
            bool hasPassed = await RunOneAsync(one, peers, program, mayRepeat: true) ?? await RunOneAsync(one, peers, program, mayRepeat: false) ?? false;
            passed += hasPassed ? 1 : 0;
            results[one.Name] = hasPassed;
        }

        if (cases.Any(static one => one.Name.StartsWith("crash-", StringComparison.Ordinal)))
        {
            Console.WriteLine(CrashTable.Describe(results));
        }

        Console.WriteLine($"{passed} passed, {before + cases.Count - passed} failed");
        return passed == before + cases.Count ? 0 : 1;
    }

    /// <summary>
    /// <c>null</c>: it failed while this machine stood still for longer than timers of the program bear, and may be run again: a failure detector
    /// that sees nothing for three seconds is right to say so, and the case is about something else.
    /// </summary>
    private static async Task<bool?> RunOneAsync(InteropCase one, PeerSet peers, string program, bool mayRepeat)
    {
        Stopwatch watch = Stopwatch.StartNew();
        using StallWatch stalls = new();
        using CancellationTokenSource limit = new(one.Limit);
        CaseContext context = new(peers, Path.GetFullPath(program), limit.Token);
        string verdict = "pass";
        string said;
        try
        {
            said = await one.Run(context);
        }
        catch (Exception e) when (e is CaseFailedException or OperationCanceledException or IOException or InvalidOperationException)
        {
            verdict = "FAIL";
            said = limit.IsCancellationRequested
                ? string.Create(CultureInfo.InvariantCulture, $"not done within {one.Limit.TotalSeconds:0} s ({e.Message})")
                : e.Message;
            if (stalls.Longest > StallWatch.Long)
            {
                said += string.Create(CultureInfo.InvariantCulture, $"; this machine stood still for {stalls.Longest.TotalSeconds:0.0} s meanwhile");
                verdict = mayRepeat ? "again" : verdict;
            }

            context.ExplainTo(Console.Error);
        }
        finally
        {
            await context.DisposeAsync();
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{verdict} {one.Name} ({watch.Elapsed.TotalSeconds:0.0} s): {said}"));
        return verdict == "again" ? null : verdict == "pass";
    }
}
