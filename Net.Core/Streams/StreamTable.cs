using Net.Core.Errors;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>All streams of a connection: what the application does to them, and the doors for frames in, frames out, and their fate.</summary>
/// <remarks>
/// <para>Reading: after <see cref="StreamEventKind.Readable"/> take <see cref="Peek"/> and <see cref="Consume"/> until Peek is empty, then ask
/// <see cref="ReadState"/>: an end that was told once counts as seen, and lets go of the reading side. Taking
/// <see cref="StreamEventKind.ResetByPeer"/> sees the end as well.</para>
/// <para>Writing: ends with FIN or with <see cref="Reset"/>, also after <see cref="StreamEventKind.StoppedByPeer"/>. Until then the stream counts
/// against the peer's limit, so that its work here is finished before the peer may ask for more (checklist S53).</para>
/// <para>Calls for a stream that is not there any more change nothing: an application may be late. Unknown numbers are the caller's mistake.</para>
/// </remarks>
internal sealed class StreamTable
{
    private readonly StreamSet _streams;
    private readonly StreamInbound _inbound;
    private readonly StreamOutbound _outbound;

    public StreamTable(bool isServer, StreamOptions options) : this(new StreamSet(isServer, options)) { }

    private StreamTable(StreamSet streams)
    {
        _streams = streams;
        _inbound = new(streams);
        _outbound = new(streams);
    }

    public StreamOptions Options => _streams.Options;

    public int Count => _streams.Count;

    /// <summary>The streams that are open, in no order.</summary>
    public IEnumerable<StreamId> Open => _streams.Open.Select(entry => entry.Id);

    /// <summary>Bytes received that the application has not read, of all streams.</summary>
    public ulong Unread => _streams.Credit.Received - _streams.Credit.Returned;

    /// <summary>Bytes that the peer may be ahead of all readers, as the window stands now.</summary>
    public ulong ConnectionWindow => _streams.Credit.Window;

    /// <summary>Bytes of streams sent for the first time, and received, retransmissions not counted.</summary>
    public ulong Sent => _streams.Credit.Sent;

    /// <inheritdoc cref="Sent"/>
    public ulong Received => _streams.Credit.Received;

    /// <summary>Memory held by buffers, in bytes.</summary>
    public long Rented => _streams.Open.Sum(entry => (entry.Send?.Rented ?? 0) + (entry.Receive?.Rented ?? 0));

    /// <summary>To be called before any stream is opened, and once more when they were only remembered and the true ones are no smaller.</summary>
    public void OnPeerParameters(TransportParameters parameters) => OnPeerParameters(new PeerStreamLimits(
        parameters.InitialMaxData,
        parameters.InitialMaxStreamDataBidiLocal,
        parameters.InitialMaxStreamDataBidiRemote,
        parameters.InitialMaxStreamDataUni,
        parameters.InitialMaxStreamsBidi,
        parameters.InitialMaxStreamsUni));

    /// <inheritdoc cref="OnPeerParameters(TransportParameters)"/>
    public void OnPeerParameters(in PeerStreamLimits limits) => _streams.SetPeer(limits);

    public PeerStreamLimits PeerLimits => _streams.Peer;

    /// <summary>What <see cref="Describe"/> said of us.</summary>
    public PeerStreamLimits LocalLimits => new(
        Options.ConnectionWindow,
        Options.LocalBidirectionalWindow,
        Options.RemoteBidirectionalWindow,
        Options.UnidirectionalWindow,
        Options.MaxBidirectional,
        Options.MaxUnidirectional);

    /// <summary>Takes remembered limits back, so that smaller ones may follow; false when a stream was opened under them.</summary>
    public bool TryForgetPeer() => _streams.TryForgetPeer();

    /// <summary>Our own limits, into the transport parameters that we send.</summary>
    public static TransportParameters Describe(TransportParameters parameters, StreamOptions options) => parameters with
    {
        InitialMaxData = options.ConnectionWindow,
        InitialMaxStreamDataBidiLocal = options.LocalBidirectionalWindow,
        InitialMaxStreamDataBidiRemote = options.RemoteBidirectionalWindow,
        InitialMaxStreamDataUni = options.UnidirectionalWindow,
        InitialMaxStreamsBidi = options.MaxBidirectional,
        InitialMaxStreamsUni = options.MaxUnidirectional,
    };

    /// <summary>False while the peer allows no more: <see cref="StreamEventKind.StreamsAvailable"/> follows when it does.</summary>
    public bool TryOpen(bool unidirectional, out StreamId id)
    {
        StreamEntry? entry = _streams.TryOpen(unidirectional);
        id = entry?.Id ?? default;
        return entry is not null;
    }

