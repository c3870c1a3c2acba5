using Net.Http3.Messages;

namespace Net.Http3.Client.Hosting;

/// <summary>A connection of a pool. Its mutable members belong to the pool's lock.</summary>
internal sealed class PooledConnection(Http3Client client, long createdAt)
{
    private int _isDisposed;

    public Http3Client Client => client;

    public string Peer { get; } = client.Peer;

    public long CreatedAt { get; } = createdAt;

    /// <summary>Requests that use it.</summary>
    public int Active { get; set; }

    /// <summary>It has ended.</summary>
    public bool IsGone { get; set; }

    /// <summary>When <see cref="Active"/> became 0.</summary>
    public long IdleSince { get; set; } = createdAt;

    /// <summary>No request has used it: whoever waits for it must get it, also when connections live for no time at all.</summary>
    public bool IsFresh { get; set; } = true;

    /// <summary>The server permitted no more requests, and none has ended since.</summary>
    public bool IsFull { get; set; }

    /// <summary>Closes the connection, once.</summary>
    public async Task DisposeOnceAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            await client.DisposeAsync().ConfigureAwait(false);
        }
    }
}

/// <summary>The connections to one origin. Requests fill one connection up to the server's limit before another one is made.</summary>
internal sealed class ConnectionPool(Origin origin, PoolSettings settings, CancellationToken stopped)
{
    private readonly Lock _lock = new();
    private readonly List<PooledConnection> _connections = [];
    private readonly HashSet<PooledConnection> _open = [];
    private readonly Connector _connector = new(settings);
    private Task<PooledConnection>? _connecting;

    public PoolSettings Settings => settings;

