using System.Net;
using System.Net.Security;
using Net.Core.Connections;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>Accepts QUIC connections on one UDP port, with the names of System.Net.Quic. All members may be called from any thread.</summary>
public sealed class QuicListener : IAsyncDisposable
{
    private const int ResetKeyLength = 32;

    private readonly QuicServerConnectionOptions _options;
    private readonly AcceptQueue<QuicConnection> _accepted;
    private readonly ShardHost _host;
    private int _isDisposed;

    private QuicListener(QuicListenerOptions options)
    {
        _options = options.ConnectionOptions;
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ListenBacklog, 1);
        _accepted = new(options.ListenBacklog);
        SslServerAuthenticationOptions tls = _options.ServerAuthenticationOptions;
        TlsServerOptions tlsOptions = new()
        {
            AlpnProtocols = QuicConnection.Names(options.ApplicationProtocols is { Count: > 0 } names ? names : tls.ApplicationProtocols),
            ClientCertificates = !tls.ClientCertificateRequired ? ClientCertificates.None
                : _options.AcceptsNoClientCertificate ? ClientCertificates.Request
                : ClientCertificates.Require,
            Tickets = tls.AllowTlsResume ? TlsServerOptions.DefaultTickets : 0,
            AcceptsEarlyData = _options.AllowEarlyData,
        };
        ArgumentOutOfRangeException.ThrowIfLessThan(options.RetryThreshold, -1);
        if (options.StatelessResetKey.Length is not (0 or ResetKeyLength))
        {
            throw new ArgumentException("a stateless reset key has 32 bytes", nameof(options));
        }

        UdpAddress listen = UdpAddress.FromEndPoint(options.ListenEndPoint);
        UdpAddress preferredIPv4 = Preferred(options.PreferredIPv4EndPoint, isIPv6: false);
        UdpAddress preferredIPv6 = Preferred(options.PreferredIPv6EndPoint, isIPv6: true);
        UdpAddress[] apart = [.. new[] { preferredIPv4, preferredIPv6 }.Where(address => !IsCovered(listen, address))];
        if (apart.Length > 1)
        {
            throw new ArgumentException("one preferred address at most may need a socket of its own", nameof(options));
        }

        _host = new(
            listen,
            _options.ToConnectionOptions() with { PreferredIPv4 = preferredIPv4, PreferredIPv6 = preferredIPv6 },
            tlsOptions,
            new SslHost(tls),
            Accept,
            retryAbove: options.RetryThreshold < 0 ? null : options.RetryThreshold,
            resetKey: options.StatelessResetKey,
            alsoAt: apart.Length == 1 ? apart[0] : null);
        LocalEndPoint = _host.Shard.Channel.Local.ToEndPoint();
    }

    /// <summary>Always: the implementation is managed code.</summary>
    public static bool IsSupported => true;

    /// <summary>The address that is bound, with the port that the system chose if none was given.</summary>
    public IPEndPoint LocalEndPoint { get; }

    /// <summary>Ends when the socket is closed: after disposal, with the last connection.</summary>
    internal Task Completion => _host.Completion;

    /// <summary>Binds the port and serves handshakes from then on.</summary>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    /// <exception cref="ArgumentException">No certificate, or no application protocol.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">The address cannot be bound.</exception>
    public static ValueTask<QuicListener> ListenAsync(QuicListenerOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(new QuicListener(options));
    }

    /// <summary>The next connection whose handshake is complete. Peers that fail theirs are not heard of.</summary>
    /// <exception cref="ObjectDisposedException">The listener was disposed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ValueTask<QuicConnection> AcceptConnectionAsync(CancellationToken cancellationToken = default) => _accepted.TakeAsync(cancellationToken);

    /// <summary>Accepts nobody any more. Connections that were accepted go on, and the socket with them; those that were not are closed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        _accepted.End(new ObjectDisposedException(nameof(QuicListener)));
        _ = _host.Shard.Post(new RefuseWork(_host.Shard));
        foreach (QuicConnection connection in _accepted.Drain())
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }

        _host.Release();
    }

    /// <summary>On the shard's thread, with the first packet of a client.</summary>
    private ConnectionDriver Accept(ShardHost host, Connection connection)
    {
        host.AddUser();
        ConnectionDriver driver = new(host.Shard, connection, (ulong)_options.DefaultStreamErrorCode, host.Release);
        driver.OnConnected = () => OnConnected(driver);
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

    private void OnConnected(ConnectionDriver driver)
    {
        QuicConnection connection = new(driver, _options, driver.Connection.Session!.ServerName ?? "");
        if (!_accepted.TryAdd(connection))
        {
            // Nobody takes it, or too many wait already.
            _ = connection.DisposeAsync().AsTask();
        }
    }

    private sealed class RefuseWork(Shard shard) : IShardWork
    {
        public void Run(Time.Instant now) => shard.Endpoint.AcceptsNew = false;
    }
}
