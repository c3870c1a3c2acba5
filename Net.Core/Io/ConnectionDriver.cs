using Net.Core.Connections;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Io;

// The token source has neither timer nor wait handle: there is nothing to dispose.
#pragma warning disable CA1001
/// <summary>A connection's half on the shard's thread: hands its events to streams and to those who wait. That thread alone calls it.</summary>
/// <param name="shard">Whose connection it is.</param>
/// <param name="connection">The protocol machine.</param>
/// <param name="defaultStreamErrorCode">For streams that are let go before their end.</param>
/// <param name="onEnded">Called once, when the shard is not needed for this connection any more.</param>
internal sealed class ConnectionDriver(Shard shard, Connection connection, ulong defaultStreamErrorCode, Action onEnded) : IConnectionOwner, IPathOwner
#pragma warning restore CA1001
{
    private readonly Dictionary<StreamId, QuicStream> _streams = [];
    // By kind: bidirectional, unidirectional.
    private readonly WaitList<QuicStream>[] _opens = [new(), new()];
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _over = new();
    private readonly ulong[] _permitted = new ulong[2];
    private bool _isReleased;
    private bool _isStarted;

    public Shard Shard { get; } = shard;

    public Connection Connection { get; } = connection;

    /// <summary>What waits to be accepted: bounded by the streams that the peer may have open.</summary>
    public AcceptQueue<QuicStream> Inbound { get; } = new(int.MaxValue);

    /// <summary>Ends with the handshake, or fails with what ended the connection.</summary>
    public Task Connected => _connected.Task;

    /// <summary>Ends when the connection closes, from whichever side.</summary>
    public Task Ended => _ended.Task;

    public DatagramPort Datagrams { get; private set; } = new(shard, connection);

    /// <summary>How this client alone is served; null: as all of its listener.</summary>
    public ServerSetup? Setup { get; private set; }

    public ICryptoHost? Crypto => Setup?.Crypto;

    /// <summary>Cancelled when the connection ends.</summary>
    public CancellationToken EndedToken => _over.Token;

    /// <summary>Makes the work that asks the application how a client is served; null: it is not asked.</summary>
    public Func<SelectCertificateRequest, IThreadPoolWorkItem>? OnSelect { get; set; }

    /// <summary>Told of streams that may be opened in addition; set when the connection has its user.</summary>
    public Action<QuicStreamCapacityChangedArgs>? OnCapacity { get; set; }

    /// <summary>Those who wait for a stream of their own.</summary>
    public int Openers => _opens[0].Count + _opens[1].Count;

    /// <summary>Streams that are not forgotten yet.</summary>
    public int Streams => _streams.Count;

    /// <summary>What ended the connection; set before <see cref="Ended"/> and never changed.</summary>
    public QuicException? Fault { get; private set; }

    /// <summary>What the complete handshake has left; null before. From any thread.</summary>
    public TlsSession? Session { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>Raised on the shard's thread, once, when the handshake is complete, or 0-RTT data may be sent or read.</summary>
    public Action? OnConnected { get; set; }

    /// <summary>Raised on the shard's thread when the handshake is confirmed.</summary>
    public Action<Instant>? OnConfirmed { get; set; }

    /// <summary>Raised on the shard's thread when another path is in use, and proven.</summary>
    public Action? OnPathChanged { get; set; }

    /// <summary>A move to another path that is under way.</summary>
    public MigrateWork? Move { get; set; }

    public bool TryTake(CryptoRequest request) => OnSelect is not null
        && request is SelectCertificateRequest { ForServer: true } select
        && ThreadPool.UnsafeQueueUserWorkItem(OnSelect(select), preferLocal: false);

    /// <summary>The application has said how this client is served.</summary>
    public void OnConfigured(ServerSetup setup)
    {
        Setup = setup;
        Datagrams = new(Shard, Connection);
    }

    public void OnEvents(Connection connection, Instant now)
    {
        while (connection.TryTakeEvent(out ConnectionEvent e))
        {
            switch (e.Kind)
            {
                case ConnectionEventKind.EarlyData:
                    Start();
                    break;
                case ConnectionEventKind.HandshakeCompleted:
                    Session = connection.Session;
                    Start();
                    _ = _connected.TrySetResult();
                    break;
                case ConnectionEventKind.HandshakeConfirmed:
                    OnConfirmed?.Invoke(now);
                    break;
                case ConnectionEventKind.PathChanged:
                    OnPathChanged?.Invoke();
                    Move?.OnChanged();
                    break;
                case ConnectionEventKind.PathFailed:
                    Move?.OnFailed(null);
                    break;
                case ConnectionEventKind.Stream:
                    OnStream(e.Stream);
                    break;
                case ConnectionEventKind.Closed:
                    End(Faults.Of(connection.CloseReason));
                    break;
            }
        }

        Datagrams.Continue();
        TellCapacity();
        if (connection.IsClosed)
        {
            Release();
        }
    }

    public void OnFault(Connection connection, Exception fault)
    {
        End(Faults.Internal(fault), isSound: false);
        Release();
    }

    public void OnShardStopped(Exception? fault)
    {
        End(fault is null ? Faults.Stopped() : Faults.Internal(fault));
        Release();
    }

    /// <summary>From any thread: opens a stream as soon as the peer permits it, first come, first served.</summary>
    public async ValueTask<QuicStream> OpenAsync(bool unidirectional, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Task<QuicStream> opening = _opens[unidirectional ? 1 : 0].AddAsync(cancellationToken);
        OpenWork work = new(this, unidirectional);
        if (!Shard.Post(work))
        {
            work.Fail(Fault ?? Faults.Stopped());
        }

        return await opening.ConfigureAwait(false);
    }

    /// <summary>Streams may be used: by 0-RTT before the handshake is complete.</summary>
    private void Start()
    {
        if (!_isStarted)
        {
            _isStarted = true;
            OnConnected?.Invoke();
        }
    }

    private void OnStream(in StreamEvent e)
    {
        switch (e.Kind)
        {
            case StreamEventKind.Opened:
                QuicStream opened = Add(e.Id);
                _ = Inbound.TryAdd(opened);
                break;
            case StreamEventKind.StreamsAvailable:
                Open(e.Id.IsUnidirectional);
                break;
            default:
                if (_streams.TryGetValue(e.Id, out QuicStream? stream))
                {
                    stream.Driver.On(e);
                    if (e.Kind == StreamEventKind.Closed)
                    {
                        _ = _streams.Remove(e.Id);
                        DropIfEmpty(stream);
                    }
                }

                break;
        }
    }

    // A stream that ended by abort before anybody accepted it: else a peer that opens and resets makes the queue grow (CVE-2023-44487's cousins).
    private void DropIfEmpty(QuicStream stream)
    {
        if (stream.Driver.ReadsClosed.IsFaulted)
        {
            _ = Inbound.Remove(stream);
        }
    }

    /// <summary>On the shard's thread: opens a stream at once, unless others wait for one, or the peer permits none now.</summary>
    public QuicStream? TryOpen(bool unidirectional) =>
        Fault is null && _opens[unidirectional ? 1 : 0].Count == 0 && Connection.TryOpen(unidirectional, out StreamId id) ? Add(id) : null;

    private void TellCapacity()
    {
        if (OnCapacity is not Action<QuicStreamCapacityChangedArgs> tell || !Connection.IsHandshakeComplete)
        {
            return;
        }

        int bidirectional = Increment(0), unidirectional = Increment(1);
        if (bidirectional > 0 || unidirectional > 0)
        {
            tell(new() { BidirectionalIncrement = bidirectional, UnidirectionalIncrement = unidirectional });
        }
    }

    private int Increment(int kind)
    {
        ulong permitted = Connection.Parts.Streams.Permitted(unidirectional: kind == 1);
        int increment = (int)ulong.Min(permitted - _permitted[kind], int.MaxValue);
        _permitted[kind] = permitted;
        return increment;
    }

    private void Open(bool unidirectional)
    {
        WaitList<QuicStream> waiting = _opens[unidirectional ? 1 : 0];
        while (waiting.Count > 0 && Connection.IsOpen && Connection.TryOpen(unidirectional, out StreamId id))
        {
            QuicStream stream = Add(id);
            if (!waiting.TryGive(stream))
            {
                // Cancelled just now: the number is spent.
                stream.Dispose();
            }
        }
    }

    private QuicStream Add(StreamId id)
    {
        ulong errorCode = (ulong?)Setup?.Options.DefaultStreamErrorCode ?? defaultStreamErrorCode;
        QuicStream stream = new(new StreamDriver(Shard, Connection, id, errorCode)) { IsEarlyData = !Connection.IsHandshakeComplete };
        _streams.Add(id, stream);
        return stream;
    }

    /// <param name="isSound">Else nothing is asked of the connection, not even for what could still be read.</param>
    private void End(QuicException fault, bool isSound = true)
    {
        if (Fault is not null)
        {
            return;
        }

        Fault = fault;
        // Off this thread: what is registered there is the application's.
        _ = _over.CancelAsync();
        if (_connected.TrySetException(fault))
        {
            _ = _connected.Task.Exception;
        }

        _opens[0].Fail(fault);
        _opens[1].Fail(fault);
        Datagrams.End(fault, isSound);

        Inbound.End(fault);
        foreach (QuicStream stream in _streams.Values)
        {
            if (isSound)
            {
                stream.Driver.OnConnectionEnded(fault);
            }
            else
            {
                stream.Driver.OnConnectionFault(fault);
            }
        }

        Move?.OnFailed(fault);
        _ = _ended.TrySetResult();
    }

    private void Release()
    {
        if (!_isReleased)
        {
            _isReleased = true;
            Setup?.Crypto.Dispose();
            onEnded();
        }
    }

    private sealed class OpenWork(ConnectionDriver driver, bool unidirectional) : IShardWork
    {
        public Connection Connection => driver.Connection;

        public void Run(Instant now)
        {
            if (driver.Fault is QuicException fault)
            {
                Fail(fault);
            }
            else
            {
                driver.Open(unidirectional);
            }
        }

        public void Abandon(Exception fault) => Fail(Faults.Internal(fault));

        public void Fail(QuicException fault) => driver._opens[unidirectional ? 1 : 0].Fail(fault);
    }
}
