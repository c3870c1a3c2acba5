using System.Net;
using System.Net.Security;
using Net.Core.Connections;
using Net.Core.Errors;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>Accepts QUIC connections on one UDP port, with the names of System.Net.Quic. All members may be called from any thread.</summary>
public sealed class QuicListener : IAsyncDisposable
{
    private const int ResetKeyLength = 32;

    private readonly ServerSetup? _setup;
    private readonly Func<QuicConnection, SslClientHelloInfo, CancellationToken, ValueTask<QuicServerConnectionOptions>>? _select;
    private readonly AcceptQueue<QuicConnection> _accepted;
    private readonly ShardHost _host;
    private int _isDisposed;

    private QuicListener(QuicListenerOptions options)
    {
        IPEndPoint address = options.ListenEndPoint ?? throw new ArgumentException("ListenEndPoint is not set");
        ArgumentOutOfRangeException.ThrowIfNegative(options.ListenBacklog);
        _accepted = new(options.ListenBacklog == 0 ? QuicListenerOptions.DefaultBacklog : options.ListenBacklog);
        _select = options.ConnectionOptionsCallback;
        if (_select is null)
        {
            _setup = ServerSetup.Of(options.ConnectionOptions ?? throw new ArgumentException("ConnectionOptionsCallback or ConnectionOptions is needed"), options.ApplicationProtocols);
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(options.RetryThreshold, -1);
        if (options.StatelessResetKey.Length is not (0 or ResetKeyLength))
        {
            throw new ArgumentException("a stateless reset key has 32 bytes", nameof(options));
        }

        int threads = ShardHost.CountThreads(options.Threads, options.Network, nameof(QuicListenerOptions.Threads));
        UdpAddress listen = UdpAddress.FromEndPoint(address);
        UdpAddress preferredIPv4 = Preferred(options.PreferredIPv4EndPoint, isIPv6: false);
        UdpAddress preferredIPv6 = Preferred(options.PreferredIPv6EndPoint, isIPv6: true);
        UdpAddress[] apart = [.. new[] { preferredIPv4, preferredIPv6 }.Where(preferred => !IsCovered(listen, preferred))];
        if (apart.Length > 1)
        {
            throw new ArgumentException("one preferred address at most may need a socket of its own", nameof(options));
        }

        // With a callback, what is here rules until it has answered: whom a client may ask for at all. A session that is resumed asks for no
        // certificate, so the callback would never be shown its ClientHello, and its rules, such as that clients have certificates, would never
        // be applied: there are no tickets, and none is taken (checklist S45).
        _host = new(
            listen,
            (_setup?.Connection ?? ConnectionOptions.Default) with { PreferredIPv4 = preferredIPv4, PreferredIPv6 = preferredIPv6 },
            _setup?.Tls ?? new TlsServerOptions { AlpnProtocols = SslSettings.Names(options.ApplicationProtocols), Tickets = 0 },
            _setup?.Crypto ?? new SslHost(),
            Accept,
            retryAbove: options.RetryThreshold < 0 ? null : options.RetryThreshold,
            resetKey: options.StatelessResetKey,
            alsoAt: apart.Length == 1 ? apart[0] : null,
            network: options.Network,
            threads: threads);
        LocalEndPoint = _host.Shard.Channel.Local.ToEndPoint();
        _ = EndAsync();
    }

    /// <summary>Always: the implementation is managed code.</summary>
    public static bool IsSupported => true;

    /// <summary>The address that is bound, with the port that the system chose if none was given.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>Those who wait to accept.</summary>
    internal int Waiting => _accepted.Waiting;

    /// <summary>One per thread.</summary>
    internal IReadOnlyList<Shard> Shards => _host.Shards;

    /// <summary>Ends when the socket is closed: after disposal, with the last connection.</summary>
    internal Task Completion => _host.Completion;

    /// <summary>Binds the port and serves handshakes from then on.</summary>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    /// <exception cref="ArgumentException">No certificate, no application protocol, or another option is missing or out of range.</exception>
    /// <exception cref="NotSupportedException">The TLS options ask for what QUIC does not have.</exception>
    /// <exception cref="PlatformNotSupportedException">There are to be several <see cref="QuicListenerOptions.Threads"/>, and the system cannot share a port.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">The address cannot be bound.</exception>
    public static ValueTask<QuicListener> ListenAsync(QuicListenerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(new QuicListener(options));
    }

    /// <summary>The next connection whose handshake is complete. Peers that fail theirs are not heard of, by whatever fault, a callback's included.</summary>
    /// <exception cref="ObjectDisposedException">The listener was disposed.</exception>
    /// <exception cref="QuicException">No thread of the listener is left, by a fault of its own (<see cref="QuicError.InternalError"/>).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ValueTask<QuicConnection> AcceptConnectionAsync(CancellationToken cancellationToken = default) => _accepted.TakeAsync(cancellationToken);

    /// <summary>
    /// Accepts nobody any more. Connections that were accepted go on, and the socket with them; those that were not are closed, and handshakes that are
    /// under way are refused (CONNECTION_REFUSED).
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        _accepted.End(new ObjectDisposedException(nameof(QuicListener)));
        foreach (Shard shard in _host.Shards)
        {
            _ = shard.Post(new RefuseWork(shard));
        }

        foreach (QuicConnection connection in _accepted.Drain())
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }

