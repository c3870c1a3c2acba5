using System.Security.Cryptography;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Http3.Server.Hosting;

/// <summary>What a checkpoint of a component keeps of one connection: how far its requests were. Nothing of its transport, which never goes back.</summary>
/// <remarks>
/// <code>
/// count | count times: stream, exchange (bytes with their length) | count | count times: stream that was settled
/// </code>
/// </remarks>
internal sealed class ConnectionCheckpoint
{
    /// <summary>Bytes of one connection's exchanges together; those beyond are not kept, so a roll-back resets them: no client can make a checkpoint too large.</summary>
    public const int MaxLength = 256 * 1024;

    /// <summary>Bytes that one stream takes beside its exchange, about.</summary>
    private const int PerStream = 24;

    /// <summary>Requests whose handlers rested, as <see cref="ExchangeState"/> writes them down.</summary>
    public Dictionary<StreamId, byte[]> Exchanges { get; } = [];

    /// <summary>Requests of which no handler here could change anything any more: answered, or with a handler on another node.</summary>
    public HashSet<StreamId> Settled { get; } = [];

    public bool IsEmpty => Exchanges.Count == 0 && Settled.Count == 0;

    /// <summary>In bytes, about.</summary>
    public long Length => Exchanges.Values.Sum(body => (long)body.Length + PerStream) + (PerStream * (long)Settled.Count);

    /// <summary>Writes one request down, if there is room for it and if it can be read back: nothing that is kept may fail a roll-back or a move later.</summary>
    /// <param name="room">Bytes that the connection may take.</param>
    public void Add(ExchangeState exchange, long room, Instant now)
    {
        room = long.Min(room, MaxLength) - Length - PerStream;
        // Known before anything is written: what has no room costs nothing.
        if (exchange.SavedState.Length + exchange.Unread.Length > room)
        {
            return;
        }

        SnapshotWriter writer = new(now);
        exchange.Export(writer);
        try
        {
            byte[] body = writer.Written.ToArray();
            if (body.Length <= room)
            {
                _ = ExchangeState.Import(new(body, now));
                Exchanges.Add(exchange.Id, body);
            }
        }
        catch (SnapshotException)
        {
            // It is as if there were no room.
        }
        finally
        {
            writer.Wipe();
        }
    }

    /// <summary>Reads all of them back.</summary>
    /// <param name="takenAt">When they were written down, by this machine's clock.</param>
    /// <exception cref="SnapshotException">One is malformed.</exception>
    public Dictionary<StreamId, ExchangeState> Restore(Instant takenAt) =>
        Exchanges.ToDictionary(entry => entry.Key, entry => ExchangeState.Import(new(entry.Value, takenAt)));

    /// <summary>Requests hold what clients have sent, and what handlers have made of it.</summary>
    public void Wipe()
    {
        foreach (byte[] body in Exchanges.Values)
        {
            CryptographicOperations.ZeroMemory(body);
        }
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)Exchanges.Count);
        foreach ((StreamId id, byte[] body) in Exchanges)
        {
            writer.WriteNumber(id.Value);
            writer.WriteBytes(body);
        }

        writer.WriteNumber((ulong)Settled.Count);
        foreach (StreamId id in Settled)
        {
            writer.WriteNumber(id.Value);
        }
    }

    /// <exception cref="SnapshotException">Malformed, or an exchange in it is.</exception>
    public static ConnectionCheckpoint Import(SnapshotReader reader, Instant takenAt)
    {
        ConnectionCheckpoint checkpoint = new();
        for (int left = reader.ReadCount(); left > 0; left--)
        {
            StreamId id = new(reader.ReadNumber(VarInt.MaxValue));
            byte[] body = reader.ReadBytes().ToArray();
            if (!checkpoint.Exchanges.TryAdd(id, body) || ExchangeState.Import(new(body, takenAt)).Id != id)
            {
                throw new SnapshotException("an exchange of a checkpoint is another stream's");
            }
        }

        for (int left = reader.ReadCount(); left > 0; left--)
        {
            if (!checkpoint.Settled.Add(new(reader.ReadNumber(VarInt.MaxValue))))
            {
                throw new SnapshotException("a checkpoint names a stream twice");
            }
        }

        // As when it was made.
        return !checkpoint.IsEmpty && (checkpoint.Exchanges.Count == 0 || checkpoint.Length <= MaxLength)
            ? checkpoint : throw new SnapshotException("a checkpoint keeps too much of a connection, or nothing");
    }
}
