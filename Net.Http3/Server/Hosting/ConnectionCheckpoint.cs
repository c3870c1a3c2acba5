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
    public Dictionary<StreamId, ReadOnlyMemory<byte>> Exchanges { get; } = [];

    /// <summary>Requests of which no handler here could change anything any more: answered, or with a handler on another node.</summary>
    public HashSet<StreamId> Settled { get; } = [];

    public bool IsEmpty => Exchanges.Count == 0 && Settled.Count == 0;

    /// <summary>In bytes, about.</summary>
    public long Length => Exchanges.Values.Sum(body => (long)body.Length + PerStream) + (PerStream * (long)Settled.Count);

    /// <returns><c>false</c>: there is no room for it.</returns>
    public bool TryAdd(StreamId id, ReadOnlySpan<byte> exchange)
    {
        bool hasRoom = Length + exchange.Length <= MaxLength;
        if (hasRoom)
        {
            Exchanges.Add(id, exchange.ToArray());
        }

        return hasRoom;
    }

    /// <param name="takenAt">When it was written down, by this machine's clock.</param>
    /// <returns><c>null</c>: there was no such request.</returns>
    public ExchangeState? Restore(StreamId id, Instant takenAt) =>
        Exchanges.TryGetValue(id, out ReadOnlyMemory<byte> body) ? ExchangeState.Import(new(body, takenAt)) : null;

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)Exchanges.Count);
        foreach ((StreamId id, ReadOnlyMemory<byte> body) in Exchanges)
        {
            writer.WriteNumber(id.Value);
            writer.WriteBytes(body.Span);
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
            if (!checkpoint.Exchanges.TryAdd(id, reader.ReadBytes().ToArray()) || checkpoint.Restore(id, takenAt)!.Id != id)
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

        return checkpoint;
    }
}
