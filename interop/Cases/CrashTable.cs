namespace Interop.Cases;

/// <summary>What happens to a process when another one, or itself, has reached a step of a move.</summary>
/// <param name="Row">Of the table of crash points in docs/hand-over.md, as it stands there.</param>
/// <param name="Side">Its column: source, destination, link or directory.</param>
/// <param name="Point">The rest of the case's name.</param>
internal sealed record CrashCell(string Row, string Side, string Point)
{
    /// <summary>What processes are told to do at which point; those that stop go on when the deed is done.</summary>
    public required IReadOnlyList<(string Process, string What, string At)> Orders { get; init; }

    /// <summary>Who gets SIGKILL then; empty: nobody. An ingress is started again.</summary>
    public string Kills { get; init; } = "";

    /// <summary>Who owns the component in the end; empty: either.</summary>
    public string Owner { get; init; } = "";

    /// <summary>The client notices nothing; else its connection ends, and a new one is served.</summary>
    public bool Survives { get; init; }

    public string Name => $"crash-{Side}-{Point}";
}

/// <summary>The table of crash points in docs/hand-over.md, for real processes: node a hands over to node b. A test compares the two.</summary>
internal static class CrashTable
{
    public const string Source = "node a";
    public const string Destination = "node b";
    public const string Ingress = "ingress";

    private const string Preparing = "Preparing, Quiescing";
    private const string Frozen = "Frozen, nothing final sent";
    private const string Transferring = "Transferring";
    private const string Ready = "Ready said, move not asked for";
    private const string Asked = "Move asked for, not done";
    private const string Done = "Move done, not answered";
    private const string Aborted = "Own write done, not answered";
    private const string Forwarding = "Forwarding";

    public static IReadOnlyList<string> Sides { get; } = ["source", "destination", "link", "directory"];

    public static IReadOnlyList<CrashCell> Cells { get; } =
    [
        Kill(Preparing, "source", "preparing", Source, Source, "source:preparing", "b", survives: false),
        Kill(Preparing, "destination", "preparing", Destination, Destination, "destination:preparing", "a", survives: true),
        Cut(Preparing, "preparing", Source, "source:preparing", "a"),
        Kill(Preparing, "directory", "quiescing", Ingress, Ingress, "directory:quiescing", "", survives: true),
        Kill(Preparing, "source", "quiescing", Source, Source, "source:quiescing", "b", survives: false),
        Kill(Preparing, "destination", "quiescing", Destination, Destination, "destination:quiescing", "a", survives: true),
        Cut(Preparing, "quiescing", Source, "source:quiescing", "a"),
        Kill(Frozen, "source", "frozen", Source, Source, "source:frozen", "b", survives: false),
        Kill(Frozen, "destination", "frozen", Destination, Source, "source:frozen", "a", survives: true),
        Cut(Frozen, "frozen", Source, "source:frozen", "a"),
        Kill(Frozen, "directory", "frozen", Ingress, Source, "source:frozen", "", survives: true),
        Kill(Transferring, "source", "transferring", Source, Source, "source:transferring", "b", survives: false),
        Kill(Transferring, "destination", "transferring", Destination, Destination, "destination:transferring", "a", survives: true),
        Kill(Transferring, "destination", "restored", Destination, Destination, "destination:restored", "a", survives: true),
        Cut(Transferring, "transferring", Source, "source:transferring", "a"),
        Kill(Transferring, "directory", "transferring", Ingress, Source, "source:transferring", "", survives: true),
        Kill(Ready, "source", "ready", Source, Source, "source:ready", "b", survives: true),
        // A source that has heard Ready asks at once: it cannot know of a death that was a moment ago. That it is noticed in time, the simulator shows.
        Kill(Ready, "destination", "ready", Destination, Source, "source:ready", "a", survives: false),
        Cut(Ready, "ready", Destination, "destination:restored", "a"),
        Kill(Ready, "directory", "ready", Ingress, Source, "source:ready", "", survives: true),
        Kill(Asked, "source", "move-asked", Source, Ingress, "directory:move-asked", "b", survives: true),
        Kill(Asked, "destination", "move-asked", Destination, Ingress, "directory:move-asked", "a", survives: false),
        Cut(Asked, "move-asked", Source, "source:move-asked", "b", stop: "directory:move-asked"),
        Kill(Asked, "directory", "move-asked", Ingress, Ingress, "directory:move-asked", "", survives: true),
        Kill(Done, "source", "move-done", Source, Ingress, "directory:move-done", "b", survives: true),
        Kill(Done, "destination", "move-done", Destination, Ingress, "directory:move-done", "a", survives: false),
        Cut(Done, "move-done", Source, "source:move-asked", "b", stop: "directory:move-done"),
        Kill(Done, "directory", "move-done", Ingress, Ingress, "directory:move-done", "b", survives: true),
        Kill(Aborted, "source", "own-write-done", Source, Ingress, "directory:own-write-done", "b", survives: false, cut: "source:transferring"),
        Kill(Aborted, "destination", "own-write-done", Destination, Ingress, "directory:own-write-done", "a", survives: true, cut: "source:transferring"),
        Cut(Aborted, "own-write-done", Source, "source:transferring", "a", stop: "directory:own-write-done"),
        Kill(Aborted, "directory", "own-write-done", Ingress, Ingress, "directory:own-write-done", "a", survives: true, cut: "source:transferring"),
        Kill(Forwarding, "source", "forwarding", Source, Source, "source:forwarding", "b", survives: true),
        Kill(Forwarding, "destination", "forwarding", Destination, Destination, "destination:serving", "a", survives: false),
        Cut(Forwarding, "forwarding", Source, "source:forwarding", "b"),
        Kill(Forwarding, "directory", "forwarding", Ingress, Source, "source:forwarding", "b", survives: true),
    ];

    /// <summary>Rows and columns, and in each cell which cases held.</summary>
    /// <param name="results">By the case's name; cases that did not run are not there.</param>
    public static string Describe(IReadOnlyDictionary<string, bool> results)
    {
        List<string> lines = [$"{"crash table",-32}{string.Concat(Sides.Select(static side => $"{side,-14}"))}"];
        foreach (IGrouping<string, CrashCell> row in Cells.GroupBy(static cell => cell.Row))
        {
            lines.Add($"{row.Key,-32}" + string.Concat(Sides.Select(side =>
            {
                string[] held = [.. row.Where(cell => cell.Side == side && results.ContainsKey(cell.Name)).Select(cell => results[cell.Name] ? "held" : "FAILED")];
                return $"{(held.Length == 0 ? "not run" : string.Join(' ', held)),-14}";
            })).TrimEnd());
        }

        return string.Join('\n', lines);
    }

    private static CrashCell Kill(string row, string side, string point, string kills, string stops, string at, string owner, bool survives, string? cut = null) => new(row, side, point)
    {
        Orders = cut is null ? [(stops, "stop", at)] : [(Source, "cut", cut), (stops, "stop", at)],
        Kills = kills,
        Owner = owner,
        Survives = survives,
    };

    private static CrashCell Cut(string row, string point, string process, string at, string owner, string? stop = null) => new(row, "link", point)
    {
        Orders = stop is null ? [(process, "cut", at)] : [(process, "cut", at), (Ingress, "stop", stop)],
        Owner = owner,
        Survives = true,
    };
}
