using Net.Core.Crypto;
using Net.Core.Errors;
using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>One QUIC connection (RFC 9000) as a pure state machine: no socket, no clock, no thread, no randomness of its own.</summary>
/// <remarks>
/// <para>
/// In go datagrams (<see cref="OnDatagram"/>), the time (<see cref="Tick"/> when
/// <see cref="Deadline"/> has passed), answers to its requests (<see cref="OnAnswer"/>) and the application's calls. Out come datagrams
/// (<see cref="TryTransmit"/>, until it gives none), events (<see cref="TryTakeEvent"/>), requests for slow or random work
/// (<see cref="TryTakeRequest"/>) and one deadline. After any call the caller asks for all four again. Time never goes back between two
/// calls. Same inputs, same outputs, byte for byte.
/// </para>
/// <para>
/// Moving: <see cref="Freeze"/>, <see cref="Export"/> any number of times, then exactly one of <see cref="Thaw"/> or
/// <see cref="Destroy"/>. While frozen, every other call throws: a frozen connection neither sends nor processes. Two owners of one
/// packet number space would reuse AEAD nonces (RFC 9001, section 5.3), so whoever exports a connection and lets another node import it
/// must own the decision which of the two goes on (docs/hand-over.md).
/// </para>
/// </remarks>
internal sealed class Connection
{
    private readonly ConnectionParts _parts;
    private readonly ExportLog _exports = new();
    private bool _isFrozen;
    private bool _isDestroyed;
    private bool _closeTold;
    private bool _isImported;
    private Instant _frozenAt;
    private ulong _calls;
    private ulong _copiedCalls = ulong.MaxValue;

    internal Connection(ConnectionParts parts) => _parts = parts;

    public bool IsServer => _parts.IsServer;

    public uint Version => _parts.Identity.Version;

    /// <summary>The logical shard in this connection's IDs; 0 for one that no router reads.</summary>
    public uint Shard => _parts.LocalIds.Shard;

    public ulong Epoch => _parts.Identity.Epoch;

    public uint KeyNumber => _parts.Identity.KeyNumber;

    public bool IsHandshakeComplete => _parts.Identity.Session is not null;

    /// <summary>RFC 9001, section 4.1.2. Only a confirmed connection can be exported.</summary>
    public bool IsConfirmed => _parts.Identity.IsConfirmed;

    /// <summary>Neither closing nor closed.</summary>
    public bool IsOpen => _parts.Lifecycle.IsOpen;

    /// <summary>The ID that the client's first packet was sent to.</summary>
    public ConnectionId OriginalDestination => _parts.Identity.OriginalDestination;

    public bool IsClosed => _parts.Lifecycle.State == ConnectionState.Closed;

    public bool IsFrozen => _isFrozen;

    /// <summary>
    /// Grows with every call that may change something, and with none of a move's own: while it stands still, so does the connection. A copy that
    /// was made at the same count needs no completion, which is cheaper to know than to ask every part.
    /// </summary>
    public ulong Calls => _calls;

    /// <summary>When it was frozen, or imported: the time to write an export with.</summary>
    public Instant FrozenAt => _frozenAt;

    public CloseReason? CloseReason => _parts.Lifecycle.Reason;

    /// <summary>Null before the handshake is complete; with 0-RTT before that already, then without its secrets.</summary>
    public TlsSession? Session => _parts.Identity.Session ?? _parts.EarlySession;

    /// <summary>What became of 0-RTT data, or is to become of it.</summary>
    public EarlyDataState EarlyData => _parts.Identity.Session?.EarlyData ?? _parts.Tls?.EarlyData ?? EarlyDataState.None;

    /// <summary>Of a client that resumes: what the application protocol kept with the ticket (see <see cref="KeepForEarlyData"/>).</summary>
    public ReadOnlyMemory<byte>? KeptForEarlyData => _parts.Handshake?.Offered?.ApplicationState;

    public NetworkPath Path => _parts.Path.Current;

