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

    /// <summary>Told of exceptions that the component let escape; the request has been answered for it.</summary>
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
    private readonly ExchangeHost _exchanges;
    private readonly List<Connection> _connections = [];
    private bool _isLeaving;
    private int _isReleased;

    private Http3Server(Http3ServerOptions options)
    {
        ConnectionOptions connections = ConnectionOptions.Default with
        {
            IdleTimeout = options.IdleTimeout,
            HandshakeTimeout = options.Limits.HandshakeTimeout,
            Streams = new() { MaxBidirectional = (ulong)options.Limits.MaxConcurrentRequests },
        };
        _tls = new(options.ServerAuthenticationOptions);
        TaskCompletionSource<ExchangeHost> exchanges = new();
        _host = new(
            UdpAddress.FromEndPoint(options.ListenEndPoint), connections, Tls(options.AllowEarlyData, options.ServerAuthenticationOptions.AllowTlsResume, options.Qpack), _tls,
            (_, connection) => Accept(connection, exchanges.Task.Result),
            endpoint => endpoint with { MaxConnections = options.Limits.MaxConnections });
        _exchanges = new(options.Component, new ShardQueue(_host.Shard), new()
        {
            OnFault = options.OnFault,
            Limits = options.Limits,
            Qpack = options.Qpack,
            SendsGrease = options.SendsGrease,
            Date = new HttpDate(TimeProvider.System).Text,
        });
        exchanges.SetResult(_exchanges);
    }

    /// <summary>The address that it is bound to.</summary>
    public IPEndPoint LocalEndPoint => _host.Shard.Channel.Local.ToEndPoint();

    /// <summary>Ends when the server has.</summary>
    public Task Completion => _host.Completion;

    /// <summary>Binds and serves.</summary>
    /// <param name="options">What, and where.</param>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
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
    /// <param name="drain">How long requests may go on.</param>
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
            Post(now =>
            {
                foreach (Connection connection in _connections.Where(c => c.IsOpen))
                {
                    connection.Close((ulong)Http3ErrorCode.NoError, "the server stops", now);
                }
            });
            _host.Release();
        }

        await _host.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _exchanges.Dispose();
    }

    private Owner Accept(Connection connection, ExchangeHost exchanges)
    {
        _connections.Add(connection);
        return new(this, new ServerOwner(exchanges, connection));
    }

    private Task<bool> IsIdleAsync()
    {
        TaskCompletionSource<bool> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_host.Shard.Post(new Work(_ => answer.SetResult(_exchanges.Connections.All(c => c.IsIdle)))))
        {
            answer.SetResult(true);
        }

        return answer.Task;
    }

    private void GoAway(bool final) => Post(_ =>
    {
        _isLeaving = final;
        foreach (ServerConnection connection in _exchanges.Connections.ToArray())
        {
            connection.GoAway(final);
        }
    });

    private void Post(Action<Instant> action) => _host.Shard.Post(new Work(action));

    private sealed class Work(Action<Instant> action) : IShardWork
    {
        public void Run(Instant now) => action(now);
    }

    /// <summary>Passes events on, and forgets the connection with its last one.</summary>
    private sealed class Owner(Http3Server server, ServerOwner owner) : IConnectionOwner
    {
        public void OnEvents(Connection connection, Instant now)
        {
            owner.OnEvents(connection, now);
            if (server._isLeaving)
            {
                // One that came in the middle of the drain.
                owner.Http3.GoAway(final: true);
            }

            if (connection.IsClosed)
            {
                server._connections.Remove(connection);
            }
        }

        public void OnShardStopped(Exception? fault) => owner.OnShardStopped(fault);
    }
}
