namespace Net.Tests.Migration.HandOver;

/// <summary>What an exploration has seen.</summary>
/// <param name="Violations">Each kind, with the steps that led to the first of it.</param>
/// <param name="States">Distinct ones.</param>
/// <param name="Steps">From one to another.</param>
/// <param name="Committed">States in which a move has been done.</param>
/// <param name="Forced">States in which somebody has taken over by force.</param>
/// <param name="Spent">The most packets that were sent under the keys of the same connections.</param>
internal sealed record Exploration(IReadOnlyDictionary<string, string> Violations, int States, long Steps, int Committed, int Forced, int Spent);

/// <summary>Tries every order of steps, depth first, each distinct state once; in each state the invariants are checked, and then whether it ends well.</summary>
internal static class ModelExplorer
{
    /// <param name="settings">What is modelled.</param>
    /// <param name="maxStates">More than these are an error: give fewer faults.</param>
    /// <param name="until">Ends with the first violation of this kind; null: with the first of any.</param>
    public static Exploration Explore(ModelSettings settings, int maxStates, string? until = null)
    {
        HashSet<string> seen = [], endsWell = [];
        Dictionary<string, string> violations = [];
        Stack<(HandOverModel Model, Path? Path)> open = new();
        open.Push((new(settings), null));
        long steps = 0;
        int committed = 0, forced = 0, spent = 0;
        while (open.TryPop(out (HandOverModel Model, Path? Path) at) && !(until is null ? violations.Count > 0 : violations.ContainsKey(until)))
        {
            if (!seen.Add(at.Model.Fingerprint()))
            {
                continue;
            }

            Assert.IsLessThan(maxStates, seen.Count, "too many states: give fewer faults");
            IReadOnlyCollection<string> violated = at.Model.Violated();
            if (violated.Count == 0 && at.Model.Clone().ViolationInTheEnd(endsWell) is { } end)
            {
                violated = [end];
            }

            foreach (string violation in violated)
            {
                _ = violations.TryAdd(violation, string.Join("; ", Names(at.Path)));
            }

            committed += at.Model.WasCommitted ? 1 : 0;
            forced += at.Model.WasForced ? 1 : 0;
            spent = int.Max(spent, at.Model.Spent);
            foreach ((string name, Action<HandOverModel> run) in at.Model.Steps())
            {
                HandOverModel next = at.Model.Clone();
                next.Take(run);
                steps++;
                open.Push((next, new(name, at.Path)));
            }
        }

        return new(violations, seen.Count, steps, committed, forced, spent);
    }

    private static IEnumerable<string> Names(Path? path)
    {
        Stack<string> names = [];
        for (Path? at = path; at is not null; at = at.Before)
        {
            names.Push(at.Name);
        }

        return names;
    }

    private sealed record Path(string Name, Path? Before);
}
