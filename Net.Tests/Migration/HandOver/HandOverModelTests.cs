namespace Net.Tests.Migration.HandOver;

/// <summary>
/// Method: every order of events and faults of <see cref="HandOverModel"/> is tried, depth first, each distinct state once; in each state the
/// invariants are checked, and then whether it ends well when no further fault happens.
/// </summary>
[TestClass]
public sealed class HandOverModelTests
{
    private const int MaxStates = 400_000;

    private static readonly Faults None = default;

    /// <summary>Goal: without faults every order of events ends with the destination serving.</summary>
    [TestMethod]
    public void Without_faults_the_component_moves()
    {
        (string? violation, int states, bool committed) = Explore(None, Mutation.None);
        Assert.IsNull(violation);
        Assert.IsTrue(committed);
        Assert.IsGreaterThan(20, states);
    }

    /// <summary>Goal: whatever happens, never two owners serve, and in the end one does, with its connections unless somebody crashed.</summary>
    [TestMethod]
    [DataRow(1, 0, 0, 0, 0, 1, 0, 0, DisplayName = "link lost, timer")]
    [DataRow(1, 0, 0, 1, 1, 1, 0, 0, DisplayName = "link lost, late and doubled writes, lost answers")]
    [DataRow(0, 1, 0, 1, 0, 1, 0, 0, DisplayName = "crash, doubled writes")]
    [DataRow(0, 2, 1, 0, 0, 0, 0, 0, DisplayName = "both crash, lost writes")]
    [DataRow(0, 0, 1, 1, 0, 1, 1, 0, DisplayName = "cancel, lost, late and doubled writes")]
    [DataRow(1, 1, 0, 0, 0, 0, 1, 0, DisplayName = "link lost, crash, cancel")]
    [DataRow(1, 1, 0, 1, 0, 0, 0, 1, DisplayName = "a living source is taken for dead, crash")]
    public void Every_order_of_events_is_safe(int links, int crashes, int lost, int doubled, int answers, int timers, int cancels, int suspicions)
    {
        Faults faults = new(links, crashes, lost, doubled, answers, timers, cancels, suspicions);
        (string? violation, int states, bool committed) = Explore(faults, Mutation.None);
        Assert.IsNull(violation);
        Assert.IsTrue(committed, "no run committed: the model explores nothing");
        Assert.IsGreaterThan(100, states);
    }

    /// <summary>Goal: the exploration notices each way to break the rule: it is not true by accident.</summary>
    [TestMethod]
    [DataRow(nameof(Mutation.ThawWithoutWrite))]
    [DataRow(nameof(Mutation.ReadIsEnough))]
    [DataRow(nameof(Mutation.EarlyAbortNotice))]
    [DataRow(nameof(Mutation.DestinationGivesUp))]
    [DataRow(nameof(Mutation.ServeOnReady))]
    public void A_broken_rule_is_found(string mutation)
    {
        (string? violation, _, _) = Explore(new(1, 0, 0, 0, 0, 2, 1, 0), Enum.Parse<Mutation>(mutation));
        Assert.IsNotNull(violation);
    }

    private static (string? Violation, int States, bool Committed) Explore(Faults faults, Mutation mutation)
    {
        HashSet<string> seen = [];
        Stack<(HandOverModel Model, string[] Path)> open = new();
        open.Push((new(faults, mutation), []));
        bool committed = false;
        while (open.TryPop(out (HandOverModel Model, string[] Path) at))
        {
            if (!seen.Add(at.Model.Fingerprint()))
            {
                continue;
            }

            Assert.IsLessThan(MaxStates, seen.Count, "too many states: give fewer faults");
            if ((at.Model.Violation() ?? at.Model.Clone().ViolationInTheEnd()) is { } violation)
            {
                return ($"{violation} after: {string.Join("; ", at.Path)}", seen.Count, committed);
            }

            committed |= at.Model.WasCommitted;
            foreach ((string name, Action<HandOverModel> run) in at.Model.Steps())
            {
                HandOverModel next = at.Model.Clone();
                next.Take(run);
                open.Push((next, [.. at.Path, name]));
            }
        }

        return (null, seen.Count, committed);
    }
}
