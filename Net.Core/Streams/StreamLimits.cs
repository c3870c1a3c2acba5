using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>How many streams of each kind were opened and may be, both ways (RFC 9000, sections 2.1 and 4.6).</summary>
/// <remarks>
/// <para>Streams of a kind are opened in order, and one that is skipped is opened with its successor. So a number below "opened" that is not in
/// the table is a closed stream: nothing more is needed to know that it must not open again, after a move as before.</para>
/// <para>A stream is given back to the peer only when it is closed on our side too: a peer that resets at once gains nothing (checklist S52, S53).</para>
/// </remarks>
internal sealed class StreamLimits : IPart<StreamLimits>
{
    /// <summary>No MAX_STREAMS may go beyond (RFC 9000, section 19.11).</summary>
    public const ulong MaxCount = 1UL << 60;

    // 0 = bidirectional, 1 = unidirectional.
    private readonly Kind[] _kinds;

    public StreamLimits(ulong maxBidirectional, ulong maxUnidirectional) =>
        _kinds = [new() { Peer = new(maxBidirectional) }, new() { Peer = new(maxUnidirectional) }];

    private StreamLimits(Kind[] kinds) => _kinds = kinds;

    public static ulong Section => SectionNumber.StreamLimits;

    public ulong Changes { get; private set; } = 1;

    public ulong OpenedByPeer(bool unidirectional) => Of(unidirectional).PeerOpened;

    public ulong OpenedByUs(bool unidirectional) => Of(unidirectional).Opened;

    /// <summary>Streams of the peer that are open now.</summary>
    public ulong PeerOpen(bool unidirectional) => Of(unidirectional).PeerOpened - Of(unidirectional).Peer.Returned;

    /// <summary>Whether a stream of the peer is within the limit that it was told, opened or not.</summary>
    public bool IsPermitted(StreamId id) => id.Index < Of(id.IsUnidirectional).Peer.Told;

    /// <summary>The peer opens all streams below <paramref name="count"/>; false when it may not.</summary>
    public bool TryOpenByPeer(bool unidirectional, ulong count)
    {
        ref Kind kind = ref Of(unidirectional);
        if (count > kind.Peer.Told)
        {
            return false;
        }

        kind.PeerOpened = ulong.Max(kind.PeerOpened, count);
        Changes++;
        return true;
    }

    /// <summary>False when the peer must raise its limit first; then it is told that we wait, and <see cref="TryTakeAvailable"/> will say when it has.</summary>
    public bool TryOpen(bool unidirectional, out ulong index)
    {
        ref Kind kind = ref Of(unidirectional);
        index = kind.Opened;
        Changes++;
        if (kind.Opened < kind.Own.Limit)
        {
            kind.Opened++;
            return true;
        }

        kind.Own.OnBlocked();
        kind.IsAwaited = true;
        return false;
    }

    /// <summary>A stream of the peer was closed by both.</summary>
    public void OnClosed(bool unidirectional)
    {
        Of(unidirectional).Peer.Return(1);
        Changes++;
    }

    public void OnMaxStreams(bool unidirectional, ulong limit) => Changes += Of(unidirectional).Own.Raise(limit) ? 1UL : 0;

    public void OnStreamsBlocked(bool unidirectional, ulong limit)
    {
        Of(unidirectional).Peer.OnBlocked(limit);
        Changes++;
    }

    /// <summary>Somebody found no stream to open, and now there is one.</summary>
    public bool TryTakeAvailable(bool unidirectional)
    {
        ref Kind kind = ref Of(unidirectional);
        if (!kind.IsAwaited || kind.Opened == kind.Own.Limit)
        {
            return false;
        }

        kind.IsAwaited = false;
        Changes++;
        return true;
    }

    public bool TellsLimit(bool unidirectional) => Of(unidirectional).Peer.IsPending;

    public bool TellsBlocked(bool unidirectional) => Of(unidirectional).Own.IsPending;

    /// <summary>The limit to put into a MAX_STREAMS frame that is written now.</summary>
    public ulong Limit(bool unidirectional) => Of(unidirectional).Peer.Limit;

    /// <summary>The limit to put into a STREAMS_BLOCKED frame.</summary>
    public ulong BlockedLimit(bool unidirectional) => Of(unidirectional).Own.Limit;

    public void OnLimitTold(bool unidirectional)
    {
        Of(unidirectional).Peer.OnTold();
        Changes++;
    }

    public void OnBlockedTold(bool unidirectional)
    {
        Of(unidirectional).Own.OnTold();
        Changes++;
    }

    public void OnLimitLost(bool unidirectional, ulong limit)
    {
        Of(unidirectional).Peer.OnLost(limit);
        Changes++;
    }

    public void OnBlockedLost(bool unidirectional, ulong limit)
    {
        Of(unidirectional).Own.OnLost(limit);
        Changes++;
    }

    public void Export(SnapshotWriter writer)
    {
        foreach (Kind kind in _kinds)
        {
            kind.Peer.Export(writer);
            writer.WriteNumber(kind.PeerOpened);
            kind.Own.Export(writer);
            writer.WriteNumber(kind.Opened);
            writer.WriteBool(kind.IsAwaited);
        }
    }

    public static StreamLimits Import(SnapshotReader reader) => new([ImportKind(reader), ImportKind(reader)]);

    private static Kind ImportKind(SnapshotReader reader)
    {
        Kind kind = new()
        {
            Peer = Grant.Import(reader, MaxCount),
            PeerOpened = reader.ReadNumber(MaxCount),
            Own = Allowance.Import(reader),
            Opened = reader.ReadNumber(MaxCount),
            IsAwaited = reader.ReadBool(),
        };
        bool sound = kind.Peer.Returned <= kind.PeerOpened
            && kind.PeerOpened <= kind.Peer.Told
            && kind.Peer.Limit <= MaxCount
            && kind.Own.Limit <= MaxCount
            && kind.Opened <= kind.Own.Limit;
        return sound ? kind : throw new SnapshotException("stream counts contradict each other");
    }

    private ref Kind Of(bool unidirectional) => ref _kinds[unidirectional ? 1 : 0];

    private struct Kind
    {
        public Grant Peer;
        public ulong PeerOpened;
        public Allowance Own;
        public ulong Opened;
        public bool IsAwaited;
    }
}
