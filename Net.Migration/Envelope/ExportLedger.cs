using System.Runtime.InteropServices;

namespace Net.Migration.Envelope;

/// <summary>What the source has already copied: per connection the change count of its last export, and which sections that left there.</summary>
/// <remarks>A delta is then <c>Export(since)</c> plus the removals that <see cref="Removed"/> finds: streams that have ended since.</remarks>
internal sealed class ExportLedger
{
    private readonly Dictionary<ulong, Entry> _connections = [];

    /// <summary>The change count to give to the next export of a connection; 0 when it was never exported.</summary>
    public ulong Since(ulong connection) => _connections.TryGetValue(connection, out Entry? entry) ? entry.Changes : 0;

    /// <summary>Notes a section that was written into the image.</summary>
    public void OnExported(ulong connection, ulong number, ulong key)
    {
        ref Entry? entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_connections, connection, out _);
        entry ??= new();
        _ = entry.Sections.Add((number, key));
    }

    /// <summary>Ends the export of a connection.</summary>
    public void OnExported(ulong connection, ulong changes)
    {
        ref Entry? entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_connections, connection, out _);
        entry ??= new();
        entry.Changes = changes;
    }

    /// <summary>Sections that were copied and exist no more; forgets them.</summary>
    public IReadOnlyList<(ulong Number, ulong Key)> Removed(ulong connection, IReadOnlySet<(ulong Number, ulong Key)> present)
    {
        List<(ulong, ulong)> removed = [];
        if (_connections.TryGetValue(connection, out Entry? entry))
        {
            foreach ((ulong Number, ulong Key) section in entry.Sections)
            {
                if (!present.Contains(section))
                {
                    removed.Add(section);
                }
            }

            entry.Sections.ExceptWith(removed);
        }

        removed.Sort();
        return removed;
    }

    /// <summary>Connections that were copied and exist no more; forgets them.</summary>
    public IReadOnlyList<ulong> RemovedConnections(IReadOnlySet<ulong> present)
    {
        List<ulong> removed = [];
        foreach (ulong connection in _connections.Keys)
        {
            if (!present.Contains(connection))
            {
                removed.Add(connection);
                _ = _connections.Remove(connection);
            }
        }

        removed.Sort();
        return removed;
    }

    private sealed class Entry
    {
        public ulong Changes { get; set; }

        public HashSet<(ulong Number, ulong Key)> Sections { get; } = [];
    }
}
