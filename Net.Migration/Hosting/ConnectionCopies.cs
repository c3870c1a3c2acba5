using Net.Core.Connections;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Http3.Server.Hosting;
using Net.Http3.Sessions;

namespace Net.Migration.Hosting;

/// <summary>Writes a component's connections down for a move: a copy ahead while they are served, and what completes it when they stand still. On the shard's thread.</summary>
/// <remarks>
/// The light ones come first, in both: when there is not room for all, a client that has much kept here takes nobody's room but its own.
/// </remarks>
/// <param name="owners">All connections.</param>
internal sealed class ConnectionCopies(IReadOnlyDictionary<Connection, ServerOwner> owners)
{
    /// <summary>A turn's copies take well below a millisecond.</summary>
    private const int PerTurn = 32;

    /// <summary>A connection that holds more is written down behind the others.</summary>
    private const long HeavyBytes = 1024 * 1024;

    private Queue<ServerOwner> _toCopy = new();

    /// <summary>Notes whose copies are to be made; connections that come later travel whole, at the end.</summary>
    public void Begin() => _toCopy = new(owners.Values.Where(owner => owner.Connection is { IsConfirmed: true, IsOpen: true }).OrderBy(Weight));

    /// <summary>Copies some connections while all are served, each frozen for the moment of its own export alone: clients wait for none of it.</summary>
    /// <returns>Whether there are more: to be done in a later turn.</returns>
    public bool ExportAhead(ComponentExport export, Instant now)
    {
        for (int copied = 0; copied < PerTurn && _toCopy.TryDequeue(out ServerOwner? owner); copied++)
        {
            if (owner.Connection is not { IsConfirmed: true, IsOpen: true, IsFrozen: false } || !owners.ContainsKey(owner.Connection))
            {
                continue;
            }

            Connection connection = owner.Connection;
            SnapshotWriter writer = new(now);
            ulong version = connection.Copy(writer, SessionSnapshot.Parts(owner.Http3.Session));
            export.OnAhead(connection, version, writer);
        }

        return _toCopy.Count > 0;
    }

    /// <summary>Writes what changed since the copy, in connections and in requests at their safe points.</summary>
    /// <returns>How many are too large, and stay behind.</returns>
    public uint ExportFinal(ComponentExport export)
    {
        uint stay = 0;
        List<ServerOwner> heavy = [];
        foreach (ServerOwner owner in owners.Values.Where(owner => owner.Connection.IsFrozen))
        {
            if (owner.Http3.IsIdle && export.IsComplete(owner.Connection))
            {
                export.OnUnchanged(owner.Connection);
            }
            else if (Weight(owner) > HeavyBytes)
            {
                heavy.Add(owner);
            }
            else
            {
                stay += ExportFinal(export, owner);
            }
        }

        foreach (ServerOwner owner in heavy.OrderBy(Weight))
        {
            stay += ExportFinal(export, owner);
        }

        return stay;
    }

    /// <summary>What its client makes it hold, in bytes, about.</summary>
    private static long Weight(ServerOwner owner) => owner.Connection.Parts.Streams.Rented;

    private static uint ExportFinal(ComponentExport export, ServerOwner owner)
    {
        // Nothing has happened since the freeze: ages count from it.
        SnapshotWriter writer = new(owner.Connection.FrozenAt);
        owner.Connection.Export(export.Since(owner.Connection), writer, owner.Http3.Parts);
        return export.OnFinal(owner.Connection, writer) ? 0u : 1;
    }
}
