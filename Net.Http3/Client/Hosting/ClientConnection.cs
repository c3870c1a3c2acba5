using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Http3.Qpack;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Http3.Client.Hosting;

/// <summary>What the sessions of a client go by.</summary>
/// <param name="Qpack">Header compression.</param>
/// <param name="SendsGrease">Whether servers are sent what they have to ignore.</param>
internal sealed record ClientSessionOptions(QpackOptions Qpack, bool SendsGrease);

/// <summary>The client's end of one connection: its session, and an exchange per request. On the shard's thread only, but for <see cref="NewExchange"/>.</summary>
/// <param name="transport">The connection's streams.</param>
/// <param name="queue">The way onto the connection's thread.</param>
/// <param name="inline">Whether callers go on inside that thread (the simulator), or on the thread pool.</param>
/// <param name="options">What the session goes by; <c>null</c> for the defaults.</param>
internal sealed class ClientConnection(IStreamTransport transport, IShardQueue queue, bool inline, ClientSessionOptions? options = null)
{
    private readonly Dictionary<StreamId, ClientExchange> _exchanges = [];
    private readonly List<ClientExchange> _waiting = [];
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ExchangeFailure? _end;
    private readonly TaskCompletionSource _leaving = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _handshake = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isStarted, _isEarly, _isPeerAborting;

    public Http3Session Session { get; } = new(transport, options?.Qpack ?? QpackOptions.Default)
    {
        Grease = options?.SendsGrease == true ? new Grease(transport.Seed) : null,
    };

    public IShardQueue Queue => queue;

    public bool Inline => inline;

    /// <summary>No more requests are taken: the peer goes away, or the connection has ended. From any thread.</summary>
    public bool IsLeaving => _leaving.Task.IsCompleted;

    /// <summary>Ends when <see cref="IsLeaving"/> begins to hold.</summary>
    public Task Leaving => _leaving.Task;

    /// <summary>Ends when the connection does, from whichever side.</summary>
    public Task Closed => _closed.Task;

    /// <summary>A request to be sent; from any thread.</summary>
    public ClientExchange NewExchange() => new(this);

    /// <summary>Ends when the handshake is complete, or the connection is over.</summary>
    public Task HandshakeCompletion => _handshake.Task;

    /// <summary>0-RTT: SETTINGS go out, and of what waits that which does no harm when it comes twice.</summary>
    /// <param name="remembered">The server's SETTINGS of an earlier connection.</param>
    public void StartEarly(in Http3Settings remembered)
    {
        _isEarly = true;
        Session.State.PeerSettings = remembered.ForEarlyData;
        Begin();
    }

    /// <summary>The handshake is complete: SETTINGS go out, and what waits is sent.</summary>
    public void Start()
    {
        _isEarly = false;
        _ = _handshake.TrySetResult();
        Begin();
    }