    /// <summary>How many streams of a kind the peer permits in all, those included that were opened and closed.</summary>
    public ulong Permitted(bool unidirectional) => _streams.Limits.BlockedLimit(unidirectional);

    /// <summary>Whether a stream of the peer is within the limit that it was told, opened or not.</summary>
    public bool IsPermitted(StreamId id) => _streams.Limits.IsPermitted(id);

    public bool Exists(StreamId id) => _streams.Find(id) is not null;

    /// <summary>Takes as many bytes as there is room for (0 for a stream that takes no more); FIN is taken only with the last.</summary>
    /// <exception cref="InvalidOperationException">FIN was written before, or only the peer sends on this stream.</exception>
    public int Write(StreamId id, ReadOnlySpan<byte> data, bool fin)
    {
        if (Find(id) is not StreamEntry entry)
        {
            return 0;
        }

        int count = SendOf(entry).Write(data, fin);
        _streams.Settle(entry);
        return count;
    }

    /// <summary>Bytes that would be taken now; after 0, <see cref="StreamEventKind.Writable"/> follows.</summary>
    public int WriteRoom(StreamId id) => Find(id) is StreamEntry entry ? SendOf(entry).AskRoom() : 0;

    /// <summary>Bytes that were taken and that the peer has not acknowledged in order.</summary>
    public ulong Unacknowledged(StreamId id) => Find(id)?.Send?.Held ?? 0;

    public WriteEnd WriteState(StreamId id) => Find(id) is StreamEntry entry ? SendOf(entry).End : new(WriteEndKind.Closed);

    /// <summary>The next bytes that lie together; empty when there is nothing to read. Valid until the next call.</summary>
    public ReadOnlySpan<byte> Peek(StreamId id) => Find(id) is StreamEntry entry ? ReceiveOf(entry).Peek() : default;

    /// <summary>Bytes of <see cref="Peek"/> that are done with: the peer may send as many more.</summary>
    public void Consume(StreamId id, int count)
    {
        if (count > 0 && Find(id) is StreamEntry entry)
        {
            ReceiveOf(entry).Consume(count, _streams.Credit);
            _streams.Settle(entry);
        }
    }

    /// <summary>How reading stands. An end that is told here is seen: the next answer may be <see cref="ReadEndKind.Closed"/>.</summary>
    public ReadEnd ReadState(StreamId id)
    {
        if (Find(id) is not StreamEntry entry)
        {
            return new(ReadEndKind.Closed);
        }

        ReadEnd end = ReceiveOf(entry).SeeEnd();
        if (end.Kind != ReadEndKind.Open)
        {
            _streams.Settle(entry);
        }

        return end;
    }

    /// <summary>Gives up sending; what was not sent is dropped. Also lets go of a stream that the peer has stopped, or that was finished: then nothing is sent.</summary>
    public void Reset(StreamId id, ulong code)
    {
        if (Find(id) is StreamEntry entry)
        {
            SendOf(entry).Reset(code);
            _streams.Withdraw(entry, StreamEventKind.Writable);
            _streams.Settle(entry);
        }
    }

    /// <summary>Gives up reading; what came and comes is dropped.</summary>
    public void StopSending(StreamId id, ulong code)
    {
        if (Find(id) is StreamEntry entry)
        {
            ReceiveOf(entry).StopSending(code, _streams.Credit);
            _streams.Withdraw(entry, StreamEventKind.Readable);
            _streams.Settle(entry);
        }
    }

