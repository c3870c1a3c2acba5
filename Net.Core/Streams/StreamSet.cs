using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>The open streams of a connection with everything that lists them: who opens, who may send, what is to be told.</summary>
/// <remarks>
/// <para>A stream is in the set from its opening until both directions are done; its number tells afterwards that it is closed (<see cref="StreamLimits"/>).</para>
/// <para>Whoever changes a stream calls <see cref="Settle"/> behind it: that puts it into the right queues, or closes it.</para>
/// </remarks>
internal sealed class StreamSet
{
    private readonly Dictionary<ulong, StreamEntry> _open = [];
    private StreamEntry? _latest;

    public StreamSet(bool isServer, StreamOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.StreamWindow, ReceiveBuffer.MaxWindow, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.LocalBidirectionalWindow, ReceiveBuffer.MaxWindow, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.RemoteBidirectionalWindow, ReceiveBuffer.MaxWindow, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.UnidirectionalWindow, ReceiveBuffer.MaxWindow, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.ConnectionWindow, ReceiveBuffer.MaxWindow, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxStreamWindow, ReceiveBuffer.MaxWindow, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxConnectionWindow, ReceiveBuffer.MaxWindow, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.SendBuffer, ReceiveBuffer.MaxWindow, nameof(options));
        IsServer = isServer;
        Options = options;
        Credit = new(options.ConnectionWindow);
        Limits = new(options.MaxBidirectional, options.MaxUnidirectional);
    }

    private StreamSet(bool isServer, StreamOptions options, Credit credit, StreamLimits limits)
    {
        IsServer = isServer;
        Options = options;
        Credit = credit;
        Limits = limits;
    }

    public bool IsServer { get; }

    public StreamOptions Options { get; }

    public Credit Credit { get; private set; }

    public StreamLimits Limits { get; private set; }

    public StreamSchedule Schedule { get; } = new();

    public StreamEventQueue Events { get; } = new();

    public PeerStreamLimits Peer { get; private set; }

    /// <summary>Counts changes of what the set itself writes down: the list of streams, their order and priority, the waiting events.</summary>
    public ulong Changes
    {
        get => field + Schedule.Moves;
        private set => field = value - Schedule.Moves;
    } = 1;

    public int Count => _open.Count;

    public IEnumerable<StreamEntry> Open => _open.Values;

    public void SetPeer(in PeerStreamLimits limits)
    {
        Peer = limits;
        Credit.OnMaxData(limits.MaxData);
        Limits.OnMaxStreams(unidirectional: false, limits.MaxStreamsBidi);
        Limits.OnMaxStreams(unidirectional: true, limits.MaxStreamsUni);
        foreach (StreamEntry entry in _open.Values.Where(entry => entry.Send is not null).ToArray())
        {
            entry.Send!.OnMaxStreamData(SendLimit(entry.Id));
            Settle(entry);
        }

        Changes++;
    }

    public bool TryForgetPeer()
    {
        if (Limits.OpenedByUs(unidirectional: false) + Limits.OpenedByUs(unidirectional: true) > 0)
        {
            return false;
        }

        Peer = default;
        Credit = new(Options.ConnectionWindow);
        Limits = new(Options.MaxBidirectional, Options.MaxUnidirectional);
        Changes++;
        return true;
    }

    public StreamEntry? Find(StreamId id)
    {
        if (_latest is not null && _latest.Id == id)
        {
            return _latest;
        }

        return _open.TryGetValue(id.Value, out StreamEntry? entry) ? _latest = entry : null;
    }

    public StreamEntry? TryOpen(bool unidirectional) =>
        Limits.TryOpen(unidirectional, out ulong index) ? Add(StreamId.Of(index, IsServer, unidirectional)) : null;

    /// <summary>False when the peer may not open it. The skipped ones are opened with it (RFC 9000, section 2.1).</summary>
    public bool TryOpenByPeer(StreamId id)
    {
        ulong opened = Limits.OpenedByPeer(id.IsUnidirectional);
        if (!Limits.TryOpenByPeer(id.IsUnidirectional, id.Index + 1))
        {
            return false;
        }

        for (ulong index = opened; index <= id.Index; index++)
        {
            Raise(Add(StreamId.Of(index, !IsServer, id.IsUnidirectional)), StreamEventKind.Opened);
        }

        return true;
    }

    /// <summary>It was opened, by whom ever, and may be closed by now.</summary>
    public bool WasOpened(StreamId id) => id.Index < (id.IsServerInitiated == IsServer
        ? Limits.OpenedByUs(id.IsUnidirectional)
        : Limits.OpenedByPeer(id.IsUnidirectional));

    /// <summary>Brings the lists in line with a stream that may have changed.</summary>
    public void Settle(StreamEntry entry)
    {
        if (!entry.IsDone)
        {
            Schedule.Update(entry);
            NoteBlocked();
            return;
        }

        if (!_open.Remove(entry.Id.Value))
        {
            return;
        }

        _latest = null;
        Schedule.Remove(entry);
        entry.Send?.Release();
        entry.Receive?.Release();
        if (entry.Id.IsServerInitiated != IsServer)
        {
            Limits.OnClosed(entry.Id.IsUnidirectional);
        }

        Events.Withdraw(entry, StreamEventKind.Readable);
        Events.Withdraw(entry, StreamEventKind.Writable);
        Raise(entry, StreamEventKind.Closed);
        Changes++;
    }

    public void Raise(StreamEntry entry, StreamEventKind kind) => Changes += Events.Raise(entry, kind) ? 1UL : 0;

    public void Withdraw(StreamEntry entry, StreamEventKind kind)
    {
        Events.Withdraw(entry, kind);
        Changes++;
    }

    public bool TryTake(out StreamEntry? entry, out StreamEventKind kind)
    {
        bool taken = Events.TryTake(out entry, out kind);
        Changes += taken ? 1UL : 0;
        return taken;
    }

    public void SetPriority(StreamEntry entry, byte urgency, bool isIncremental)
    {
        entry.Urgency = urgency;
        entry.IsIncremental = isIncremental;
        Changes++;
        Settle(entry);
    }

    public void SetHeld(StreamEntry entry, bool isHeld)
    {
        entry.IsHeld = isHeld;
        Changes++;
        Settle(entry);
    }

    public void Rotate(StreamEntry entry)
    {
        Schedule.Rotate(entry);
    }

    /// <summary>Raises what would have been raised for the state as it is: for an application that begins with streams that are there already.</summary>
    public void Remind()
    {
        foreach (StreamEntry entry in _open.Values)
        {
            if (entry.Receive is { HasNews: true } receive)
            {
                entry.ResetCode = receive.ResetCode;
                Raise(entry, receive.IsReset ? StreamEventKind.ResetByPeer : StreamEventKind.Readable);
            }

            if (entry.Send is { IsWritable: true })
            {
                Raise(entry, StreamEventKind.Writable);
            }

            if (entry.Send is { End.Kind: WriteEndKind.Stopped } send)
            {
                entry.StopCode = send.StopCode;
                Raise(entry, StreamEventKind.StoppedByPeer);
            }
        }
    }

    /// <summary>Returns all memory to the pools: the connection ends here.</summary>
    public void Release()
    {
        foreach (StreamEntry entry in _open.Values)
        {
            Schedule.Remove(entry);
            entry.Send?.Release();
            entry.Receive?.Release();
        }

        _open.Clear();
        _latest = null;
    }

    /// <summary>The section <see cref="SectionNumber.StreamTable"/>: a stream that it does not list is closed, whatever older sections say.</summary>
    public void Export(SnapshotWriter writer)
    {
        writer.WriteBool(IsServer);
        writer.WriteNumber(Options.StreamWindow);
        writer.WriteNumber(Options.ConnectionWindow);
        writer.WriteNumber(Options.MaxBidirectional);
        writer.WriteNumber(Options.MaxUnidirectional);
        writer.WriteNumber(Options.SendBuffer);
        writer.WriteNumber(Options.LocalBidirectionalWindow);
        writer.WriteNumber(Options.RemoteBidirectionalWindow);
        writer.WriteNumber(Options.UnidirectionalWindow);
        writer.WriteNumber(Options.MaxStreamWindow);
        writer.WriteNumber(Options.MaxConnectionWindow);
        writer.WriteNumber(Peer.MaxData);
        writer.WriteNumber(Peer.MaxStreamDataBidiLocal);
        writer.WriteNumber(Peer.MaxStreamDataBidiRemote);
        writer.WriteNumber(Peer.MaxStreamDataUni);
        writer.WriteNumber(Peer.MaxStreamsBidi);
        writer.WriteNumber(Peer.MaxStreamsUni);
        writer.WriteNumber((ulong)_open.Count);
        foreach (StreamEntry entry in Schedule.InOrder().Concat(_open.Values.Where(entry => !entry.WaitsToSend)))
        {
            writer.WriteNumber(entry.Id.Value);
            writer.WriteNumber(entry.Urgency);
            writer.WriteBool(entry.IsIncremental);
            writer.WriteBool(entry.IsHeld);
        }

        writer.WriteNumber((ulong)Events.Count);
        foreach (StreamEntry entry in Events.InOrder())
        {
            writer.WriteNumber(entry.Id.Value);
            writer.WriteNumber(entry.Events);
            writer.WriteNumber(entry.ResetCode);
            writer.WriteNumber(entry.StopCode);
        }
    }

    /// <param name="open">Finds the body of a section by number and key, and throws when it is not there.</param>
    /// <exception cref="SnapshotException">A section is missing, malformed, or contradicts another.</exception>
    public static StreamSet Import(Func<ulong, ulong, SnapshotReader> open)
    {
        Credit credit = Read<Credit>(open, 0);
        StreamLimits limits = Read<StreamLimits>(open, 0);
        SnapshotReader reader = open(SectionNumber.StreamTable, 0);
        bool isServer = reader.ReadBool();
        StreamOptions options = new()
        {
            StreamWindow = reader.ReadNumber(ReceiveBuffer.MaxWindow),
            ConnectionWindow = reader.ReadNumber(ReceiveBuffer.MaxWindow),
            MaxBidirectional = reader.ReadNumber(StreamLimits.MaxCount),
            MaxUnidirectional = reader.ReadNumber(StreamLimits.MaxCount),
            SendBuffer = reader.ReadNumber(ReceiveBuffer.MaxWindow),
            LocalBidirectionalWindow = reader.ReadNumber(ReceiveBuffer.MaxWindow),
            RemoteBidirectionalWindow = reader.ReadNumber(ReceiveBuffer.MaxWindow),
            UnidirectionalWindow = reader.ReadNumber(ReceiveBuffer.MaxWindow),
            MaxStreamWindow = reader.ReadNumber(ReceiveBuffer.MaxWindow),
            MaxConnectionWindow = reader.ReadNumber(ReceiveBuffer.MaxWindow),
        };
        StreamSet set = new(isServer, options, credit, limits)
        {
            Peer = new(
                reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue),
                reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(StreamLimits.MaxCount), reader.ReadNumber(StreamLimits.MaxCount)),
        };
        set.ImportStreams(reader, open);
        set.ImportEvents(reader);
        reader.End();
        set.Check();
        return set;
    }

    private void ImportStreams(SnapshotReader reader, Func<ulong, ulong, SnapshotReader> open)
    {
        ulong held = 0;
        int count = reader.ReadCount();
        for (int i = 0; i < count; i++)
        {
            StreamId id = new(reader.ReadNumber(VarInt.MaxValue));
            byte urgency = (byte)reader.ReadNumber(StreamSchedule.Urgencies - 1);
            bool isIncremental = reader.ReadBool();
            bool isHeld = reader.ReadBool();
            if (!WasOpened(id))
            {
                throw new SnapshotException("a stream is listed that was never opened");
            }

            StreamEntry entry = new(
                id,
                Sends(id) ? Read<SendStream>(open, id.Value) : null,
                Receives(id) ? Read<ReceiveStream>(open, id.Value) : null)
            {
                Urgency = urgency,
                IsIncremental = isIncremental,
                IsHeld = isHeld,
            };
            // Checked as we go: a snapshot must not make us hold more than the connection's window before it is refused.
            held += entry.Receive is ReceiveStream receive ? receive.Highest - receive.Returned : 0;
            if (held > Credit.Received - Credit.Returned)
            {
                throw new SnapshotException("the streams hold more than the connection's window");
            }

            if (entry.IsDone || !_open.TryAdd(id.Value, entry))
            {
                throw new SnapshotException("a stream is listed that is closed, or twice");
            }

            Schedule.Update(entry);
        }
    }

    private void ImportEvents(SnapshotReader reader)
    {
        const byte closed = 1 << (int)StreamEventKind.Closed;
        int count = reader.ReadCount();
        for (int i = 0; i < count; i++)
        {
            StreamId id = new(reader.ReadNumber(VarInt.MaxValue));
            // A stream that is closed lives on in its last events alone.
            StreamEntry? entry = Find(id);
            bool isClosed = entry is null;
            entry ??= new(id, null, null);
            byte events = (byte)reader.ReadNumber((closed << 1) - 1);
            entry.ResetCode = reader.ReadNumber(VarInt.MaxValue);
            entry.StopCode = reader.ReadNumber(VarInt.MaxValue);
            if (events == 0 || entry.Events != 0 || isClosed != ((events & closed) != 0) || !WasOpened(id))
            {
                throw new SnapshotException("an event contradicts its stream");
            }

            for (int kind = 0; kind <= (int)StreamEventKind.Closed; kind++)
            {
                if ((events & (1 << kind)) != 0)
                {
                    Events.Raise(entry, (StreamEventKind)kind);
                }
            }
        }
    }

    private void Check()
    {
        ulong received = 0, returned = 0, sent = 0;
        ulong bidirectional = 0, unidirectional = 0;
        foreach (StreamEntry entry in _open.Values)
        {
            received += entry.Receive?.Highest ?? 0;
            returned += entry.Receive?.Returned ?? 0;
            sent += entry.Send?.Sent ?? 0;
            ulong ofPeer = entry.Id.IsServerInitiated != IsServer ? 1UL : 0;
            (bidirectional, unidirectional) = entry.Id.IsUnidirectional ? (bidirectional, unidirectional + ofPeer) : (bidirectional + ofPeer, unidirectional);
        }

        bool sound = received <= Credit.Received
            && returned <= Credit.Returned
            && sent <= Credit.Sent
            // What was received and not given back is what open streams hold: closed ones gave back everything.
            && received - returned == Credit.Received - Credit.Returned
            && bidirectional == Limits.PeerOpen(unidirectional: false)
            && unidirectional == Limits.PeerOpen(unidirectional: true);
        if (!sound)
        {
            throw new SnapshotException("the streams contradict the connection's counts");
        }
    }

    // Said once per limit, see Allowance.
    private void NoteBlocked()
    {
        if (Schedule.HasFresh && Credit.Available == 0)
        {
            Credit.NoteBlocked();
        }
    }

    private StreamEntry Add(StreamId id)
    {
        StreamEntry entry = new(
            id,
            Sends(id) ? new(SendLimit(id), Options.SendBuffer) : null,
            Receives(id) ? new(WindowOf(id)) : null);
        _open.Add(id.Value, entry);
        Changes++;
        return entry;
    }

    private ulong SendLimit(StreamId id) => id switch
    {
        { IsUnidirectional: true } => Peer.MaxStreamDataUni,
        _ when id.IsServerInitiated == IsServer => Peer.MaxStreamDataBidiRemote,
        _ => Peer.MaxStreamDataBidiLocal,
    };

    private ulong WindowOf(StreamId id) => id.IsUnidirectional ? Options.UnidirectionalWindow
        : id.IsServerInitiated == IsServer ? Options.LocalBidirectionalWindow
        : Options.RemoteBidirectionalWindow;

    private bool Sends(StreamId id) => id.IsBidirectional || id.IsServerInitiated == IsServer;

    private bool Receives(StreamId id) => id.IsBidirectional || id.IsServerInitiated != IsServer;

    private static TPart Read<TPart>(Func<ulong, ulong, SnapshotReader> open, ulong key) where TPart : IPart<TPart>
    {
        SnapshotReader reader = open(TPart.Section, key);
        TPart part = TPart.Import(reader);
        reader.End();
        return part;
    }
}
