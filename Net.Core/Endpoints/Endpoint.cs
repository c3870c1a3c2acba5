using Net.Core.Connections;
using Net.Core.Errors;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Endpoints;

/// <summary>Finds the connection for a datagram, begins connections, and asks each for its datagrams in turn. Pure: no socket, no clock.</summary>
/// <remarks>
/// In go datagrams and the time; out come datagrams (<see cref="TryTransmit"/>), connections that have something to tell
/// (<see cref="TryTakeActive"/>), new ones (<see cref="TryTakeAccepted"/>) and one deadline.
///
/// A connection shares no state with another one. So an exception out of one of them, a fault of ours, ends that one alone, without a word: it is
/// forgotten, never seals again, and comes out by <see cref="TryTakeFault"/>. A number that it has taken stays spent.
/// </remarks>
internal sealed class Endpoint
{
    /// <summary>A connection sends so many batches before the next one has its turn.</summary>
    private const int BatchesPerTurn = 2;

    private readonly EndpointOptions _options;
    private readonly ICryptoHost _host;
    private readonly Dictionary<ConnectionId, Route> _routes;
    private readonly Dictionary<Connection, ConnectionEntry> _entries = [];
    private readonly Queue<ConnectionEntry> _ready = new();
    private readonly Queue<ConnectionEntry> _active = new();
    private readonly Queue<Connection> _accepted = new();
    private readonly Queue<ConnectionFault> _faults = new();
    private readonly StatelessAnswers _stateless;
    private readonly IPortBooks _books;
    private readonly ITokenStore _serverTokens;
    private readonly ITicketStore _serverTickets;
    private readonly Deadlines _deadlines = new();
    private readonly ResetWatch _resets = new();
    private IReadOnlyList<ConnectionKeys> _keys;
    private IReadOnlyList<ConnectionKeys> _honoured;
    private TicketKey[] _ticketKeys;
    private int _batchesOfTurn;

    /// <param name="host">Asked for entropy when a connection begins, and for nothing else.</param>
    public Endpoint(EndpointOptions options, ICryptoHost host)
    {
        _options = options;
        _host = host;
        _serverTokens = options.Tokens ?? new TokenStore();
        _serverTickets = options.Tickets ?? new TicketStore();
        UseKeys(options.Keys, options.Keys);
        _stateless = new(options.MaxStatelessPackets);
        _books = options.Books ?? new PortBooks(options);
        Span<byte> key = stackalloc byte[16];
        host.FillEntropy(key);
        _routes = new(new ConnectionIdComparer(BitConverter.ToUInt64(key), BitConverter.ToUInt64(key[8..])));
    }

    private readonly record struct Route(ConnectionEntry Entry, ulong? SequenceNumber);

    /// <summary>The federation's keys have rotated. Connections keep those that they were made with.</summary>
    /// <param name="keys">The first one is for new connections; at least one. A connection whose keys are not among them is for its owner to close.</param>
    /// <param name="honoured">Under which tokens and tickets are taken; newest first, at least one.</param>
    [System.Diagnostics.CodeAnalysis.MemberNotNull(nameof(_keys), nameof(_honoured), nameof(_ticketKeys))]
    public void UseKeys(IReadOnlyList<ConnectionKeys> keys, IReadOnlyList<ConnectionKeys> honoured)
    {
        (_keys, _honoured) = (keys, honoured);
        _ticketKeys = [.. honoured.Select(each => each.TicketKey)];
    }

    /// <summary>All connections, those included that are on their way out.</summary>
    public IReadOnlyCollection<Connection> Connections => _entries.Keys;

    /// <summary>False while new connections are refused, as before a freeze.</summary>
    public bool AcceptsNew { get; set; } = true;

    /// <summary>
    /// Seconds of the host's wall clock since 1970, as the host last said; coarse is enough. Null until it does: then no address is
    /// validated by token, as nobody could tell how old one is. Another node may open what this one seals, so it cannot be an Instant.
    /// </summary>
    public long? WallClock { get; set; }

    /// <summary>
    /// This node serves <see cref="EndpointOptions.DefaultShard"/> alone and has all of its connections: an ID of that shard that leads
    /// nowhere is answered by a stateless reset. For the host to say, and to take back before it freezes anything; during the linger time
    /// of a take-over it must not (docs/hand-over.md). False from the start: a node that does not know is silent (checklist S33).
    /// </summary>
    public bool AnswersUnknown { get; set; }