    /// <summary>Connections that may take requests.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _connections.Count;
            }
        }
    }

    /// <summary>Sends a request's head on one of the connections. Each result is to be given back by <see cref="Release"/>.</summary>
    /// <exception cref="HttpRequestException">No connection could be made.</exception>
    /// <exception cref="Server.Http3RequestAbortedException">The connection ended under the request: see the exchange.</exception>
    public async Task<(PooledConnection Connection, ClientExchange Exchange)> OpenAsync(
        HttpRequestMessage message, RequestHead head, Action<ClientExchange> attach, CancellationToken cancellationToken)
    {
        long start = settings.TimeProvider.GetTimestamp();
        bool hasWaited = false;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Take(out bool waits, out Task<PooledConnection>? connecting) is not PooledConnection connection)
            {
                hasWaited = true;
                await connecting!.WaitAsync(cancellationToken).ConfigureAwait(false);
                continue;
            }

            ClientExchange exchange = connection.Client.NewExchange();
            attach(exchange);
            bool isOpen = false;
            try
            {
                using (cancellationToken.UnsafeRegister(static exchange => ((ClientExchange)exchange!).Cancel(), exchange))
                {
                    hasWaited |= waits;
                    await exchange.SendAsync(head, message.Content is not null, waits).ConfigureAwait(false);
                }

                isOpen = exchange.IsOpen;
            }
            finally
            {
                if (!isOpen)
                {
                    Release(connection, isFull: exchange.Failure is null);
                }
            }

            if (isOpen)
            {
                if (hasWaited)
                {
                    settings.Metrics.LeftQueue(message.RequestUri!, message.Method, settings.TimeProvider.GetElapsedTime(start));
                }

                return (connection, exchange);
            }
        }
    }

    /// <summary>A request is over.</summary>
    public void Release(PooledConnection connection, bool isFull = false)
    {
        bool isDone;
        lock (_lock)
        {
            connection.Active--;
            CountIdle(connection);
            // The end of a request clears it again: without one, nothing would.
            connection.IsFull = isFull && connection.Active > 0;
            connection.IdleSince = settings.TimeProvider.GetTimestamp();
            isDone = connection.Active == 0 && (connection.Client.IsLeaving || !_connections.Contains(connection));
        }

        if (isDone)
        {
            Drop(connection);
        }
    }

    /// <summary>Closes what was idle, or lived, for too long.</summary>
    public void Prune()
    {
        List<PooledConnection> idle;
        lock (_lock)
        {
            idle = PruneLocked(sparesFresh: false);
        }

        foreach (PooledConnection connection in idle)
        {
            Drop(connection);
        }
    }

    /// <summary>Addresses of this machine have come or gone.</summary>
    public void OnNetworkChanged()
    {
        PooledConnection[] connections;
        lock (_lock)
        {
            connections = [.. _open];
        }

        foreach (PooledConnection connection in connections)
        {
            connection.Client.OnNetworkChanged();
        }
    }

    /// <summary>Closes all connections, also those that requests use, and those that take no further ones.</summary>
    public async Task CloseAsync()
    {
        PooledConnection[] connections;
        lock (_lock)
        {
            connections = [.. _open];
            _connections.Clear();
        }

        await Task.WhenAll(connections.Select(connection => connection.DisposeOnceAsync())).ConfigureAwait(false);
    }

    /// <summary>A connection with one request more, or a connection being made to wait for.</summary>
    private PooledConnection? Take(out bool waits, out Task<PooledConnection>? connecting)
    {
        List<PooledConnection> idle;
        PooledConnection? chosen;
        lock (_lock)
        {
            idle = PruneLocked(sparesFresh: true);
            chosen = TakeLocked(out waits, out connecting);
        }

        foreach (PooledConnection connection in idle)
        {
            Drop(connection);
        }

        return chosen;
    }

    private PooledConnection? TakeLocked(out bool waits, out Task<PooledConnection>? connecting)
    {
        connecting = null;
        PooledConnection? chosen = _connections.Find(connection => !connection.IsFull && !connection.Client.IsLeaving);
        waits = false;
        if (chosen is null && (_connecting is not null || _connections.Count < settings.MaxConnections))
        {
            connecting = _connecting ??= ConnectAsync();
            return null;
        }

        if (chosen is null)
        {
            waits = true;
            chosen = _connections.MinBy(connection => connection.Active)!;
        }

        chosen.IsFresh = false;
        if (chosen.Active++ == 0)
        {
            settings.Metrics.Connections(origin, chosen.Peer, isIdle: true, -1);
            settings.Metrics.Connections(origin, chosen.Peer, isIdle: false, 1);
        }

        return chosen;
    }

    private async Task<PooledConnection> ConnectAsync()
    {
        // The lock is held by the caller until the first await.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            PooledConnection connection = new(await _connector.ConnectAsync(origin, stopped).ConfigureAwait(false), settings.TimeProvider.GetTimestamp());
            lock (_lock)
            {
                _connections.Add(connection);
                _open.Add(connection);
                _connecting = null;
                settings.Metrics.Connections(origin, connection.Peer, isIdle: true, 1);
            }

            _ = WatchAsync(connection);
            if (stopped.IsCancellationRequested)
            {
                await CloseAsync().ConfigureAwait(false);
            }

            return connection;
        }
        catch
        {
            lock (_lock)
            {
                _connecting = null;
            }

            throw;
        }
    }

    private async Task WatchAsync(PooledConnection connection)
    {
        await connection.Client.Closed.ConfigureAwait(false);
        lock (_lock)
        {
            _connections.Remove(connection);
            _open.Remove(connection);
            connection.IsGone = true;
            settings.Metrics.Connections(origin, connection.Peer, isIdle: connection.Active == 0, -1);
        }

        settings.Metrics.ConnectionEnds(origin, connection.Peer, settings.TimeProvider.GetElapsedTime(connection.CreatedAt));
        Drop(connection);
    }

    /// <param name="sparesFresh">Somebody may be about to use what was just made.</param>
    private List<PooledConnection> PruneLocked(bool sparesFresh)
    {
        List<PooledConnection> idle = [];
        for (int i = _connections.Count - 1; i >= 0; i--)
        {
            PooledConnection connection = _connections[i];
            TimeProvider time = settings.TimeProvider;
            bool isOld = IsOver(time.GetElapsedTime(connection.CreatedAt), settings.Lifetime);
            bool isIdle = connection.Active == 0 && IsOver(time.GetElapsedTime(connection.IdleSince), settings.IdleTimeout);
            if (((isOld || isIdle) && !(sparesFresh && connection.IsFresh)) || connection.Client.IsLeaving)
            {
                // One that is in use is closed by its last request.
                _connections.RemoveAt(i);
                if (connection.Active == 0)
                {
                    idle.Add(connection);
                }
            }
        }

        return idle;
    }

    private void CountIdle(PooledConnection connection)
    {
        // One that is gone is no longer counted, whatever its last requests still do.
        if (connection.Active == 0 && !connection.IsGone)
        {
            settings.Metrics.Connections(origin, connection.Peer, isIdle: false, -1);
            settings.Metrics.Connections(origin, connection.Peer, isIdle: true, 1);
        }
    }

    private static bool IsOver(TimeSpan elapsed, TimeSpan limit) => limit != Timeout.InfiniteTimeSpan && elapsed >= limit;

    private static void Drop(PooledConnection connection) => _ = connection.DisposeOnceAsync();
}
