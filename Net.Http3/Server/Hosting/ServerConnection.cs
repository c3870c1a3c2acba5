using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Sessions;
using Net.Http3.Tethers;
using Net.Http3.Wire;

namespace Net.Http3.Server.Hosting;

/// <summary>The server's end of one connection: its session, and an exchange per request. On the shard's thread only.</summary>
internal sealed class ServerConnection
{
    private readonly ExchangeHost _host;
    private readonly IStreamTransport _transport;
    private readonly Dictionary<StreamId, ExchangeRunner> _exchanges = [];
    private readonly List<ExchangeRunner> _orphans = [];
    private readonly Dictionary<StreamId, Tether> _tethers = [];
    private readonly ConnectionGuard? _guard;
    private bool _isPumping, _isClosed, _hasBegun;
    private volatile bool _isEarlyData;

    public ServerConnection(ExchangeHost host, IStreamTransport transport) : this(host, transport, new Http3Session(transport, host.Options.Qpack)) { }

    private ServerConnection(ExchangeHost host, IStreamTransport transport, Http3Session session)
    {
        _host = host;
        _transport = transport;
        Session = session;
        session.Date = host.Options.Date;
        session.Grease = host.Options.SendsGrease ? new Grease(transport.Seed) : null;
        _guard = host.Options.Limits is Http3ServerLimits limits ? new(this, transport, limits) : null;
        host.Add(this);
    }

    public Http3Session Session { get; }

    /// <summary>Who the client is, for handlers that outlive the connection here.</summary>
    public ConnectionPeer Peer { get; } = new();

    /// <summary>All whose handler waits or runs, those of requests that are over included.</summary>
    public IEnumerable<ExchangeRunner> Exchanges => _exchanges.Values.Concat(_orphans);

    /// <summary>Requests whose handlers are on other nodes.</summary>
    public IReadOnlyCollection<Tether> Tethers => _tethers.Values;

    /// <summary>A request is open, or a handler runs.</summary>
    public bool HasRequests => Session.Requests.Count > 0 || _exchanges.Count > 0 || _orphans.Count > 0 || _tethers.Count > 0;

    /// <summary>No request is open, no handler runs, and all responses have arrived: closing it takes nothing from the client.</summary>
    public bool IsIdle => !HasRequests && !_transport.OpenStreams.Any(id => IsRequest(id) && _transport.IsDelivering(id));

    /// <summary>What is read now may be a copy of what somebody sent before: the handshake is not complete (RFC 8470). From any thread.</summary>
    public bool IsEarlyData => _isEarlyData;

    /// <summary>0-RTT data is read: SETTINGS go out, and requests that do no harm when they come twice are handled.</summary>
    public void StartEarly()
    {
        _isEarlyData = true;
        Begin();
    }

    /// <summary>The handshake is complete: SETTINGS go out, and requests that waited for this are handled.</summary>
    public void Start()
    {
        _isEarlyData = false;
        Begin();
        if (!_host.IsHeld)
        {
            foreach (ExchangeRunner exchange in _exchanges.Values.ToArray())
            {
                exchange.Start();
            }
        }
    }

    public void OnReadable(StreamId id)
    {
        Session.OnReadable(id);
        Pump();
    }

    public void OnWritable(StreamId id)
    {
        Session.OnWritable(id);
        Pump();
    }

    public void OnReset(StreamId id, ulong code)
    {
        Session.OnReset(id, code);
        Pump();
    }

    public void OnStopped(StreamId id, ulong code)
    {
        Session.OnStopped(id, code);
        Pump();
    }

    public void OnStreamsAvailable()
    {
        Session.OnStreamsAvailable();
        Pump();
    }

    /// <summary>The connection is gone.</summary>
    public void OnClosed(Http3ErrorCode code)
    {
        AbortAll(code);
        _isClosed = true;
        Leave();
        Peer.End();
    }

    /// <summary>Asks the client to open no more requests here, or refuses what it has not opened yet.</summary>
    public void GoAway(bool final) => Session.GoAway(final);

    /// <summary>Held, and none of its handlers runs. Asked of each connection in a freeze: so it looks at its own alone.</summary>
    private bool IsQuiet => _host.IsHeld && (_host.IsTethering || Exchanges.All(exchange => _host.IsResumable ? exchange.IsQuiet : !exchange.IsRunning));