    /// <summary>
    /// Which tickets have brought 0-RTT data: with the component whose clients these are it goes to another node, and another node's comes
    /// here before this endpoint accepts anybody. Without <see cref="WallClock"/> no ticket is given or taken. Until the host has said what it knows,
    /// no 0-RTT is accepted: only it can tell whether its keys have served before.
    /// </summary>
    public EarlyDataLedger EarlyData { get; set; } = new(since: long.MaxValue);

    /// <summary>As of the latest call that brought it. For a host that is about to run what brings none: its handlers.</summary>
    public Instant Now { get; set; }

    public Instant Deadline => _ready.Count > 0 || _faults.Count > 0 || !_stateless.IsEmpty ? default : _deadlines.Next;

    /// <param name="datagram">Opened in place.</param>
    /// <param name="shard">Where an ingress has put a new connection; null without one.</param>
    /// <returns>False when the datagram belongs to no connection here and begins none.</returns>
    public bool OnDatagram(Span<byte> datagram, in NetworkPath path, Ecn ecn, Instant now, uint? shard = null)
    {
        Now = now;
        if (!InvariantHeader.TryRead(datagram, CidLayout.Length, out InvariantHeader header))
        {
            return false;
        }

        if (_routes.TryGetValue(header.Destination, out Route route))
        {
            route.Entry.Hear(datagram, path, ecn, route.SequenceNumber, now);
            return true;
        }

        if (_books.TryPass(header, datagram, path, ecn))
        {
            return true;
        }

        if (header.IsLong)
        {
            return OnUnknownLong(datagram, header, path, ecn, now, shard);
        }

        return _resets.TryFind(path.Remote, datagram, out ConnectionEntry? lost)
            ? lost.Call(static (lost, now) => lost.OnStatelessReset(now), now)
            : OnUnknownShort(datagram.Length, header.Destination, path, now);
    }

    public Connection Connect(TlsClientOptions tls, NetworkPath path, Instant now)
    {
        Span<byte> entropy = stackalloc byte[ConnectionFactory.EntropyLength];
        _host.FillEntropy(entropy);
        TicketOrigin origin = new(tls.ServerName.ToLowerInvariant(), path.Remote.Port);
        ResumptionTicket? ticket = tls.Resumes ? _serverTickets.Take(origin, tls.AlpnProtocols, _options.Connection.Version, now) : null;
        Connection connection = ConnectionFactory.Connect(_options.Connection, tls, _keys[0], _options.DefaultShard, path, entropy, now, ticket);
        byte[] token = _serverTokens.Take(tls.ServerName ?? "", path.Remote);
        if (token.Length > 0)
        {
            connection.Parts.Handshake!.UseToken(token);
        }

        _resets.Add(Add(connection, tls.ServerName ?? "", origin));
        return connection;
    }

    /// <summary>The system has heard that nobody listens at a port that was sent to (ICMP): told to the clients' connections that call there.</summary>
    public void OnRefused(UdpAddress remote, Instant now)
    {
        foreach ((Connection connection, ConnectionEntry entry) in _entries)
        {
            if (!connection.IsServer && connection.Path.Remote == remote)
            {
                entry.Call(static (refused, now) => refused.OnRefused(now), now);
            }
        }
    }

    /// <summary>Takes in a connection that was imported: its IDs lead here from now on.</summary>
    /// <exception cref="Snapshots.SnapshotException">An ID of it leads to another connection.</exception>
    public void Adopt(Connection connection)
    {
        ConnectionEntry entry = AddImported(connection, quietly: false);
        if (!connection.IsServer)
        {
            _resets.Add(entry);
        }
    }

    /// <summary>
    /// Takes in a frozen connection of a server, of which nobody is to hear yet: its IDs lead here, but it is not asked for datagrams and has no
    /// deadline until it is thawed and touched. Whoever calls this lets no datagram in before the connection is this node's.
    /// </summary>
    /// <param name="sleeper">Thaws it when a datagram comes; null: what comes before it is thawed is lost.</param>
    /// <exception cref="Snapshots.SnapshotException">An ID of it leads to another connection.</exception>
    public void Expect(Connection connection, ISleeper? sleeper = null)
    {
        if (!connection.IsFrozen || !connection.IsServer)
        {
            throw new InvalidOperationException("only a server's frozen connection stands by");
        }

        AddImported(connection, quietly: true).Sleeper = sleeper;
    }