    /// <summary>0-RTT data was rejected and cannot be sent again: nothing that it asked for was done.</summary>
    public void OnEarlyDataLost(Http3ErrorCode code) => OnClosed(code, FailureKind.Refused);

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
        _isPeerAborting = true;
        Session.OnReset(id, code);
        Pump();
        _isPeerAborting = false;
    }

    public void OnStopped(StreamId id, ulong code)
    {
        _isPeerAborting = true;
        Session.OnStopped(id, code);
        Pump();
        _isPeerAborting = false;
    }

    public void OnStreamsAvailable()
    {
        Session.OnStreamsAvailable();
        Pump();
    }

    public void OnClosed(Http3ErrorCode code, FailureKind kind = FailureKind.Lost)
    {
        if (_end is null)
        {
            _end = new(kind, code);
            _ = _leaving.TrySetResult();
            foreach (ClientExchange exchange in _exchanges.Values.ToArray())
            {
                exchange.Abort(_end);
            }

            // Never sent: these may be tried elsewhere.
            foreach (ClientExchange exchange in _waiting.ToArray())
            {
                exchange.Abort(new(FailureKind.Refused, code));
            }

            _exchanges.Clear();
            _waiting.Clear();
            _closed.TrySetResult();
            _ = _handshake.TrySetResult();
        }
    }

    /// <summary>Opens the exchange's stream, or has it wait for one.</summary>
    public void Open(ClientExchange exchange)
    {
        if (exchange.Failure is not null)
        {
            // Given up while it waited.
            return;
        }

        if (_end is not null)
        {
            exchange.Abort(_end with { Kind = FailureKind.Refused });
        }
        else if (Session.State.GoAwayReceived is not null)
        {
            exchange.Abort(new(FailureKind.Refused, Http3ErrorCode.RequestRejected));
        }
        else if (!_isStarted || (_isEarly && !exchange.MayBeEarly) || !exchange.TryOpen(Session))
        {
            _waiting.Add(exchange);
        }
        else if (exchange.IsOpen)
        {
            exchange.IsEarly = _isEarly;
            _exchanges.Add(exchange.Id, exchange);
        }
    }

    private void Begin()
    {
        if (!_isStarted)
        {
            _isStarted = true;
            Session.Start();
        }

        Pump();
        OpenWaiting();
        KeepOpen();
    }

    public void Pump()
    {
        while (Session.TryTakeEvent(out Http3Event e))
        {
            switch (e.Kind)
            {
                case Http3EventKind.Head or Http3EventKind.Readable: _exchanges.GetValueOrDefault(e.Id)?.OnReadable(); break;
                case Http3EventKind.Writable or Http3EventKind.Stopped: _exchanges.GetValueOrDefault(e.Id)?.OnWritable(); break;
                case Http3EventKind.StreamsAvailable: OpenWaiting(); break;
                case Http3EventKind.GoAway: OnGoAway(e.Id); break;
                case Http3EventKind.Failed: OnClosed((Http3ErrorCode)e.Code, FailureKind.Fault); break;
                case Http3EventKind.Interim: _exchanges.GetValueOrDefault(e.Id)?.OnInterim((int)e.Code); break;
                case Http3EventKind.Aborted:
                    if (_exchanges.Remove(e.Id, out ClientExchange? exchange))
                    {
                        exchange.Abort(Judge(e));
                    }

                    break;
                default: break;
            }
        }

        foreach (StreamId id in _exchanges.Keys.Where(id => !Session.Requests.ContainsKey(id)).ToArray())
        {
            _exchanges.Remove(id);
        }

        KeepOpen();
    }

    /// <summary>While responses are outstanding the client keeps the connection open; a server should not (RFC 9114, section 5.1).</summary>
    private void KeepOpen() => transport.ExpectAnswer(_exchanges.Count > 0);

    /// <summary>H3_REQUEST_REJECTED from the server promises that nothing of the request was processed (RFC 9114, section 4.1.1).</summary>
    private ExchangeFailure Judge(in Http3Event e) => new(
        (_isPeerAborting, (Http3ErrorCode)e.Code) switch
        {
            (true, Http3ErrorCode.RequestRejected) => FailureKind.Refused,
            (true, _) => FailureKind.Reset,
            _ => FailureKind.Fault,
        },
        (Http3ErrorCode)e.Code);

    private void OpenWaiting()
    {
        ClientExchange[] waiting = [.. _waiting];
        _waiting.Clear();
        foreach (ClientExchange exchange in waiting)
        {
            Open(exchange);
        }
    }

    /// <summary>Requests from this one on were not processed, and may be tried again on another connection (RFC 9114, section 5.2).</summary>
    private void OnGoAway(StreamId first)
    {
        _ = _leaving.TrySetResult();
        foreach (StreamId id in _exchanges.Keys.Where(id => id >= first).ToArray())
        {
            _exchanges.Remove(id, out ClientExchange? exchange);
            Session.Abort(id, Http3ErrorCode.RequestCancelled);
            exchange!.Abort(new(FailureKind.Refused, Http3ErrorCode.RequestRejected));
        }

        OpenWaiting();
    }
}

