using System.Diagnostics.CodeAnalysis;
using Net.Core.Wire;

namespace Net.Core.Endpoints;

/// <summary>The connections that a stateless reset may be for, by the address that it must come from (RFC 9000, section 10.3.1).</summary>
/// <remarks>Only connections that we opened: their servers give reset tokens. Tokens are compared in constant time, a table of them would not be.</remarks>
internal sealed class ResetWatch
{
    private readonly Dictionary<UdpAddress, List<ConnectionEntry>> _byServer = [];

    public void Add(ConnectionEntry entry)
    {
        UdpAddress server = entry.Connection.Path.Remote;
        entry.WatchedAt = server;
        if (!_byServer.TryGetValue(server, out List<ConnectionEntry>? entries))
        {
            entries = [];
            _byServer.Add(server, entries);
        }

        entries.Add(entry);
    }

    public void Remove(ConnectionEntry entry)
    {
        if (_byServer.TryGetValue(entry.WatchedAt, out List<ConnectionEntry>? entries) && entries.Remove(entry) && entries.Count == 0)
        {
            _byServer.Remove(entry.WatchedAt);
        }
    }

    /// <param name="from">Who sent the datagram.</param>
    /// <param name="datagram">It led to no connection.</param>
    /// <param name="entry">Whose token it ends with.</param>
    public bool TryFind(UdpAddress from, ReadOnlySpan<byte> datagram, [NotNullWhen(true)] out ConnectionEntry? entry)
    {
        entry = null;
        if (_byServer.TryGetValue(from, out List<ConnectionEntry>? entries))
        {
            foreach (ConnectionEntry candidate in entries)
            {
                entry = candidate.Connection.Parts.PeerIds.IsReset(datagram) ? candidate : entry;
            }
        }

        return entry is not null;
    }
}