    /// <summary>The path for applications to see: the newest one that the peer has proven (RFC 9000, section 9.3).</summary>
    public NetworkPath ValidatedPath => _parts.Path.Validated;

    public RttEstimator Rtt => _parts.Recovery.Rtt;

    /// <summary>What the peer said of itself; null until it did.</summary>
    public TransportParameters? PeerParameters => _parts.Peer;

    internal ConnectionParts Parts => _parts;

    /// <summary>Where an endpoint notes that this connection has something to do.</summary>
    internal IConnectionRegistration? Registration { get; set; }

    /// <summary>When <see cref="Tick"/> wants to be called.</summary>
    public Instant Deadline
    {
        get
        {
            ConnectionParts c = _parts;
            if (_isFrozen || c.Lifecycle.State is ConnectionState.Closed)
            {
                return Instant.Never;
            }

            if (!c.Lifecycle.IsOpen)
            {
                return c.Lifecycle.Deadline;
            }

            // Who may not send has no use for a timer to do so: it would run out again and again.
            Instant deadline = c.MaySpeak ? Instant.Min(c.Recovery.Deadline, c.Recovery.AckDeadline) : Instant.Never;
            deadline = Instant.Min(deadline, c.Idle.Deadline(c.Pto));
            deadline = Instant.Min(deadline, c.Path.Deadline);
            return Instant.Min(deadline, c.Timers.Deadline(c.Idle.Timeout));
        }
    }

    public void OnDatagram(Span<byte> datagram, in NetworkPath path, Ecn ecn, ulong? arrivedWith, Instant now)
    {
        ThrowIfFrozen();
        Inbound.OnDatagram(_parts, datagram, path, ecn, arrivedWith, now);
        _parts.Recovery.IsAmplificationBlocked = !_parts.MaySpeak;
        OnStepped(now);
    }

    /// <summary>No packet of the peer has opened yet.</summary>
    internal bool IsUntouched => IsOpen && _parts.Received(PacketNumberSpace.Initial).Largest is null && !IsHandshakeComplete;

    /// <summary>A datagram that leads to no connection ends with a reset token of an ID that we send to (RFC 9000, section 10.3.1).</summary>
    internal void OnStatelessReset(Instant now)
    {
        ThrowIfFrozen();
        Inbound.OnStatelessReset(_parts, now);
        OnStepped(now);
    }

    /// <summary>The system has heard that nobody listens at the peer's port (ICMP).</summary>
    internal void OnRefused(Instant now)
    {
        ThrowIfFrozen();
        Inbound.OnRefused(_parts, now);
        OnStepped(now);
    }

    public void Tick(Instant now)
    {
        ThrowIfFrozen();
        _parts.Recovery.IsAmplificationBlocked = !_parts.MaySpeak;
        Timekeeping.Tick(_parts, now);
        OnStepped(now);
    }

    /// <summary>Writes the next datagrams: equally long ones for one address, each behind <paramref name="headroom"/> free bytes.</summary>
    /// <param name="buffer">At least <c>headroom</c> + 1,200 bytes; 64 times that for full batches.</param>
    /// <returns>False when there is nothing to send now.</returns>
    public bool TryTransmit(Span<byte> buffer, int headroom, Instant now, out Transmit transmit)
    {
        ThrowIfFrozen();
        bool any = Packetizer.TryTransmit(_parts, buffer, headroom, now, out transmit);
        _parts.Recovery.IsAmplificationBlocked = !_parts.MaySpeak;
        if (any)
        {
            Observation.OnStep(_parts, now);
        }

        return any;
    }

    /// <summary>The datagrams of the latest <see cref="TryTransmit"/> were thrown away: their numbers stay spent, their frames are queued again.</summary>
    public void OnNotSent(in Transmit transmit)
    {
        ThrowIfFrozen();
        Feedback.OnNotSent(_parts, transmit);
    }