        if (_host.Release())
        {
            // No connection has the port any more: whoever binds it next finds it free.
            await _host.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>How the threads share the work.</summary>
    public QuicListenerStatistics GetStatistics() => _host.GetStatistics();

    /// <summary>Where it listens.</summary>
    public override string ToString() => $"QUIC listener on {LocalEndPoint}";

    /// <summary>Nobody waits for clients of a listener that has died.</summary>
    private async Task EndAsync()
    {
        await _host.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _accepted.End(new QuicException(QuicError.InternalError, null, null, "the listener has ended by a fault of its own", _host.Completion.Exception?.InnerException));
    }

    /// <summary>On the shard's thread, with the first packet of a client.</summary>
    private ConnectionDriver Accept(ShardHost host, Shard shard, Connection connection)
    {
        host.AddUser();
        ConnectionDriver driver = new(shard, connection, (ulong)(_setup?.Options.DefaultStreamErrorCode ?? 0), () => host.Release());
        QuicConnection accepted = new(driver);
        driver.OnConnected = () => OnConnected(driver, accepted);
        if (_select is not null)
        {
            driver.OnSelect = request => new OptionsSelection(_select, accepted.Named(request.ServerName ?? ""), driver, request);
        }

        return driver;
    }

    private static UdpAddress Preferred(IPEndPoint? endPoint, bool isIPv6)
    {
        UdpAddress address = endPoint is null ? default : UdpAddress.FromEndPoint(endPoint);
        return address.IsNone || (address.IsIPv6 == isIPv6 && !address.IsAny && address.Port != 0)
            ? address
            : throw new ArgumentException("a preferred address names a host and a port, each under its own family");
    }

    // The IPv6 wildcard takes IPv4 as well.
    private static bool IsCovered(UdpAddress listen, UdpAddress address) =>
        address.IsNone || address == listen || (listen.IsAny && listen.Port == address.Port && (listen.IsIPv6 || !address.IsIPv6));

    private void OnConnected(ConnectionDriver driver, QuicConnection connection)
    {
        connection.Complete((driver.Setup ?? _setup)!.Options, driver.Connection.Session!.ServerName ?? "");
        if (!_accepted.TryAdd(connection))
        {
            // Nobody takes it, or too many wait already.
            _ = connection.DisposeAsync().AsTask();
        }
    }

    private sealed class RefuseWork(Shard shard) : IShardWork
    {
        public void Run(Time.Instant now)
        {
            shard.Endpoint.AcceptsNew = false;
            foreach (Connection connection in shard.Endpoint.Connections)
            {
                if (connection.Session is null)
                {
                    // Nobody would ever take it: it must not hold the socket until its handshake has run out of time.
                    connection.Parts.Fail(TransportError.Of(TransportErrorCode.ConnectionRefused, "the server accepts nobody any more"), now);
                    connection.Registration?.Touch();
                }
            }
        }
    }
}