    /// <summary>The parts of the session and of every exchange, for <c>Connection.Export</c>; the host must be quiet.</summary>
    /// <exception cref="InvalidOperationException">A handler may still run.</exception>
    public IEnumerable<TravellingPart> Parts => IsQuiet
        ? SessionSnapshot.Parts(Session).Concat(_exchanges.Values.OrderBy(exchange => exchange.State.Id)
            .Select(exchange => _host.IsTethering && exchange.IsRunning
                ? TravellingPart.Of(exchange.Leave(_host.Options.Tethers!), exchange.State.Id.Value)
                : TravellingPart.Of(exchange.State, exchange.State.Id.Value)))
            .Concat(_tethers.Values.OrderBy(tether => tether.Id).Select(tether => TravellingPart.Of(tether, tether.Id.Value)))
        : throw new InvalidOperationException("exchanges can be exported only while their host is held and quiet");

    /// <summary>Rebuilds a connection whose transport was restored; <see cref="Resume"/> sets it going.</summary>
    /// <param name="host">Where its exchanges will run.</param>
    /// <param name="transport">The restored connection.</param>
    /// <param name="sections">Its sections, as <c>ConnectionImage.Sections</c> gives them; those of other layers are ignored.</param>
    /// <exception cref="SnapshotException">Nothing was restored.</exception>
    public static ServerConnection Import(ExchangeHost host, IStreamTransport transport, ReadOnlySpan<(SnapshotSection Section, Instant Now)> sections)
    {
        Http3Session session = SessionSnapshot.Import(sections, transport);
        Dictionary<StreamId, ExchangeState>? states = null;
        Dictionary<StreamId, Tether>? tethers = null;
        foreach ((SnapshotSection section, Instant now) in sections)
        {
            switch (section.Number)
            {
                case SectionNumber.Http3Exchange: Import(ExchangeState.Import(new(section.Body, now)), section.Key, session, states ??= []); break;
                case SectionNumber.Tether: Import(Tether.Import(new(section.Body, now)), section.Key, session, tethers ??= []); break;
                default: break;
            }
        }

        // Every request whose head was handed out has an exchange, here or elsewhere, until its response is complete.
        foreach (RequestStream request in session.Requests.Values)
        {
            if (IsInHand(request) && (states?.ContainsKey(request.Id) ?? false) == (tethers?.ContainsKey(request.Id) ?? false))
            {
                throw new SnapshotException("a request has no exchange");
            }
        }

        ServerConnection connection = new(host, transport, session);
        foreach (ExchangeState state in states?.Values ?? Enumerable.Empty<ExchangeState>())
        {
            connection._exchanges.Add(state.Id, new(host, connection, state));
        }

        foreach (Tether tether in tethers?.Values ?? Enumerable.Empty<Tether>())
        {
            connection._tethers.Add(tether.Id, tether);
        }

        connection.ShareOut();
        return connection;
    }

    /// <summary>It was imported in vain: its host forgets it.</summary>
    public void Discard() => _host.Remove(this);

    /// <summary>After an import: looks at every stream, and starts the handlers.</summary>
    public void Resume()
    {
        // What still worked for a request that was over has ended with its node.
        foreach (StreamId id in _transport.OpenStreams
            .Where(id => id.IsBidirectional && !_exchanges.ContainsKey(id) && !_tethers.ContainsKey(id)).ToArray())
        {
            _transport.SetHeld(id, false);
        }

        Session.Resume();
        foreach (StreamId id in _tethers.Keys.ToArray())
        {
            PumpTether(id);
        }

        Pump();
        if (!_host.IsHeld)
        {
            foreach (ExchangeRunner exchange in _exchanges.Values.ToArray())
            {
                exchange.Start();
            }
        }
    }