    /// <summary>Forgets a connection that another node has now.</summary>
    public void Remove(Connection connection)
    {
        if (TryForget(connection) && connection.IsClosed)
        {
            connection.Release();
        }
    }

    /// <summary>Whether an exception out of a connection, or out of what is done for it alone, ends that connection and no other.</summary>
    public bool Contains(Exception fault) => _options.ContainsFaults && fault is not OutOfMemoryException;

    /// <summary>Ends a connection in which there was a fault that this <see cref="Contains"/>. Nothing happens to one that is not here.</summary>
    public void Abandon(Connection connection, Exception fault)
    {
        if (TryForget(connection))
        {
            connection.Abandon();
            _faults.Enqueue(new(connection, fault));
        }
    }

    /// <summary>A connection that is over by a fault of ours since the last call: its application is to hear of that.</summary>
    public bool TryTakeFault(out ConnectionFault fault) => _faults.TryDequeue(out fault);

    public void Tick(Instant now)
    {
        Now = now;
        while (_deadlines.TryTakeDue(now, out ConnectionEntry? entry))
        {
            entry.Call(
                static (due, now) =>
                {
                    if (due.Deadline <= now)
                    {
                        due.Tick(now);
                    }

                    due.Touch();
                },
                now);
        }
    }

    /// <summary>Whose datagrams the latest <see cref="TryTransmit"/> gave; null when they were of no connection.</summary>
    public Connection? LastSender { get; private set; }

    /// <summary>The next datagrams of some connection; false when all have said what they may say now.</summary>
    public bool TryTransmit(Span<byte> buffer, int headroom, Instant now, out Transmit transmit)
    {
        if (_stateless.TryTake(out StatelessPacket packet))
        {
            LastSender = null;
            packet.Bytes.CopyTo(buffer[headroom..]);
            transmit = new(packet.Path, packet.Bytes.Length, 1, headroom + packet.Bytes.Length, Ecn.NotEct, null);
            return true;
        }

        while (_ready.TryPeek(out ConnectionEntry? entry))
        {
            if (entry.TryTransmit(buffer, headroom, now, out transmit))
            {
                LastSender = entry.Connection;
                if (++_batchesOfTurn >= BatchesPerTurn)
                {
                    _batchesOfTurn = 0;
                    _ready.Enqueue(_ready.Dequeue());
                }

                return true;
            }

            _batchesOfTurn = 0;
            _ready.Dequeue();
            entry.IsReady = false;
            entry.Settle(_deadlines);
        }

        transmit = default;
        return false;
    }

