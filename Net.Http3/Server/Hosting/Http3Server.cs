using System.Net;
using System.Net.Security;
using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Http3.Qpack;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Http3.Server.Hosting;

/// <summary>What an <see cref="Http3Server"/> serves, and where.</summary>
public sealed record Http3ServerOptions
{
    /// <summary>The UDP address; port 0 lets the system choose. [::] takes IPv4 as well.</summary>
    public required IPEndPoint ListenEndPoint { get; init; }

    /// <summary>Certificate or certificate selection, and client certificates if wanted. The protocol is always h3.</summary>
    public required SslServerAuthenticationOptions ServerAuthenticationOptions { get; init; }

    /// <summary>Answers the requests.</summary>
    public required IComponent Component { get; init; }

    /// <summary>What clients may take, and how slow they may be.</summary>
    public Http3ServerLimits Limits { get; init; } = new();

    /// <summary>
    /// Threads that serve the port, each with a socket of its own and the connections whose clients the system gives it: 1 by default, 128 at most, 0 for
    /// one per processor. Handlers run on the thread pool in any case. More than one needs Linux; where the port cannot be shared 0 stands for 1.
    /// </summary>
    public int Threads { get; init; } = 1;

    /// <summary>Silence after which a connection is closed; zero for never. 30 s by default (RFC 9000, section 10.1).</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Whether clients may send requests in 0-RTT, which somebody may record and send again (RFC 8470). Off by default. Those of safe methods are
    /// then answered at once, see <see cref="Http3Exchange.IsEarlyData"/>; all others wait until the handshake is complete.
    /// </summary>
    public bool AllowEarlyData { get; init; }

    /// <summary>Header compression: how much memory clients may use for it, and how much of theirs is used.</summary>
    public QpackOptions Qpack { get; init; } = new();

    /// <summary>
    /// Whether settings, frames and streams of reserved types are sent now and then, which clients must ignore (RFC 9114, sections 6.2.3, 7.2.4.1 and
    /// 7.2.8): a few bytes that keep the protocol extensible. On by default.
    /// </summary>
    public bool SendsGrease { get; init; } = true;

    /// <summary>
    /// Told of exceptions that the component let escape; the request has been answered for it. Of faults of this library that have ended one connection, and
    /// no other. And of what a thread of the server has died of, by a fault of its own: the connections of that thread are gone, other
    /// <see cref="Threads"/> go on.
    /// </summary>
    public Action<Exception>? OnFault { get; init; }
}

