using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Net.Core.Connections;
using Net.Core.Errors;
using Net.Core.Io;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Http3.Client.Hosting;

/// <summary>A connection to an HTTP/3 server, with a socket and a thread of its own.</summary>
internal sealed class Http3Client : IAsyncDisposable
{
    private static readonly byte[] s_alpn = "h3"u8.ToArray();

    private readonly ShardHost _host;
    private readonly ConnectWork _work;

    private Http3Client(ShardHost host, ConnectWork work) => (_host, _work) = (host, work);

    /// <summary>The server's address.</summary>
    public string Peer => _work.Remote.ToEndPoint().Address.ToString();

    /// <summary>Why the connection ended; <c>null</c> while it lives.</summary>
    public CloseReason? CloseReason => _work.Owner?.CloseReason;

    /// <summary>No more requests are taken: the server goes away, or the connection has ended.</summary>
    public bool IsLeaving => _work.Owner?.Http3.IsLeaving != false;

    /// <summary>Ends when <see cref="IsLeaving"/> begins to hold.</summary>
    public Task Leaving => _work.Owner!.Http3.Leaving;

    /// <summary>Ends when the connection does.</summary>
    public Task Closed => _work.Owner!.Http3.Closed;

    /// <inheritdoc cref="ConnectAsync(UdpAddress, string, SslClientAuthenticationOptions, bool, ClientSessionOptions?, CancellationToken)"/>
    public static Task<Http3Client> ConnectAsync(
        UdpAddress remote, string serverName, SslClientAuthenticationOptions tls, CancellationToken cancellationToken) =>
        ConnectAsync(remote, serverName, tls, earlyData: false, session: null, cancellationToken);

    /// <summary>Connects, or fails with what ended the attempt.</summary>
    /// <param name="remote">The server's address.</param>
    /// <param name="serverName">For SNI and the certificate; a host name or an address.</param>
    /// <param name="tls">Whom to trust; the protocol is always h3.</param>
    /// <param name="earlyData">Whether requests of safe methods may be sent in 0-RTT.</param>
    /// <param name="session">What the session goes by; <c>null</c> for the defaults.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="IOException">The handshake failed; the message says why.</exception>
    /// <exception cref="AuthenticationException">The server's certificate is not trusted, or not valid for the name.</exception>
    public static async Task<Http3Client> ConnectAsync(
        UdpAddress remote, string serverName, SslClientAuthenticationOptions tls, bool earlyData, ClientSessionOptions? session, CancellationToken cancellationToken)
    {
        bool isV4 = remote.ToEndPoint().AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;
        ShardHost host = new(
            UdpAddress.FromEndPoint(new(isV4 ? IPAddress.Any : IPAddress.IPv6Any, 0)), ConnectionOptions.Default, null, new SslHost(tls),
            static (_, _, _) => throw new InvalidOperationException("a client accepts nobody"), endpoint => endpoint with { Tickets = SharedTickets.Of(tls) });
        TlsClientOptions options = new() { AlpnProtocols = [s_alpn], ServerName = serverName, Resumes = tls.AllowTlsResume, SendsEarlyData = earlyData };
        ConnectWork work = new(host, options, remote, session);
        Http3Client client = new(host, work);
        _ = host.Shard.Post(work);
        try
        {
            await work.Connected.WaitAsync(cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>For the shard's thread; <c>null</c> until there is a connection.</summary>
    internal Roaming? Roaming => _work.Owner?.Roaming;

    /// <summary>The connection itself, for the shard's thread.</summary>
    internal Connection? Connection => _work.Connection;

    /// <summary>Addresses of this machine have come or gone: the connection asks another path, and goes there if the server answers. From any thread.</summary>
    public void OnNetworkChanged() => _ = _host.Shard.Post(new RoamWork(_work));

    /// <summary>A request to be sent.</summary>
    public ClientExchange NewExchange() => _work.Owner!.Http3.NewExchange();

    /// <summary>Closes with H3_NO_ERROR and ends the thread.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_host.Shard.Post(new CloseWork(_work)) && _work.Owner is not null)
        {
            await _work.Owner.Http3.Closed.ConfigureAwait(false);
        }

        _work.ReleaseOnce();
        await _host.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private sealed class ConnectWork(ShardHost host, TlsClientOptions tls, UdpAddress remote, ClientSessionOptions? session) : IShardWork
    {
        private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private bool _isReleased;

        public Task Connected => _connected.Task;

        public UdpAddress Remote => remote;

        public ClientOwner? Owner { get; private set; }

        public Connection? Connection { get; private set; }

        public void Run(Instant now)
        {
            Connection = host.Shard.Endpoint.Connect(tls, new(remote, host.Shard.Channel.Local, 0), now);
            Owner = new(Connection, new ShardQueue(host.Shard), inline: false, session)
            {
                OnConnected = () => _connected.TrySetResult(),
                Roaming = new(host.Shard, Connection),
            };
            host.Shard.SetOwner(Connection, Owner);
            _ = WatchAsync();
        }

        public void Abandon(Exception fault) => _connected.TrySetException(new IOException("the connection's thread has ended", fault));

        public void ReleaseOnce()
        {
            if (!_isReleased)
            {
                _isReleased = true;
                host.Release();
            }
        }

        private async Task WatchAsync()
        {
            await Owner!.Http3.Closed.ConfigureAwait(false);
            string reason = $"the connection failed: {Owner.CloseReason?.Reason ?? "its thread has ended"}";
            _ = _connected.TrySetException(IsDistrust(Owner.CloseReason) ? new AuthenticationException(reason) : new ConnectFailedException(reason, Owner.CloseReason));
        }

        /// <summary>We closed with one of the alerts about certificates: bad_certificate (42) to unknown_ca (48) (RFC 8446, section 6.2).</summary>
        private static bool IsDistrust(CloseReason? reason) => reason is { Origin: CloseOrigin.LocalTransport } r
            && r.Code is >= (ulong)TransportErrorCode.CryptoError + 42 and <= (ulong)TransportErrorCode.CryptoError + 48;
    }

    private sealed class RoamWork(ConnectWork work) : IShardWork
    {
        public void Run(Instant now) => work.Owner?.Roaming!.OnNetworkChanged(now);
    }

    private sealed class CloseWork(ConnectWork work) : IShardWork
    {
        public void Run(Instant now)
        {
            if (work.Connection is { IsOpen: true } connection)
            {
                connection.Close((ulong)Http3ErrorCode.NoError, "done", now);
            }
        }
    }
}