    /// <summary>Deals with what the session has to tell.</summary>
    public void Pump()
    {
        // A handler that goes on inside an event may come back here: the outer call takes what it adds.
        if (_isPumping)
        {
            return;
        }

        _isPumping = true;
        while (Session.TryTakeEvent(out Http3Event e))
        {
            switch (e.Kind)
            {
                case Http3EventKind.Head: OnRequest(e.Id); break;
                case Http3EventKind.Readable:
                    _exchanges.GetValueOrDefault(e.Id)?.OnReadable();
                    PumpTether(e.Id);
                    break;
                case Http3EventKind.Writable:
                    _exchanges.GetValueOrDefault(e.Id)?.OnWritable();
                    PumpTether(e.Id);
                    break;
                case Http3EventKind.Aborted:
                    OnAborted(e.Id, (Http3ErrorCode)e.Code);
                    // What this side could not go on with is not held against the client.
                    if (e.IsPeers)
                    {
                        _guard?.OnCancelled(e.Id);
                    }

                    break;
                case Http3EventKind.Failed: AbortAll((Http3ErrorCode)e.Code); break;
                default: break;
            }
        }

        _isPumping = false;
    }

    public ExchangeRunner? FindExchange(StreamId id) => _exchanges.GetValueOrDefault(id);

    /// <summary>A word of the handler's node about a request of this connection.</summary>
    public void OnTether(Tether tether, TetherMessage message)
    {
        if (tether.OnMessage(message))
        {
            PumpTether(tether.Id);
            Pump();
        }
        else if (message is TetherReset { Code: (ulong)Http3ErrorCode.ExcessiveLoad })
        {
            // The handler has waited for the client for too long.
            TimeOut(tether.Id);
            Pump();
            Leave();
        }
        else
        {
            FailTether(tether);
        }
    }

    /// <summary>The handler of a request cannot be reached any more, or has had its time: that request alone is reset (RFC 9114, section 8.1).</summary>
    public void FailTether(Tether tether)
    {
        OnAborted(tether.Id, Http3ErrorCode.InternalError);
        Session.Abort(tether.Id, Http3ErrorCode.InternalError);
        Pump();
        Leave();
    }

    /// <summary>What a checkpoint of the component has to know of this connection in any case; the host is quiet.</summary>
    public ConnectionCheckpoint TakeCheckpoint()
    {
        ConnectionCheckpoint checkpoint = new();
        checkpoint.Settled.UnionWith(_tethers.Keys.Concat(_transport.OpenStreams.Where(IsAnswered)));
        return checkpoint;
    }

    /// <summary>And, as far as there is room, the requests that could go on from it.</summary>
    /// <param name="room">Bytes that the connection may take.</param>
    public void AddExchanges(ConnectionCheckpoint checkpoint, long room, Instant now)
    {
        foreach (ExchangeRunner exchange in _exchanges.Values.Where(exchange => _host.IsResumable && exchange.State.HasRun))
        {
            checkpoint.Add(exchange.State, room, now);
        }
    }

    /// <summary>
    /// The component's state has gone back to a checkpoint; the host is quiet. Each request whose handler has gone on since, and each response that was
    /// finished since and has not arrived, is reset with H3_INTERNAL_ERROR (RFC 9114, section 8.1); never with H3_REQUEST_REJECTED, which would
    /// have clients repeat what a handler has acted on.
    /// </summary>
    /// <param name="settled">Streams on which nothing could change any more when the checkpoint was taken.</param>
    /// <param name="requests">As they were then: read back before anything has changed, so that nothing of this can fail.</param>
    /// <param name="number">Of the checkpoint.</param>
    /// <returns>Requests whose handlers begin again where the checkpoint has them, and requests that were reset.</returns>
    public (int Resumed, int Reset) RollBack(IReadOnlySet<StreamId> settled, IReadOnlyDictionary<StreamId, ExchangeState> requests, ulong number)
    {
        (int resumed, int reset) = (0, 0);
        LeaveOrphans(number);
        foreach (ExchangeRunner exchange in _exchanges.Values.Where(exchange => exchange.State.HasRun).ToArray())
        {
            StreamId id = exchange.State.Id;
            if (_host.IsResumable && requests.TryGetValue(id, out ExchangeState? state) && state.HasProgressOf(exchange.State))
            {
                exchange.Drop();
                state.KeepTrailersOf(exchange.State);
                _exchanges[id] = new(_host, this, state);
                resumed++;
            }
            else if (_host.IsResumable || exchange.DependsOnWhatFollowed(number))
            {
                Undo(exchange);
                reset++;
            }
        }

        foreach (Tether tether in _tethers.Values.Where(tether => !settled.Contains(tether.Id)).ToArray())
        {
            // Its handler may have run beside the state until the component moved away from it.
            FailTether(tether);
            reset++;
        }

        foreach (StreamId id in _transport.OpenStreams.Where(id => IsAnswered(id) && !settled.Contains(id)).ToArray())
        {
            Session.Abort(id, Http3ErrorCode.InternalError);
            _transport.Reset(id, (ulong)Http3ErrorCode.InternalError);
            reset++;
        }

        Pump();
        Leave();
        return (resumed, reset);
    }