/// <summary>One component on one UDP port: HTTP/3 without ASP.NET Core, without msquic. For components that move, see Net.Migration's NodeHost.</summary>
public sealed class Http3Server : IAsyncDisposable
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(10);

    /// <summary>How long requests that were on their way when the drain began are still taken: some round trips.</summary>
    private static readonly TimeSpan s_lastRequests = TimeSpan.FromMilliseconds(200);

    private readonly SslHost _tls;
    private readonly ShardHost _host;
    private readonly Lane[] _lanes;
    private int _isReleased;

    private Http3Server(Http3ServerOptions options)
    {
        ConnectionOptions connections = ConnectionOptions.Default with
        {
            IdleTimeout = options.IdleTimeout,
            HandshakeTimeout = options.Limits.HandshakeTimeout,
            Streams = new() { MaxBidirectional = (ulong)options.Limits.MaxConcurrentRequests },
        };
        int threads = ShardHost.CountThreads(options.Threads, network: null, nameof(Http3ServerOptions.Threads));
        _tls = new(options.ServerAuthenticationOptions);
        TaskCompletionSource<Lane[]> lanes = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _host = new(
            UdpAddress.FromEndPoint(options.ListenEndPoint), connections, Tls(options.AllowEarlyData, options.ServerAuthenticationOptions.AllowTlsResume, options.Qpack), _tls,
            (_, shard, connection) => Array.Find(lanes.Task.Result, lane => lane.Shard == shard)!.Accept(connection),
            endpoint => endpoint with { MaxConnections = options.Limits.MaxConnections },
            threads: threads,
            onFault: options.OnFault);
        _lanes = [.. _host.Shards.Select(shard => new Lane(shard, new(options.Component, new ShardQueue(shard), new()
        {
            OnFault = options.OnFault,
            Limits = options.Limits,
            Qpack = options.Qpack,
            SendsGrease = options.SendsGrease,
            // One each: it remembers its last answer.
            Date = new HttpDate(TimeProvider.System).Text,
        })))];
        lanes.SetResult(_lanes);
    }

    /// <summary>The address that it is bound to.</summary>
    public IPEndPoint LocalEndPoint => _host.Shard.Channel.Local.ToEndPoint();

    /// <summary>Ends when the server has.</summary>
    public Task Completion => _host.Completion;

    /// <summary>Binds and serves.</summary>
    /// <param name="options">What, and where.</param>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    /// <exception cref="ArgumentOutOfRangeException">That many threads there cannot be.</exception>
    /// <exception cref="PlatformNotSupportedException">There are to be several threads, and the system cannot share a port.</exception>
    public static Http3Server Start(Http3ServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new(options);
    }

    /// <summary>What a server of HTTP/3 says in TLS.</summary>
    /// <param name="allowEarlyData">Clients that were told the same SETTINGS as now may send 0-RTT data (RFC 9114, section 7.2.4.2).</param>
    /// <param name="resumes">Whether clients get tickets.</param>
    /// <param name="qpack">What SETTINGS say of the dynamic table; <c>null</c> for the defaults.</param>
    internal static TlsServerOptions Tls(bool allowEarlyData, bool resumes = true, QpackOptions? qpack = null)
    {
        // Compared byte for byte: so whoever was told anything else, more or less, is not taken at his remembered word. Reserved settings mean nothing.
        ByteWriter settings = new(stackalloc byte[Http3Settings.MaxLength]);
        (qpack ?? QpackOptions.Default).Settings.Write(ref settings);
        return new()
        {
            AlpnProtocols = ["h3"u8.ToArray()],
            Tickets = resumes ? TlsServerOptions.DefaultTickets : 0,
            AcceptsEarlyData = allowEarlyData,
            EarlyDataState = settings.Written.ToArray(),
        };
    }

    /// <summary>
    /// Another certificate, or other rules for those of clients, without a restart: handshakes that begin from now on go by these options, and
    /// connections that there are go on as they are. From any thread.
    /// </summary>
    /// <param name="options">Take the place of <see cref="Http3ServerOptions.ServerAuthenticationOptions"/> as a whole.</param>
    /// <exception cref="ArgumentException">No certificate and no way to select one: nothing has changed.</exception>
    public void Reload(SslServerAuthenticationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _tls.Replace(options);
    }

    /// <summary>
    /// Sends GOAWAY, lets running requests end for a while, then closes (RFC 9114, section 5.2). Requests that were on their way are still served, later
    /// ones are refused with H3_REQUEST_REJECTED, so that clients send them elsewhere.
    /// </summary>
    /// <param name="drain">How long requests may go on, and responses arrive.</param>
    /// <param name="cancellationToken">Closes at once.</param>
    public async Task StopAsync(TimeSpan drain, CancellationToken cancellationToken = default)
    {
        GoAway(final: false);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(drain);
        await Task.Delay(s_lastRequests, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        GoAway(final: true);
        while (!end.IsCancellationRequested && !await IsIdleAsync().ConfigureAwait(false))
        {
            await Task.Delay(s_poll, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Closes every connection with H3_NO_ERROR, at once.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isReleased, 1) == 0)
        {
            Array.ForEach(_lanes, lane => lane.Close());
            _host.Release();
        }

        await _host.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Array.ForEach(_lanes, lane => lane.Exchanges.Dispose());
    }

    private async Task<bool> IsIdleAsync() => (await Task.WhenAll(_lanes.Select(lane => lane.IsIdleAsync())).ConfigureAwait(false)).All(isIdle => isIdle);

    private void GoAway(bool final) => Array.ForEach(_lanes, lane => lane.GoAway(final));

    /// <summary>What one thread serves. Its state is that thread's alone.</summary>
    private sealed class Lane(Shard shard, ExchangeHost exchanges)
    {
        private readonly List<Connection> _connections = [];

        public Shard Shard => shard;

        public ExchangeHost Exchanges => exchanges;

        public bool IsLeaving { get; private set; }

        /// <summary>On the shard's thread.</summary>
        public Owner Accept(Connection connection)
        {
            _connections.Add(connection);
            return new(this, new ServerOwner(exchanges, connection));
        }

        /// <summary>On the shard's thread.</summary>
        public void Forget(Connection connection) => _connections.Remove(connection);

        public Task<bool> IsIdleAsync()
        {
            TaskCompletionSource<bool> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Work ask = new(_ => answer.TrySetResult(exchanges.Connections.All(c => c.IsIdle)), onAbandoned: () => answer.TrySetResult(true));
            if (!shard.Post(ask))
            {
                answer.SetResult(true);
            }

            return answer.Task;
        }

        public void GoAway(bool final) => Post(_ =>
        {
            IsLeaving = final;
            foreach (ServerConnection connection in exchanges.Connections.ToArray())
            {
                connection.GoAway(final);
            }
        });

        public void Close() => Post(now =>
        {
            foreach (Connection connection in _connections.Where(c => c.IsOpen))
            {
                connection.Close((ulong)Http3ErrorCode.NoError, "the server stops", now);
            }
        });

        private void Post(Action<Instant> action) => shard.Post(new Work(action));
    }

    private sealed class Work(Action<Instant> action, Action? onAbandoned = null) : IShardWork
    {
        public void Run(Instant now) => action(now);

        public void Abandon(Exception fault) => onAbandoned?.Invoke();
    }

    /// <summary>Passes events on, and forgets the connection with its last one.</summary>
    private sealed class Owner(Lane lane, ServerOwner owner) : IConnectionOwner
    {
        public void OnEvents(Connection connection, Instant now)
        {
            owner.OnEvents(connection, now);
            if (lane.IsLeaving)
            {
                // One that came in the middle of the drain.
                owner.Http3.GoAway(final: true);
            }

            if (connection.IsClosed)
            {
                lane.Forget(connection);
            }
        }

        public void OnFault(Connection connection, Exception fault)
        {
            lane.Forget(connection);
            owner.OnShardStopped(fault);
        }

        public void OnShardStopped(Exception? fault) => owner.OnShardStopped(fault);
    }
}
