using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Http3.Server.Hosting;

namespace Net.Migration.Hosting;

/// <summary>One instant of a component that it can go back to: its own state, and how far the requests of its connections were.</summary>
/// <remarks>
/// <code>
/// epoch | taken at (age) | state (bytes) | count | count times: connection's name (16 bytes), what <see cref="ConnectionCheckpoint"/> writes
/// </code>
/// Connections without requests are not in it.
/// </remarks>
internal sealed class Checkpoint
{
    /// <summary>Bytes of all connections together; those beyond are not kept, so a roll-back resets their requests: the component's state has its room whatever clients do.</summary>
    public const long MaxConnectionBytes = 4L << 20;

    /// <summary>Bytes that a connection takes beside its streams, at most.</summary>
    private const int PerConnection = 48;

    private readonly byte[] _state;
    private readonly Dictionary<UInt128, ConnectionCheckpoint> _connections = [];

    /// <param name="state">The component's own; kept, and wiped with the rest.</param>
    /// <param name="room">Bytes beside the state that its connections may take, at most <see cref="MaxConnectionBytes"/>.</param>
    public Checkpoint(ulong number, ulong epoch, Instant takenAt, byte[] state, IEnumerable<ServerOwner> owners, long room = MaxConnectionBytes)
        : this(number, epoch, takenAt, state)
    {
        room = long.Min(room, MaxConnectionBytes);
        List<(UInt128 Name, ServerOwner Owner, ConnectionCheckpoint Connection)> taken = [];
        foreach (ServerOwner owner in owners)
        {
            // First what tells that a request depends on nothing: that is small, and a bystander's download is worth more than a request that could go on.
            if (NameOf(owner.Connection) is UInt128 name && owner.Http3.TakeCheckpoint() is { } connection && (connection.IsEmpty || TakeRoom(connection, ref room)))
            {
                taken.Add((name, owner, connection));
            }
        }

        foreach ((UInt128 name, ServerOwner owner, ConnectionCheckpoint connection) in taken)
        {
            // An idle connection takes nothing: only with its first request does it take its own bytes.
            long before = connection.Length, own = connection.IsEmpty ? PerConnection : 0;
            owner.Http3.AddExchanges(connection, before + room - own, takenAt);
            if (!connection.IsEmpty)
            {
                room -= connection.Length - before + own;
                _connections.Add(name, connection);
            }
        }
    }

    private static bool TakeRoom(ConnectionCheckpoint connection, ref long room)
    {
        long length = connection.Length + PerConnection;
        bool hasRoom = length <= room;
        room -= hasRoom ? length : 0;
        return hasRoom;
    }

    private Checkpoint(ulong number, ulong epoch, Instant takenAt, byte[] state) => (Number, Epoch, TakenAt, _state) = (number, epoch, takenAt, state);

    public ulong Number { get; }

    /// <summary>Under which it was taken.</summary>
    public ulong Epoch { get; }

    /// <summary>By this machine's clock.</summary>
    public Instant TakenAt { get; }

    /// <summary>The component's own.</summary>
    public ReadOnlyMemory<byte> State => _state;

    /// <summary>In bytes, about: what counts against <see cref="HostedComponent.MaxCheckpointBytes"/>.</summary>
    public long Length => _state.Length + _connections.Values.Sum(connection => connection.Length + PerConnection);

    public ConnectionCheckpoint? Of(Connection connection) => NameOf(connection) is UInt128 name ? _connections.GetValueOrDefault(name) : null;

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(Epoch);
        writer.WriteInstant(TakenAt);
        writer.WriteBytes(_state);
        writer.WriteNumber((ulong)_connections.Count);
        foreach ((UInt128 name, ConnectionCheckpoint connection) in _connections)
        {
            writer.WriteNumber((ulong)(name >> 64));
            writer.WriteNumber((ulong)name);
            connection.Export(writer);
        }
    }

    /// <exception cref="SnapshotException">Malformed.</exception>
    public static Checkpoint Import(ulong number, SnapshotReader reader)
    {
        (ulong epoch, Instant takenAt) = (reader.ReadNumber(), reader.ReadInstant());
        if (takenAt.IsNever)
        {
            throw new SnapshotException("a checkpoint that was never taken");
        }

        Checkpoint checkpoint = new(number, epoch, takenAt, reader.ReadBytes().ToArray());
        int count = reader.ReadCount();
        if (count > MaxConnectionBytes / PerConnection || reader.Remaining > MaxConnectionBytes)
        {
            throw new SnapshotException("a checkpoint keeps too much of connections");
        }

        for (int left = count; left > 0; left--)
        {
            UInt128 name = new(reader.ReadNumber(), reader.ReadNumber());
            if (!checkpoint._connections.TryAdd(name, ConnectionCheckpoint.Import(reader, takenAt)))
            {
                throw new SnapshotException("a checkpoint names a connection twice");
            }
        }

        reader.End();
        return checkpoint;
    }

    public void Wipe()
    {
        CryptographicOperations.ZeroMemory(_state);
        foreach (ConnectionCheckpoint connection in _connections.Values)
        {
            connection.Wipe();
        }
    }

    /// <summary>What no client can choose, or learn of another one's: made from a secret of the connection's handshake. The same wherever it is.</summary>
    /// <returns><c>null</c>: it has not shaken hands yet.</returns>
    private static UInt128? NameOf(Connection connection)
    {
        if (connection.Parts.Identity.Session is not TlsSession session)
        {
            return null;
        }

        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(session.ExporterSecret.Span, "continuum checkpoint"u8, hash);
        return new(BitConverter.ToUInt64(hash), BitConverter.ToUInt64(hash[8..]));
    }
}