    /// <summary>Time has passed: whoever lets us wait for too long is not waited for any more.</summary>
    public void Sweep(TimeSpan elapsed)
    {
        if (!_isClosed)
        {
            _guard?.Sweep(elapsed);
            Pump();
        }
    }

    /// <summary>The client does not send what it began: 408 (RFC 9110, section 15.5.9), or a reset of a response that has begun.</summary>
    public void TimeOut(StreamId id)
    {
        bool hasResponded = Session.Requests.TryGetValue(id, out RequestStream? request) && request.Writer.Phase != WritePhase.Head;
        OnAborted(id, Http3ErrorCode.ExcessiveLoad);
        if (hasResponded)
        {
            Session.Abort(id, Http3ErrorCode.ExcessiveLoad);
        }
        else
        {
            Session.Answer(id, 408);
        }
    }

    /// <summary>The client does not take its response, whose handler may have ended long ago.</summary>
    public void Drop(StreamId id)
    {
        OnAborted(id, Http3ErrorCode.ExcessiveLoad);
        Session.Abort(id, Http3ErrorCode.ExcessiveLoad);
        _transport.Reset(id, (ulong)Http3ErrorCode.ExcessiveLoad);
    }

    /// <summary>The host is watched over from now on, if it has limits.</summary>
    public void Watch(Instant now) => _host.Watch(now);

    /// <summary>A handler has ended.</summary>
    public void OnFinished(ExchangeRunner exchange, bool failed)
    {
        StreamId id = exchange.State.Id;
        if (!_orphans.Remove(exchange))
        {
            _exchanges.Remove(id);
            _guard?.OnFinished(id, exchange.State.ResponseOffset);
            if (!exchange.State.HasResponded)
            {
                Session.Answer(id, exchange.FaultStatus);
            }
            else if (failed)
            {
                Session.Abort(id, Http3ErrorCode.InternalError);
            }
            else
            {
                Session.TryFinish(id, exchange.State.TrailersToSend);
            }
        }

        // Not before the response: a stream that is done is given back to the client at once.
        _transport.SetHeld(id, false);
        Pump();
        Leave();
    }

    /// <summary>Once closed, the host keeps the connection as long as one of its handlers runs: a held one must be told on release.</summary>
    private void Leave()
    {
        if (_isClosed && _exchanges.Count == 0 && _orphans.Count == 0)
        {
            _host.Remove(this);
        }
    }

    /// <summary>Handlers of requests that are over must not touch what the state is after a roll-back. Also of a connection that has closed.</summary>
    public void LeaveOrphans(ulong checkpoint)
    {
        foreach (ExchangeRunner orphan in _orphans.ToArray())
        {
            if (_host.IsResumable)
            {
                _orphans.Remove(orphan);
                orphan.Drop();
                _transport.SetHeld(orphan.State.Id, false);
            }
            else if (orphan.DependsOnWhatFollowed(checkpoint))
            {
                orphan.Bar();
            }
        }

        Leave();
    }

    private void Undo(ExchangeRunner exchange)
    {
        StreamId id = exchange.State.Id;
        if (_host.IsResumable)
        {
            _exchanges.Remove(id);
            exchange.Drop();
            _transport.SetHeld(id, false);
        }
        else
        {
            OnAborted(id, Http3ErrorCode.InternalError);
            exchange.Bar();
        }

        Session.Abort(id, Http3ErrorCode.InternalError);
    }

