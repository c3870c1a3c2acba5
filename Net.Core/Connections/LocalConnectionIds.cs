using Net.Core.Errors;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>The IDs that the peer may send to: which were issued, told, acknowledged and retired (RFC 9000, section 5.1).</summary>
/// <remarks>Only numbers are kept: an ID is derived from its sequence number whenever it is needed.</remarks>
internal sealed class LocalConnectionIds : IPart<LocalConnectionIds>
{
    /// <summary>IDs that the peer holds at a time, whatever it would accept.</summary>
    public const int MaxActive = 4;

    private readonly byte[] _secret;
    private readonly SortedSet<ulong> _untold = [];
    private readonly List<ulong> _active = [];
    private readonly Queue<Change> _changesOfRoutes = new();
    private ulong _next;
    private ulong _told = 1;
    private ulong _limit = 1;

    /// <param name="shard">Logical shard that routers read in each ID.</param>
    /// <param name="secret">16 bytes of the connection's own.</param>
    public LocalConnectionIds(uint shard, ReadOnlySpan<byte> secret)
    {
        Shard = shard;
        _secret = secret.ToArray();
        // The first ID is told in the handshake's long headers, never in a frame.
        Add();
    }

    private LocalConnectionIds(uint shard, byte[] secret, ulong next, ulong told, ulong limit)
    {
        Shard = shard;
        _secret = secret;
        _next = next;
        _told = told;
        _limit = limit;
    }

    /// <summary>The endpoint's table of routes must follow.</summary>
    public readonly record struct Change(ulong SequenceNumber, bool IsAdded);

    public static ulong Section => SectionNumber.LocalConnectionIds;

    public ulong Changes { get; private set; }

    public uint Shard { get; }

    public bool HasFrames => _untold.Count > 0;

    public IReadOnlyList<ulong> Active => _active;

    public ConnectionId Derive(ConnectionKeys keys, ulong sequenceNumber)
    {
        ConnectionId id = ConnectionIdDeriver.Derive(keys.ConnectionIdKey.Span, keys.Config, Shard, _secret, sequenceNumber, keys.Cipher);
        return keys.Thread is ThreadMark mark ? mark.Write(id) : id;
    }

    /// <summary>8 bytes that nobody can guess, different for each purpose and occasion.</summary>
    public ulong DeriveSecret(ConnectionKeys keys, SecretPurpose purpose, ulong occasion) =>
        ConnectionIdDeriver.DeriveSecret(keys.ResetKey.Span, _secret, purpose, occasion);

    public bool TryTakeChange(out Change change) => _changesOfRoutes.TryDequeue(out change);

    /// <param name="limit">The peer's active_connection_id_limit, at least 2 (RFC 9000, section 18.2).</param>
    public void OnPeerLimit(ulong limit)
    {
        _limit = ulong.Min(limit, MaxActive);
        Changes++;
    }

    /// <summary>One more ID that no frame tells: it comes with a preferred address (RFC 9000, section 5.1.1).</summary>
    public ulong TellInHandshake()
    {
        ulong number = Add();
        _told = number + 1;
        return number;
    }

    /// <summary>Issues as many as the peer may hold; from the end of the handshake on.</summary>
    public void Issue()
    {
        while ((ulong)_active.Count < _limit)
        {
            _untold.Add(Add());
        }
    }

    /// <param name="frame">The peer will not use the ID any more.</param>
    /// <param name="arrivedWith">Sequence number of the ID that the packet with the frame came to (RFC 9000, section 19.16).</param>
    public TransportError On(RetireConnectionIdFrame frame, ulong? arrivedWith)
    {
        // What was never told cannot be given back: else one packet would pull hundreds of new IDs (checklist S12, S14).
        if (frame.SequenceNumber >= _told || frame.SequenceNumber == arrivedWith)
        {
            return TransportError.ProtocolViolation("retires an ID that was not issued or is in use", FrameType.RetireConnectionId);
        }

        if (_active.Remove(frame.SequenceNumber))
        {
            _untold.Remove(frame.SequenceNumber);
            _changesOfRoutes.Enqueue(new(frame.SequenceNumber, IsAdded: false));
            Changes++;
            Issue();
        }

        return TransportError.None;
    }

    public void WriteFrames(ref PacketBuilder builder, ConnectionKeys keys)
    {
        while (_untold.Count > 0)
        {
            ulong number = _untold.Min;
            ConnectionId id = Derive(keys, number);
            NewConnectionIdFrame frame = new(number, RetirePriorTo: 0, id, ConnectionIdDeriver.DeriveToken(keys.ResetKey.Span, id));
            if (!builder.TryWrite(frame, new(SentFrameKind.NewConnectionId, number)))
            {
                return;
            }

            _untold.Remove(number);
            _told = ulong.Max(_told, number + 1);
            Changes++;
        }
    }

    public void OnLost(ulong sequenceNumber)
    {
        if (_active.Contains(sequenceNumber))
        {
            _untold.Add(sequenceNumber);
            Changes++;
        }
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(Shard);
        writer.WriteBytes(_secret);
        writer.WriteNumber(_next);
        writer.WriteNumber(_told);
        writer.WriteNumber(_limit);
        writer.WriteNumber((ulong)_active.Count);
        foreach (ulong number in _active)
        {
            writer.WriteNumber(number);
            writer.WriteBool(_untold.Contains(number));
        }
    }

    public static LocalConnectionIds Import(SnapshotReader reader)
    {
        LocalConnectionIds ids = new(
            (uint)reader.ReadNumber(uint.MaxValue),
            reader.ReadBytes(16).ToArray(),
            next: reader.ReadNumber(VarInt.MaxValue),
            told: reader.ReadNumber(VarInt.MaxValue),
            limit: reader.ReadNumber(MaxActive));
        int count = (int)reader.ReadNumber(MaxActive);
        bool sound = count > 0 && ids._told is > 0 && ids._told <= ids._next && ids._limit > 0;
        for (int i = 0; i < count; i++)
        {
            ulong number = reader.ReadNumber();
            bool isUntold = reader.ReadBool();
            sound &= number < ids._next && (i == 0 || number > ids._active[i - 1]) && (isUntold || number < ids._told);
            ids._active.Add(number);
            ids._changesOfRoutes.Enqueue(new(number, IsAdded: true));
            if (isUntold)
            {
                ids._untold.Add(number);
            }
        }

        return sound ? ids : throw new SnapshotException("connection IDs contradict each other");
    }

    private ulong Add()
    {
        ulong number = _next++;
        _active.Add(number);
        _changesOfRoutes.Enqueue(new(number, IsAdded: true));
        Changes++;
        return number;
    }
}