    /// <param name="id">The stream.</param>
    /// <param name="urgency">0 first, 7 last; 3 unless set (RFC 9218, section 4.1).</param>
    /// <param name="incremental">Takes turns with others of its urgency, rather than one after the other.</param>
    public void SetPriority(StreamId id, int urgency, bool incremental)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(urgency);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(urgency, StreamSchedule.Urgencies);
        if (Find(id) is StreamEntry entry)
        {
            _streams.SetPriority(entry, (byte)urgency, incremental);
        }
    }

    /// <summary>
    /// Keeps the stream among those that the peer has open, or lets go of it. A peer that gives up a request gets its stream back only when what
    /// works for the request has ended: it cannot have more of that than it may have streams (checklist S53, S54).
    /// </summary>
    public void SetHeld(StreamId id, bool isHeld)
    {
        if (Find(id) is StreamEntry entry && entry.IsHeld != isHeld)
        {
            _streams.SetHeld(entry, isHeld);
        }
    }

    /// <summary>What happened since, in order; each kind of event waits at most once per stream.</summary>
    public bool TryTakeEvent(out StreamEvent e)
    {
        for (int kind = 0; kind < 2; kind++)
        {
            if (_streams.Limits.TryTakeAvailable(kind == 1))
            {
                e = new(StreamEventKind.StreamsAvailable, StreamId.Of(_streams.Limits.OpenedByUs(kind == 1), _streams.IsServer, kind == 1));
                return true;
            }
        }

        if (!_streams.TryTake(out StreamEntry? entry, out StreamEventKind taken))
        {
            e = default;
            return false;
        }

        ulong code = taken switch
        {
            StreamEventKind.ResetByPeer => entry!.ResetCode,
            StreamEventKind.StoppedByPeer => entry!.StopCode,
            _ => 0,
        };
        e = new(taken, entry!.Id, code);
        if (taken == StreamEventKind.ResetByPeer)
        {
            entry.Receive?.SeeEnd();
            _streams.Settle(entry);
        }

        return true;
    }

    public TransportError On(in StreamFrame frame) => _inbound.On(frame);

    public TransportError On(in ResetStreamFrame frame) => _inbound.On(frame);

    public TransportError On(in StopSendingFrame frame) => _inbound.On(frame);

    public TransportError On(in MaxDataFrame frame) => _inbound.On(frame);

    public TransportError On(in MaxStreamDataFrame frame) => _inbound.On(frame);

    public TransportError On(in MaxStreamsFrame frame) => _inbound.On(frame);

    public TransportError On(in DataBlockedFrame frame) => _inbound.On(frame);

    public TransportError On(in StreamDataBlockedFrame frame) => _inbound.On(frame);

    public TransportError On(in StreamsBlockedFrame frame) => _inbound.On(frame);

    /// <summary>Something could be written now.</summary>
    public bool HasFrames => _outbound.HasFrames;

    /// <inheritdoc cref="StreamOutbound.WriteFrames"/>
    public void WriteFrames(ref PacketBuilder builder, Instant now = default, TimeSpan roundTrip = default) =>
        _outbound.WriteFrames(ref builder, now, roundTrip);

    /// <summary>Frames of other owners are passed over.</summary>
    public void OnAcked(in SentFrame frame) => _outbound.OnAcked(frame);

    /// <inheritdoc cref="OnAcked"/>
    public void OnLost(in SentFrame frame) => _outbound.OnLost(frame);

    /// <summary>
    /// Raises Readable, Writable, ResetByPeer and StoppedByPeer for the state as it is. After a move, when what handles the streams begins anew:
    /// events that its predecessor had taken and not dealt with are not lost, and one too many does no harm.
    /// </summary>
    public void Remind() => _streams.Remind();

    /// <summary>Returns all memory to the pools; every stream is gone.</summary>
    public void Release() => _streams.Release();

    /// <summary>Everything that travels, for an exporter to loop over; what has not changed it skips by (Section, Key, Changes).</summary>
    public IEnumerable<TravellingPart> Parts
    {
        get
        {
            yield return new(Credit.Section, 0, _streams.Credit.Changes, _streams.Credit.Export);
            yield return new(StreamLimits.Section, 0, _streams.Limits.Changes, _streams.Limits.Export);
            yield return new(SectionNumber.StreamTable, 0, _streams.Changes, _streams.Export);
            foreach (StreamEntry entry in _streams.Open)
            {
                if (entry.Send is SendStream send)
                {
                    yield return new(SendStream.Section, entry.Id.Value, send.Changes, send.Export);
                }

                if (entry.Receive is ReceiveStream receive)
                {
                    yield return new(ReceiveStream.Section, entry.Id.Value, receive.Changes, receive.Export);
                }
            }
        }
    }

    /// <summary>A table as <see cref="Parts"/> described it. Sections of streams that are not listed are not asked for.</summary>
    /// <param name="open">Finds the body of a section by number and key, and throws <see cref="SnapshotException"/> when it is not there.</param>
    /// <exception cref="SnapshotException">A section is missing, malformed, or contradicts another.</exception>
    public static StreamTable Import(Func<ulong, ulong, SnapshotReader> open) => new(StreamSet.Import(open));

    // Null when the stream is closed.
    private StreamEntry? Find(StreamId id) => _streams.Find(id) is StreamEntry entry
        ? entry
        : _streams.WasOpened(id) ? null : throw new ArgumentOutOfRangeException(nameof(id), id, "the stream was never opened");

    private static SendStream SendOf(StreamEntry entry) =>
        entry.Send ?? throw new InvalidOperationException("only the peer sends on this stream");

    private static ReceiveStream ReceiveOf(StreamEntry entry) =>
        entry.Receive ?? throw new InvalidOperationException("the peer does not send on this stream");
}