    public bool TryTakeAccepted([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Connection? connection)
    {
        while (_accepted.TryDequeue(out connection))
        {
            // Another datagram of the same batch may have ended it by a fault of ours.
            if (_entries.ContainsKey(connection))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A connection that was called since: it may have events and requests.</summary>
    public bool TryTakeActive([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Connection? connection)
    {
        while (_active.TryDequeue(out ConnectionEntry? entry))
        {
            entry.IsActive = false;
            connection = entry.Connection;
            if (entry.IsGone || connection.IsFrozen)
            {
                continue;
            }

            try
            {
                UpdateRoutes(entry);
                return true;
            }
            catch (Exception fault) when (Contains(fault))
            {
                Abandon(connection, fault);
            }
        }

        connection = null;
        return false;
    }

    /// <summary>Frees what is left of connections that have ended and told so.</summary>
    public void RemoveIfClosed(Connection connection)
    {
        if (connection.IsClosed)
        {
            Remove(connection);
        }
    }

    internal void OnTouched(ConnectionEntry entry)
    {
        if (!entry.IsReady)
        {
            entry.IsReady = true;
            _ready.Enqueue(entry);
        }

        if (!entry.IsActive)
        {
            entry.IsActive = true;
            _active.Enqueue(entry);
        }
    }

    private bool OnUnknownLong(Span<byte> datagram, in InvariantHeader header, in NetworkPath path, Ecn ecn, Instant now, uint? shard)
    {
        // Short datagrams begin nothing and are answered by nothing: an attacker's lever would be longer than his arm (RFC 9000, section 14.1).
        if (_options.Server is not TlsServerOptions tls || datagram.Length < PathMtu.Base || header.IsNegotiation)
        {
            return false;
        }

        if (!QuicVersion.IsKnown(header.Version))
        {
            _stateless.Negotiate(header, path, BitConverter.ToUInt32(Entropy(stackalloc byte[sizeof(uint)])));
            return true;
        }

        bool begins = LongHeader.TryRead(datagram, out LongHeader initial)
            && initial.Type == LongPacketType.Initial
            && initial.Destination.Length >= 8
            && AcceptsNew
            && _books.HasRoom;
        if (!begins)
        {
            return false;
        }

        if (!MayBegin(datagram, initial, path, out TokenVerdict token))
        {
            return true;
        }

        if (!_books.TryBegin(initial.Destination))
        {
            // Another thread has been quicker.
            return false;
        }

        Connection connection = ConnectionFactory.Accept(
            _options.Connection,
            tls,
            _keys[0],
            shard ?? _options.DefaultShard,
            path,
            new(initial.Version, initial.Destination, initial.Source, token.Kind == TokenKind.Retry ? token.Original : null, token.IsValid),
            Entropy(stackalloc byte[ConnectionFactory.EntropyLength]),
            now,
            WallClock is long second ? new(_ticketKeys, second, initial.Version, default, _options.EarlyData ?? EarlyData) : null);
        ConnectionEntry entry = Add(connection, first: initial.Destination);
        entry.IsHandshaking = true;
        entry.Routes.Add(initial.Destination);
        _routes[initial.Destination] = new(entry, null);
        entry.Hear(datagram, path, ecn, null, now);
        if (entry.IsGone)
        {
            return true;
        }

        // The packet did not open, and nobody will ever go on with it; or another one brought the same token at the same moment, to another thread.
        if (connection.IsUntouched || (token.IsValid && !_books.TryUse(token.Serial)))
        {
            Remove(connection);
            connection.Release();
            return false;
        }

        _accepted.Enqueue(connection);
        return true;
    }

    /// <summary>Whether the client has shown that it is where it says, as far as that is asked for now (RFC 9000, section 8.1.2).</summary>
    /// <returns>False: it was answered, or is to be ignored.</returns>
    private bool MayBegin(Span<byte> datagram, in LongHeader initial, in NetworkPath path, out TokenVerdict verdict)
    {
        verdict = default;
        if (_options.RetryAbove is not int limit || WallClock is not long second)
        {
            return true;
        }

        verdict = AddressTokens.Open(_honoured, datagram.Slice(initial.TokenOffset, initial.TokenLength), path.Remote, initial.Destination, second);
        if (verdict.Kind == TokenKind.FalseRetry)
        {
            _stateless.Refuse(datagram, initial, TransportErrorCode.InvalidToken, path);
            return false;
        }

        bool isUsed = verdict.IsValid && _books.IsUsed(verdict.Serial);
        if (isUsed && verdict.Kind == TokenKind.Retry)
        {
            // A late copy of an Initial whose connection is over already.
            return false;
        }

        verdict = isUsed ? default : verdict;
        if (verdict.IsValid || _books.Handshakes < limit)
        {
            return true;
        }

        if (!_stateless.IsFull)
        {
            ConnectionKeys keys = _keys[0];
            Span<byte> random = Entropy(stackalloc byte[CidLayout.NonceLength + AddressTokens.SerialLength + 1]);
            Span<byte> id = stackalloc byte[CidLayout.Length];
            // Any node may get what the client sends to this ID, as any one opens the token.
            CidLayout.Write(id, keys.Config, CidLayout.RouteByName, random[..CidLayout.NonceLength], keys.Cipher);
            ConnectionId source = new(id);
            byte[] token = AddressTokens.MakeRetry(_honoured[0], path.Remote, initial.Destination, source, random[CidLayout.NonceLength..^1], second);
            _stateless.Retry(initial, source, token, random[^1], path);
        }

        return false;
    }

    private Span<byte> Entropy(Span<byte> buffer)
    {
        _host.FillEntropy(buffer);
        return buffer;
    }

    /// <summary>A packet of a connection that is not here. Where it might be anywhere else, nothing is said.</summary>
    private bool OnUnknownShort(int length, ConnectionId id, in NetworkPath path, Instant now)
    {
        ConnectionKeys? keys = AnswersUnknown ? KeysOf(id) : null;
        bool isOurs = keys is not null
            && CidLayout.TryReadShard(id.Span, keys.Cipher, out uint shard)
            && shard == _options.DefaultShard
            && shard != CidLayout.RouteByName;
        if (!isOurs || length <= StatelessAnswers.MinReset || !_books.TryTakeReset(now))
        {
            return false;
        }

        foreach (Connection connection in _entries.Keys)
        {
            if (connection.IsFrozen)
            {
                // A hand-over is under way, whatever the host has said.
                return false;
            }
        }

        ResetToken token = ConnectionIdDeriver.DeriveToken(keys!.ResetKey.Span, id);
        return _stateless.Reset(length, token, Entropy(stackalloc byte[StatelessAnswers.MaxReset]), path);
    }

    /// <summary>The keys that an ID of this layout was made with: its first bits name their configuration.</summary>
    private ConnectionKeys? KeysOf(ConnectionId id)
    {
        bool isOurs = CidLayout.TryReadConfig(id.Span, out int config);
        foreach (ConnectionKeys keys in _keys)
        {
            if (isOurs && keys.Config == config)
            {
                return keys;
            }
        }

        return null;
    }

    /// <returns>False when it is not here.</returns>
    private bool TryForget(Connection connection)
    {
        if (!_entries.Remove(connection, out ConnectionEntry? entry))
        {
            return false;
        }

        entry.IsGone = true;
        connection.Registration = null;
        foreach (ConnectionId id in entry.Routes)
        {
            _routes.Remove(id);
        }

        if (entry.IsHandshaking)
        {
            _books.OnHandshakeEnded();
        }

        _books.OnRemoved(entry.First);
        _deadlines.Remove(entry);
        _resets.Remove(entry);
        return true;
    }

    /// <param name="first">Of a client's connection, for which there is a place in the books already.</param>
    private ConnectionEntry Add(
        Connection connection, string? serverName = null, TicketOrigin origin = default, bool quietly = false, ConnectionId? first = null)
    {
        ConnectionEntry entry = new(connection, this) { ServerName = serverName, Origin = origin, First = first };
        if (first is null)
        {
            _books.OnAdded();
        }

        _entries.Add(connection, entry);
        connection.Registration = entry;
        UpdateRoutes(entry);
        if (!quietly)
        {
            entry.Touch();
        }

        return entry;
    }

    /// <summary>Two connections of one secret have the same IDs, and only a snapshot can make that: what would take the other's datagrams is refused.</summary>
    private ConnectionEntry AddImported(Connection connection, bool quietly)
    {
        ConnectionEntry entry = Add(connection, quietly: quietly);
        if (entry.IsMistaken)
        {
            Remove(connection);
            throw new Snapshots.SnapshotException("an ID of a connection is another's");
        }

        return entry;
    }

    private void UpdateRoutes(ConnectionEntry entry)
    {
        ConnectionParts parts = entry.Connection.Parts;
        while (parts.LocalIds.TryTakeChange(out LocalConnectionIds.Change change))
        {
            ConnectionId id = parts.LocalIds.Derive(parts.FederationKeys, change.SequenceNumber);
            if (change.IsAdded && _routes.TryGetValue(id, out Route other) && other.Entry != entry)
            {
                entry.IsMistaken = true;
            }
            else if (change.IsAdded)
            {
                entry.Routes.Add(id);
                _routes[id] = new(entry, change.SequenceNumber);
            }
            else if (entry.Routes.Remove(id))
            {
                // Never another's, which a hostile snapshot may have given the same ID.
                _routes.Remove(id);
            }
        }

        if (entry.IsHandshaking && (entry.Connection.IsConfirmed || entry.Connection.IsClosed))
        {
            entry.IsHandshaking = false;
            _books.OnHandshakeEnded();
            if (_options.RetryAbove is not null && WallClock is long now)
            {
                Offers.OfferToken(entry.Connection, _honoured[0], _host, now);
            }
        }

        if (_options.Server is TlsServerOptions tls && WallClock is long second)
        {
            Offers.OfferTickets(entry.Connection, tls, _ticketKeys[0], _host, second);
        }

        if (!entry.WatchedAt.IsNone && entry.WatchedAt != entry.Connection.Path.Remote)
        {
            // It has moved to the server's preferred address.
            _resets.Remove(entry);
            _resets.Add(entry);
        }

        entry.Keep(_serverTokens, _serverTickets);
    }
}
