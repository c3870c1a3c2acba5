using Net.Core.Snapshots;

namespace Net.Core.Connections;

/// <summary>Remembers at which export a part was first seen with its present count of changes. It belongs to this process and does not travel.</summary>
internal sealed class ExportLog
{
    private readonly Dictionary<(ulong Section, ulong Key), Entry> _seen = [];

    /// <summary>Grows by one with every export.</summary>
    public ulong Version { get; private set; }

    public void Begin() => Version++;

    /// <returns>Whether the part has changed since the export of that number.</returns>
    public bool HasChanged(in TravellingPart part, ulong since)
    {
        (ulong, ulong) key = (part.Section, part.Key);
        bool isKnown = _seen.TryGetValue(key, out Entry seen) && !seen.IsRemoved && seen.Changes == part.Changes;
        bool isThere = seen is { PresentAt: > 0, IsRemoved: false };
        seen = new(part.Changes, isKnown ? seen.ChangedAt : Version, Version, isThere ? seen.AppearedAt : Version, IsRemoved: false);
        _seen[key] = seen;
        return since == 0 || seen.ChangedAt > since;
    }

    /// <summary>After all parts were asked about: which sections earlier exports had, after the one of that number, and this one has no more.</summary>
    public List<(ulong Section, ulong Key)> RemovedSince(ulong since)
    {
        List<(ulong, ulong)> removed = [];
        foreach (((ulong Section, ulong Key) key, Entry seen) in _seen)
        {
            if (seen.PresentAt == Version)
            {
                continue;
            }

            if (!seen.IsRemoved)
            {
                _seen[key] = seen with { IsRemoved = true, ChangedAt = Version };
            }

            // What came and went since then was never in the other's hands.
            if (since > 0 && _seen[key].ChangedAt > since && seen.AppearedAt <= since)
            {
                removed.Add(key);
            }
        }

        removed.Sort();
        return removed;
    }

    private readonly record struct Entry(ulong Changes, ulong ChangedAt, ulong PresentAt, ulong AppearedAt, bool IsRemoved);
}
