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
    /// <summary>A turn's copies: clients of all others wait for them. A connection is copied whole, so one that holds more is a turn of its own.</summary>
    private const int PerTurn = 32;

    /// <inheritdoc cref="PerTurn"/>
    private const int BytesPerTurn = 256 * 1024;

    /// <summary>A connection that holds more is written down behind the others.</summary>
    private const long HeavyBytes = 1024 * 1024;

    private readonly List<Copy> _copied = [];
    private readonly List<ServerOwner> _whole = [];
    private Queue<ServerOwner> _toCopy = new();
    // One after the other: what is large enough for one is not made again for the next.
    private SnapshotWriter _writer = new(default);
    private ComponentExport? _export;

    /// <summary>Notes whose copies are to be made; connections that come later travel whole, at the end.</summary>
    public void Begin(ComponentExport export)
    {
        End();
        _export = export;
        _whole.AddRange(owners.Values.Where(owner => !MayBeCopied(owner)));
        _toCopy = new(owners.Values.Where(MayBeCopied).OrderBy(Weight));
    }

    /// <summary>A client has come.</summary>
    public void OnNew(ServerOwner owner)
    {
        if (_export is { IsOver: true })
        {
            End();
        }
        else if (_export is not null)
        {
            _whole.Add(owner);
        }
    }

    /// <summary>Copies some connections while all are served, each frozen for the moment of its own export alone: clients wait for none of it.</summary>
    /// <returns>Whether there are more: to be done in a later turn.</returns>
    public bool ExportAhead(ComponentExport export, Instant now)
    {
        int bytes = 0;
        for (int copied = 0; copied < PerTurn && bytes < BytesPerTurn && _toCopy.TryDequeue(out ServerOwner? owner); copied++)
        {
            Connection connection = owner.Connection;
            if (!MayBeCopied(owner) || connection.IsFrozen || !owners.ContainsKey(connection))
            {
                _whole.Add(owner);
                continue;
            }

            _writer.Restart(now);
            ulong version = connection.Copy(_writer, SessionSnapshot.Parts(owner.Http3.Session));
            bytes += _writer.Length;
            export.OnAhead(connection, version, _writer);
            _copied.Add(new(owner, connection, connection.Calls, !owner.Http3.HasRequests && export.Since(connection) > 0));
        }

        return _toCopy.Count > 0;
    }

    /// <summary>Writes what changed since the copy, in connections and in requests at their safe points.</summary>
    /// <remarks>This is in the freeze, and there may be thousands: of those to which nothing has happened no more than their count of calls is looked at.</remarks>
    /// <returns>How many are too large, and stay behind.</returns>
    public uint ExportFinal(ComponentExport export)
    {
        uint stay = 0;
        List<ServerOwner> heavy = [];
        foreach (Copy copy in _copied)
        {
            // Without a request only what is called changes.
            if (!copy.IsComplete || copy.Connection.Calls != copy.Calls)
            {
                stay += ExportFinal(export, copy.Owner, heavy);
            }
        }

        foreach (ServerOwner owner in _export is not null ? _whole.Concat(_toCopy) : owners.Values)
        {
            stay += ExportFinal(export, owner, heavy);
        }

        foreach (ServerOwner owner in heavy.OrderBy(Weight))
        {
            stay += ExportFinal(export, owner);
        }

        return stay;
    }

    /// <inheritdoc cref="End()"/>
    public void End(ComponentExport export)
    {
        if (_export == export)
        {
            End();
        }
    }

    /// <summary>An attempt is over: nothing is kept for it.</summary>
    public void End()
    {
        // It may have been left in the middle of a connection.
        _writer.Wipe();
        _copied.Clear();
        _whole.Clear();
        _toCopy.Clear();
        _export = null;
        _writer = new(default);
    }

    private static bool MayBeCopied(ServerOwner owner) => owner.Connection is { IsConfirmed: true, IsOpen: true };

    private uint ExportFinal(ComponentExport export, ServerOwner owner, List<ServerOwner> heavy)
    {
        if (!owner.Connection.IsFrozen || !owners.ContainsKey(owner.Connection))
        {
            // It has ended.
            export.OnGone(owner.Connection);
            return 0;
        }

        if (Weight(owner) > HeavyBytes)
        {
            heavy.Add(owner);
            return 0;
        }

        return ExportFinal(export, owner);
    }

    /// <summary>What its client makes it hold, in bytes, about.</summary>
    private static long Weight(ServerOwner owner) => owner.Connection.Parts.Streams.Rented;

    private uint ExportFinal(ComponentExport export, ServerOwner owner)
    {
        // Nothing has happened since the freeze: ages count from it.
        _writer.Restart(owner.Connection.FrozenAt);
        owner.Connection.Export(export.Since(owner.Connection), _writer, owner.Http3.Parts);
        return export.OnFinal(owner.Connection, _writer) ? 0u : 1;
    }

    /// <param name="Calls">As of the copy.</param>
    /// <param name="IsComplete">As long as nothing is called, the copy is all there is to say.</param>
    private readonly record struct Copy(ServerOwner Owner, Connection Connection, ulong Calls, bool IsComplete);
}