/// <summary>Gives a connection's events to its client.</summary>
internal sealed class ClientOwner : IConnectionOwner
{
    private readonly ConnectionTransport _transport;
    private Http3Settings? _remembered;
    private bool _areSettingsKept;

    public ClientOwner(Connection connection, IShardQueue queue, bool inline, ClientSessionOptions? options = null)
    {
        _transport = new(connection);
        Http3 = new(_transport, queue, inline, options);
    }

    public ClientConnection Http3 { get; }

    /// <summary>Raised on the shard's thread when requests may be sent; with 0-RTT once before the handshake is complete, and again.</summary>
    public Action? OnConnected { get; init; }

    /// <summary>Moves the connection when the network changes; <c>null</c>: it stays where it is.</summary>
    public Roaming? Roaming { get; init; }

    /// <summary>Why the connection ended; <c>null</c> while it lives.</summary>
    public CloseReason? CloseReason { get; private set; }

    public void OnEvents(Connection connection, Instant now)
    {
        while (connection.TryTakeEvent(out ConnectionEvent e))
        {
            switch (e.Kind)
            {
                case ConnectionEventKind.EarlyData:
                    ReadOnlyMemory<byte>? kept = connection.KeptForEarlyData;
                    Http3Settings settings = Http3Settings.OfKept(kept);
                    // A ticket may have come, and be used, before the SETTINGS of its connection: then there is nothing that the server could go back on.
                    _remembered = kept is { IsEmpty: false } ? settings : null;
                    Http3.StartEarly(settings);
                    OnConnected?.Invoke();
                    break;
                case ConnectionEventKind.HandshakeCompleted:
                    Http3.Start();
                    OnConnected?.Invoke();
                    break;
                case ConnectionEventKind.Stream: OnStream(e.Stream); break;
                case ConnectionEventKind.Closed:
                    CloseReason = connection.CloseReason;
                    if (connection is { EarlyData: EarlyDataState.Rejected, CloseReason: { Origin: CloseOrigin.LocalTransport, Code: 0 } })
                    {
                        Http3.OnEarlyDataLost(Http3ErrorCode.NoError);
                        break;
                    }

                    Http3.OnClosed(
                        (Http3ErrorCode)(connection.CloseReason?.Code ?? 0),
                        CloseReason?.Origin is CloseOrigin.PeerApplication or CloseOrigin.LocalApplication ? FailureKind.Closed : FailureKind.Lost);
                    break;
                default: break;
            }

            Roaming?.OnEvent(e.Kind, now);
        }

        Roaming?.Continue(now);
        OnSettings(connection);
        _transport.Settle(now);
    }

    /// <summary>The server's SETTINGS are kept with its tickets, and compared with those that 0-RTT data was held to.</summary>
    private void OnSettings(Connection connection)
    {
        if (_areSettingsKept || !Http3.Session.State.HasPeerSettings || !connection.IsOpen || !connection.IsHandshakeComplete)
        {
            return;
        }

        _areSettingsKept = true;
        Http3Settings settings = Http3.Session.State.PeerSettings;
        connection.KeepForEarlyData(settings.ToKept());
        if (connection.EarlyData == EarlyDataState.Accepted && _remembered is Http3Settings remembered && !remembered.HoldUnder(settings))
        {
            _transport.Close((ulong)Http3ErrorCode.SettingsError, "the server accepted 0-RTT data and reduced its settings");
        }
    }

    public void OnShardStopped(Exception? fault) => Http3.OnClosed(Http3ErrorCode.InternalError);

    private void OnStream(in StreamEvent e)
    {
        switch (e.Kind)
        {
            case StreamEventKind.Opened or StreamEventKind.Readable: Http3.OnReadable(e.Id); break;
            case StreamEventKind.Writable: Http3.OnWritable(e.Id); break;
            case StreamEventKind.ResetByPeer: Http3.OnReset(e.Id, e.Code); break;
            case StreamEventKind.StoppedByPeer: Http3.OnStopped(e.Id, e.Code); break;
            case StreamEventKind.StreamsAvailable: Http3.OnStreamsAvailable(); break;
            default: break;
        }
    }
}