    /// <summary>Its response is whole, and has not arrived.</summary>
    private bool IsAnswered(StreamId id) => IsRequest(id) && !_exchanges.ContainsKey(id) && !_tethers.ContainsKey(id)
        && (_transport.Unacknowledged(id) > 0 || Session.Requests.GetValueOrDefault(id)?.Writer.Phase == WritePhase.Finishing);

    private static bool IsRequest(StreamId id) => id is { IsBidirectional: true, IsServerInitiated: false };

    private void OnRequest(StreamId id)
    {
        if (Session.TakeRequest(id) is not RequestHead head)
        {
            return;
        }

        if (_host.Options.Serves?.Invoke(head.Authority) == false)
        {
            Session.Answer(id, 421);
            return;
        }

        if (head.ContentLength > _host.Options.Limits?.MaxRequestBodySize)
        {
            Session.Answer(id, 413);
            return;
        }

        // Handlers of streams that were reset count as well: resetting does not buy more of them.
        if (_exchanges.Count + _orphans.Count + _tethers.Count >= (_host.Options.Limits?.MaxRunningHandlers ?? Http3Limits.MaxRunningExchanges))
        {
            Session.Abort(id, Http3ErrorCode.RequestRejected);
            return;
        }

        ExchangeRunner exchange = new(_host, this, new(id, head));
        _exchanges.Add(id, exchange);
        _transport.SetHeld(id, true);
        if (!_host.IsHeld && exchange.MayStart)
        {
            exchange.Start();
        }
    }

    private void Begin()
    {
        if (!_hasBegun)
        {
            _hasBegun = true;
            Session.Start();
        }
    }

    private void OnAborted(StreamId id, Http3ErrorCode code)
    {
        if (_tethers.TryGetValue(id, out Tether? tether))
        {
            tether.Abandon(code);
            Settle(tether);
        }

        if (_exchanges.Remove(id, out ExchangeRunner? exchange))
        {
            if (exchange.IsRunning)
            {
                _orphans.Add(exchange);
            }
            else
            {
                _transport.SetHeld(id, false);
            }

            exchange.Abort(code);
        }
    }

    private void AbortAll(Http3ErrorCode code)
    {
        foreach (StreamId id in _exchanges.Keys.Concat(_tethers.Keys).ToArray())
        {
            OnAborted(id, code);
        }
    }

    private void PumpTether(StreamId id)
    {
        if (_tethers.TryGetValue(id, out Tether? tether))
        {
            tether.Pump(Session);
            Settle(tether);
        }
    }

    private void Settle(Tether tether)
    {
        if (tether.IsOver && _tethers.Remove(tether.Id))
        {
            _transport.SetHeld(tether.Id, false);
            ShareOut();
        }

        _host.Options.Tethers?.OnChanged(tether);
    }

    /// <summary>What tethers hold here travels with the connection: all together have one budget.</summary>
    private void ShareOut()
    {
        foreach (Tether tether in _tethers.Values)
        {
            tether.Window = TetherLimits.Share(_tethers.Count);
        }
    }

    private static void Import(ExchangeState state, ulong key, Http3Session session, Dictionary<StreamId, ExchangeState> states)
    {
        bool agrees = session.Requests.TryGetValue(state.Id, out RequestStream? request) && IsInHand(request)
            && state.Id.Value == key && state.HasResponded == (request.Writer.Phase == WritePhase.Body)
            && state.RequestOffset == request.Reader.BodyReceived
            && (state.DiscardsBody || state.ResponseOffset == request.Writer.BodySent);
        if (!agrees || !states.TryAdd(state.Id, state))
        {
            throw new SnapshotException("an exchange contradicts its stream");
        }
    }

    private static void Import(Tether tether, ulong key, Http3Session session, Dictionary<StreamId, Tether> tethers)
    {
        bool agrees = session.Requests.TryGetValue(tether.Id, out RequestStream? request) && IsInHand(request) && tether.Id.Value == key;
        if (!agrees || !tethers.TryAdd(tether.Id, tether))
        {
            throw new SnapshotException("a tether contradicts its stream");
        }
    }

    /// <summary>Its head was handed out, and its response is not complete.</summary>
    private static bool IsInHand(RequestStream request) => request.Reader.Phase != ReadPhase.Head && request.Writer.Phase is WritePhase.Head or WritePhase.Body;
}
