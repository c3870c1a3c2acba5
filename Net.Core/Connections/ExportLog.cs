using Net.Core.Snapshots;

namespace Net.Core.Connections;

/// <summary>Remembers at which export a part was first seen with its present count of changes. It belongs to this process and does not travel.</summary>
internal sealed class ExportLog
{
    private readonly Dictionary<(ulong Section, ulong Key), (ulong Changes, ulong At)> _seen = [];

    /// <summary>Grows by one with every export.</summary>
    public ulong Version { get; private set; }

    public void Begin() => Version++;

    /// <returns>Whether the part has changed since the export of that number.</returns>
    public bool HasChanged(in TravellingPart part, ulong since)
    {
        (ulong, ulong) key = (part.Section, part.Key);
        if (!_seen.TryGetValue(key, out (ulong Changes, ulong At) seen) || seen.Changes != part.Changes)
        {
            seen = (part.Changes, Version);
            _seen[key] = seen;
        }

        return since == 0 || seen.At > since;
    }
}