    public bool TryTakeEvent(out ConnectionEvent taken)
    {
        ThrowIfFrozen();
        if (_parts.Events.TryDequeue(out taken))
        {
            return true;
        }

        if (_parts.Streams.TryTakeEvent(out StreamEvent stream))
        {
            taken = new(ConnectionEventKind.Stream, stream);
            return true;
        }

        if (_parts.Datagrams.TryTakeNews())
        {
            taken = new(ConnectionEventKind.Datagram);
            return true;
        }

        if (!_closeTold && !_parts.Lifecycle.IsOpen)
        {
            _closeTold = true;
            taken = new(ConnectionEventKind.Closed);
            return true;
        }

        return false;
    }

    public bool TryTakeRequest([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out CryptoRequest? request)
    {
        ThrowIfFrozen();
        request = null;
        return _parts.Tls is ITlsHandshake tls && tls.TryTakeRequest(out request);
    }

    public void OnAnswer(CryptoAnswer answer, Instant now)
    {
        ThrowIfFrozen();
        if (!_parts.Lifecycle.IsOpen)
        {
            return;
        }

        TransportError error = Handshaking.OnAnswer(_parts, answer, now);
        if (error.IsError)
        {
            _parts.Fail(error, now);
        }

        Inbound.OnKeysChanged(_parts, now);
        OnStepped(now);
    }

    /// <summary>Serves this client with other options than the endpoint's: before the answer to the handshake's <see cref="SelectCertificateRequest"/>.</summary>
    /// <exception cref="InvalidOperationException">It is too late.</exception>
    public void Configure(ConnectionOptions options, Instant now)
    {
        ThrowIfFrozen();
        Handshaking.Configure(_parts, options, now);
        Registration?.Touch();
    }

    /// <summary>Opens a stream, or says that the peer does not permit one more now: then StreamsAvailable follows.</summary>
    public bool TryOpen(bool unidirectional, out StreamId id)
    {
        ThrowIfFrozen();
        return _parts.Streams.TryOpen(unidirectional, out id);
    }

    /// <returns>Bytes accepted, 0 when the send buffer is full (then Writable follows); <paramref name="fin"/> counts only when all were.</returns>
    public int Write(StreamId id, ReadOnlySpan<byte> bytes, bool fin)
    {
        ThrowIfFrozen();
        Registration?.Touch();
        return _parts.Streams.Write(id, bytes, fin);
    }

    public int WriteRoom(StreamId id)
    {
        ThrowIfFrozen();
        return _parts.Streams.WriteRoom(id);
    }

    public ulong Unacknowledged(StreamId id) => _parts.Streams.Unacknowledged(id);

    /// <inheritdoc cref="StreamTable.WriteState"/>
    public WriteEnd WriteState(StreamId id) => _parts.Streams.WriteState(id);

    /// <summary>Readable bytes that lie together, without taking them.</summary>
    public ReadOnlySpan<byte> Peek(StreamId id) => _parts.Streams.Peek(id);

    public void Consume(StreamId id, int count)
    {
        ThrowIfFrozen();
        Registration?.Touch();
        _parts.Streams.Consume(id, count);
    }

    public ReadEnd ReadState(StreamId id)
    {
        ThrowIfFrozen();
        bool hadFrames = _parts.Streams.HasFrames;
        ReadEnd end = _parts.Streams.ReadState(id);
        if (!hadFrames && _parts.Streams.HasFrames)
        {
            // The end of a stream that was seen lets the peer open another one.
            Registration?.Touch();
        }

        return end;
    }

    public void Reset(StreamId id, ulong code)
    {
        ThrowIfFrozen();
        Registration?.Touch();
        _parts.Streams.Reset(id, code);
    }

    /// <summary>Whether a stream of the peer is within the limit that it was told, opened or not.</summary>
    public bool IsPermitted(StreamId id) => _parts.Streams.IsPermitted(id);

    public void StopSending(StreamId id, ulong code)
    {
        ThrowIfFrozen();
        Registration?.Touch();
        _parts.Streams.StopSending(id, code);
    }

    public void SetPriority(StreamId id, int urgency, bool incremental)
    {
        ThrowIfFrozen();
        _parts.Streams.SetPriority(id, urgency, incremental);
    }

    /// <summary>Bytes of the longest datagram that can be sent now; below 0 while the peer takes none. It changes with the path's MTU.</summary>
    public int MaxDatagram => _parts.MaxDatagram;

    /// <summary>Sends bytes once, without any promise (RFC 9221). When too many wait already, the oldest of them is dropped.</summary>
    /// <returns>False when it is longer than <see cref="MaxDatagram"/>: it was not taken.</returns>
    public bool SendDatagram(ReadOnlySpan<byte> data)
    {
        ThrowIfFrozen();
        if (!IsOpen || data.Length > _parts.MaxDatagram)
        {
            return false;
        }

        _parts.Datagrams.Send(data);
        Registration?.Touch();
        return true;
    }

    /// <summary>The oldest datagram that waits; it goes on waiting until <see cref="ConsumeDatagram"/>.</summary>
    public bool TryPeekDatagram([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out byte[]? data)
    {
        ThrowIfFrozen();
        return _parts.Datagrams.TryPeek(out data);
    }

    public void ConsumeDatagram()
    {
        ThrowIfFrozen();
        _parts.Datagrams.Consume();
    }

    /// <summary>See <see cref="StreamTable.SetHeld"/>.</summary>
    public void SetHeld(StreamId id, bool isHeld)
    {
        ThrowIfFrozen();
        _parts.Streams.SetHeld(id, isHeld);
    }

    /// <summary>All streams that are open, for an application that takes over an imported connection.</summary>
    public IEnumerable<StreamId> OpenStreams => _parts.Streams.Open;

    /// <summary>Closes with an application error code (RFC 9000, section 10.2). Nothing that is queued is sent any more.</summary>
    /// <param name="reason">For our own logs.</param>
    public void Close(ulong code, string reason, Instant now)
    {
        ThrowIfFrozen();
        _parts.Lifecycle.CloseByApplication(code, reason, now + (3 * _parts.Pto));
        OnStepped(now);
    }

    /// <summary>
    /// A client wants to go on by another path: from another local address, or to the server's preferred one. The path is asked first, to an
    /// ID of its own; then <see cref="ConnectionEventKind.PathChanged"/> or <see cref="ConnectionEventKind.PathFailed"/> follows.
    /// </summary>
    /// <param name="path">Its datagrams must arrive with this path, or with one whose local address is known better.</param>
    public MigrationRefusal TryMigrate(in NetworkPath path, Instant now)
    {
        ThrowIfFrozen();
        Registration?.Touch();
        return Migration.TryBegin(_parts, path, now);
    }

    /// <summary>Gives the client a token for its next connection (RFC 9000, section 8.1.3).</summary>
    internal void OfferToken(ReadOnlyMemory<byte> token)
    {
        ThrowIfFrozen();
        _parts.Announcements.AnnounceToken(token);
        Registration?.Touch();
    }

    /// <summary>Gives the client a ticket to resume its session with (RFC 8446, section 4.6.1).</summary>
    /// <param name="entropy">20 bytes.</param>
    internal void OfferTicket(TlsServerOptions options, TicketKey key, long second, ReadOnlySpan<byte> entropy)
    {
        ThrowIfFrozen();
        ConnectionParts c = _parts;
        c.PostHandshake.Write(MessageWriter.Frame(
            c.Tickets.Issue(c.Identity.Session!, options, c.Identity.Version, RememberedLimits.Of(c.Local), key, second, entropy)));
        Registration?.Touch();
    }

    /// <summary>Has the application protocol's state, at most 256 bytes, kept with this connection's tickets, for a later one's 0-RTT data.</summary>
    public void KeepForEarlyData(ReadOnlySpan<byte> state)
    {
        ThrowIfFrozen();
        _parts.KeepWithTickets(state.ToArray());
    }

    /// <summary>Sends a PING when nothing else is to be sent.</summary>
    public void Ping()
    {
        ThrowIfFrozen();
        _parts.Announcements.RequestPing();
        Registration?.Touch();
    }

    /// <summary>Stops the connection between two batches, so that it can be written down. It neither sends nor processes until it is thawed.</summary>
    /// <remarks>Exports are to be written with the same time: the ages in them count from it.</remarks>
    /// <exception cref="InvalidOperationException">Frozen already, or not confirmed, or over: such a connection cannot move.</exception>
    public void Freeze(Instant now)
    {
        if (!TryFreeze(now))
        {
            throw new InvalidOperationException("only a confirmed, open connection can be frozen");
        }
    }

    /// <summary>As <see cref="Freeze"/>; false when it cannot move, and nothing has happened.</summary>
    public bool TryFreeze(Instant now)
    {
        // Nothing has been called since its copy, so what was true then is true: of thousands that stand still as little as can be is looked at.
        if (_isFrozen || (_calls != _copiedCalls && !(IsConfirmed && IsOpen)))
        {
            return false;
        }

        (_isFrozen, _frozenAt) = (true, now);
        _parts.Observer?.OnOwnership(OwnershipStep.Frozen, Epoch, now);
        return true;
    }

    /// <summary>Writes down everything that the connection needs to go on elsewhere. Callable any number of times while frozen.</summary>
    /// <param name="since">What an earlier export returned, to write only what changed since; 0 for all.</param>
    /// <param name="writer">Gets sections without encryption, holding the 1-RTT secrets: seal them before they leave the process.</param>
    /// <param name="above">Parts of the protocol that runs over the connection: they are written behind ours and travel with them.</param>
    /// <returns>The change counter to pass as <paramref name="since"/> next time.</returns>
    /// <exception cref="InvalidOperationException">The connection is not frozen, or was thawed or destroyed.</exception>
    public ulong Export(ulong since, SnapshotWriter writer, IEnumerable<TravellingPart>? above = null)
    {
        if (!_isFrozen || _isDestroyed)
        {
            throw new InvalidOperationException("only a frozen connection can be written down");
        }

        _parts.Observer?.OnOwnership(OwnershipStep.Exported, Epoch, _frozenAt);
        return ConnectionSnapshot.Export(_parts, above ?? [], _exports, since, writer);
    }

    /// <summary>Goes on here, under the epoch that this node owns it with: the one it had, or the next.</summary>
    /// <param name="epoch">Never below <see cref="Epoch"/>.</param>
    /// <param name="now">The time since the freeze, or the import, counts for nothing: nothing could happen in it.</param>
    /// <param name="quietly">The endpoint is told later, by <see cref="Touch"/>: until then there are no deadlines.</param>
    public void Thaw(ulong epoch, Instant now, bool quietly = false)
    {
        if (!_isFrozen || _isDestroyed)
        {
            throw new InvalidOperationException("only a frozen connection can be thawed");
        }

        if (epoch < Epoch)
        {
            throw new InvalidOperationException("an epoch never goes back");
        }

        if (epoch != Epoch)
        {
            _parts.Identity.OnEpoch(epoch);
        }

        if (now > _frozenAt || _isImported)
        {
            // The time that the journey took is not known here, and in no age.
            _parts.Recovery.OnThawed(now, now - _frozenAt);
        }

        _isFrozen = false;
        _isImported = false;
        _calls++;
        _parts.Observer?.OnOwnership(OwnershipStep.Thawed, epoch, now);
        TouchUnless(quietly);
    }

    /// <summary>The endpoint looks at the connection's deadlines, at what it has to say, and at its events.</summary>
    public void Touch() => Registration?.Touch();

    /// <summary>It was imported ahead of the freeze, and nothing has happened to it since: it stands still only from now on.</summary>
    /// <exception cref="InvalidOperationException">It was not imported, or has been thawed since.</exception>
    public void StandStill(Instant now)
    {
        _frozenAt = _isFrozen && _isImported && now >= _frozenAt ? now : throw new InvalidOperationException("only an imported connection stands by");
    }

    /// <summary>Writes everything down while the connection is served: nothing happens to it, and <see cref="Calls"/> stands still.</summary>
    /// <inheritdoc cref="Export"/>
    public ulong Copy(SnapshotWriter writer, IEnumerable<TravellingPart> above)
    {
        Freeze(writer.Now);
        try
        {
            _copiedCalls = _calls;
            return Export(0, writer, above);
        }
        finally
        {
            _isFrozen = false;
            _parts.Observer?.OnOwnership(OwnershipStep.Thawed, Epoch, writer.Now);
        }
    }

    /// <summary>Ends here without a word to the peer: another node has it. Keys are wiped.</summary>
    public void Destroy()
    {
        if (!_isFrozen)
        {
            throw new InvalidOperationException("only a frozen connection can be destroyed");
        }

        _isDestroyed = true;
        _parts.Observer?.OnOwnership(OwnershipStep.Destroyed, Epoch, _frozenAt);
        Release();
    }

    /// <summary>Gives back all memory and wipes the keys, once the connection is over and its application has been told.</summary>
    internal void Release() => _parts.Release();

    /// <summary>
    /// A fault of ours: it ends here without a word, also while it stands still. It never seals again, is never written down any more, and no copy of it is
    /// what it has become.
    /// </summary>
    internal void Abandon()
    {
        _parts.Abandon();
        _calls++;
        _isFrozen = false;
    }

    /// <summary>Restores a connection that another node exported. It is frozen until <see cref="Thaw"/>.</summary>
    /// <exception cref="SnapshotException">The image is incomplete or contradicts itself; nothing was kept of it.</exception>
    public static Connection Import(ConnectionImage image, ConnectionOptions options, ConnectionKeys keys, Instant now, ImportCache? cache = null)
    {
        Connection connection = new(ConnectionSnapshot.Import(image, options, keys, cache ?? new(), now)) { _isFrozen = true, _isImported = true, _frozenAt = now };
        connection._parts.BeginObservation(now);
        connection._parts.Observer?.OnOwnership(OwnershipStep.Imported, connection.Epoch, now);
        return connection;
    }

    /// <summary>The new owner's first words, after <see cref="Thaw"/> (docs/hand-over.md, Resume).</summary>
    /// <param name="samePath">Client address and ingress are as before: round trip and window are kept.</param>
    /// <param name="speak">Data is in flight, or something was received meanwhile: an ACK and a PING tell the peer at once where it stands.</param>
    /// <param name="quietly">As with <see cref="Thaw"/>.</param>
    public void Resume(bool samePath, bool speak, Instant now, bool quietly = false)
    {
        ThrowIfFrozen();
        OwnerChange.Resume(_parts, samePath, speak, now);
        TouchUnless(quietly);
    }

    /// <summary>Whether something is under way: data that is not acknowledged, or a request that is not answered.</summary>
    public bool IsActive => _parts.Recovery.BytesInFlight > 0 || _parts.Streams.HasFrames || _parts.Datagrams.HasFrames;

    /// <summary>Something was received that the peer waits to hear of.</summary>
    public bool HasToAcknowledge => _parts.Received(PacketNumberSpace.ApplicationData).IsAckPending;

    private void TouchUnless(bool quietly)
    {
        if (!quietly)
        {
            Touch();
        }
    }

    private void OnStepped(Instant now)
    {
        Observation.OnStep(_parts, now);
        Registration?.Touch();
    }

    private void ThrowIfFrozen()
    {
        if (_isFrozen)
        {
            throw new InvalidOperationException("the connection is frozen");
        }

        _calls++;
    }
}
