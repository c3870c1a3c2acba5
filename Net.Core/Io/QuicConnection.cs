using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Connections;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>A QUIC connection (RFC 9000) with the names of System.Net.Quic. All members may be called from any thread.</summary>
public sealed class QuicConnection : IAsyncDisposable
{
    private readonly ConnectionDriver _driver;
    private QuicConnectionOptions? _options;
    private TlsSession? _session;
    private volatile PathBox _path;

    /// <summary>On the shard's thread. A listener's callback sees it before its handshake is complete.</summary>
    internal QuicConnection(ConnectionDriver driver)
    {
        _driver = driver;
        _path = new(driver.Connection.ValidatedPath);
        driver.OnPathChanged = () => _path = new(driver.Connection.ValidatedPath);
    }

    /// <summary>Always: the implementation is managed code.</summary>
    public static bool IsSupported => true;

    /// <summary>The peer's address. When the peer moves it changes, but only to one where the peer has shown that it is (RFC 9000, section 9.3).</summary>
    public IPEndPoint RemoteEndPoint => _path.Value.Remote.ToEndPoint();

    /// <summary>Our own address on that path; the wildcard where the system does not tell.</summary>
    public IPEndPoint LocalEndPoint => _path.Value.Local.IsNone ? new IPEndPoint(IPAddress.Any, 0) : _path.Value.Local.ToEndPoint();

    /// <summary>The server's name: what a client called, or what it asked a server for (empty without SNI).</summary>
    public string TargetHostName { get; private set; } = "";

    /// <summary>What both ends speak.</summary>
    public SslApplicationProtocol NegotiatedApplicationProtocol => _session is null ? default : new(_session.Alpn.ToArray());

    /// <summary>Whether it began with a ticket of an earlier connection: then the certificate is that connection's.</summary>
    public bool IsResumed => (_driver.Session ?? _session)?.IsResumed == true;

    /// <summary>Whether 0-RTT data was sent or read: the server has accepted it. What it rejects is sent again behind the handshake, unseen.</summary>
    public bool IsEarlyDataAccepted => (_driver.Session ?? _session)?.EarlyData == EarlyDataState.Accepted;

    /// <summary>
    /// Ends when the handshake is complete: at once without 0-RTT. Until then what was read may be a copy of what somebody sent before, and
    /// what is written may be read by a server that has not proven who it is by more than an earlier ticket. Fails when the handshake does.
    /// </summary>
    public Task HandshakeCompletion => _driver.Connected;

    /// <summary>The suite that protects the packets.</summary>
    public TlsCipherSuite NegotiatedCipherSuite => (TlsCipherSuite)(_session?.Suite ?? 0);

    /// <summary>TLS 1.3: QUIC has no other.</summary>
    public SslProtocols SslProtocol => SslProtocols.Tls13;

    /// <summary>The peer's certificate; null when it showed none. It belongs to the connection.</summary>
    public X509Certificate? RemoteCertificate { get; private set; }

    internal Crypto.CipherSuite CipherSuite => _session!.Suite;

    internal ConnectionDriver Driver => _driver;

    internal Connection Connection => _driver.Connection;

    internal Shard Shard => _driver.Shard;

    /// <summary>Connects and authenticates. Each connection has a socket and a thread of its own.</summary>
    /// <exception cref="AuthenticationException">TLS failed, on either side: certificate, name, or application protocol.</exception>
    /// <exception cref="QuicException">Nobody answers, or the server refuses.</exception>
    /// <exception cref="SocketException">The name does not resolve, or the address cannot be used.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async ValueTask<QuicConnection> ConnectAsync(QuicClientConnectionOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        cancellationToken.ThrowIfCancellationRequested();
        SslClientAuthenticationOptions tls = options.ClientAuthenticationOptions ?? throw new ArgumentException("ClientAuthenticationOptions is not set", nameof(options));
        ConnectionOptions connectionOptions = options.ToConnectionOptions();
        IPEndPoint remote = await ResolveAsync(options.RemoteEndPoint, cancellationToken).ConfigureAwait(false);
        string name = tls.TargetHost is { Length: > 0 } target ? target : (options.RemoteEndPoint as DnsEndPoint)?.Host ?? remote.Address.ToString();
        TlsClientOptions tlsOptions = SslSettings.Client(tls, name, options.AllowEarlyData);
        UdpAddress local = UdpAddress.FromEndPoint(
            options.LocalEndPoint ?? new(remote.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0));
        ShardHost host = new(
            local,
            connectionOptions,
            null,
            new SslHost(tls),
            (_, _, _) => throw new InvalidOperationException("a client accepts nobody"),
            endpoint => endpoint with { Tickets = SharedTickets.Of(tls) },
            network: options.Network);

        ConnectWork work = new(host, tlsOptions, UdpAddress.FromEndPoint(remote), options, name);
        _ = host.Shard.Post(work);
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static (state, token) => ((ConnectWork)state!).Cancel(token), work);
        try
        {
            return await work.Connection.ConfigureAwait(false);
        }
        catch (QuicException e) when (Faults.Alert(e) is not null)
        {
            throw new AuthenticationException(e.Message, e);
        }
    }

    /// <summary>Opens a stream; waits while the peer permits no more of them.</summary>
    /// <exception cref="QuicException">The connection has ended.</exception>
    public ValueTask<QuicStream> OpenOutboundStreamAsync(QuicStreamType type, CancellationToken cancellationToken = default) =>
        _driver.OpenAsync(type == QuicStreamType.Unidirectional, cancellationToken);

    /// <summary>The next stream that the peer has opened.</summary>
    /// <exception cref="QuicException">The connection has ended, and no stream is left to accept.</exception>
    public ValueTask<QuicStream> AcceptInboundStreamAsync(CancellationToken cancellationToken = default) => _driver.Inbound.TakeAsync(cancellationToken);

    /// <summary>
    /// A client moves to another local address (RFC 9000, section 9): opens another socket, asks the server there, under a connection ID of its own,
    /// and goes on from there as soon as it answers. Streams do not notice; what is sent meanwhile goes by the old address.
    /// </summary>
    /// <param name="localEndPoint">The address to bind; null for another port, on whichever address the system sends from now.</param>
    /// <param name="cancellationToken">Ends the waiting, not the move.</param>
    /// <exception cref="InvalidOperationException">This is a server's end; the handshake is not confirmed yet; the server has asked its clients not to
    /// move; it has given no connection ID to spare; or a move is under way.</exception>
    /// <exception cref="QuicException">The server does not answer at the new address, and the connection goes on at the old one; or it has ended.</exception>
    /// <exception cref="SocketException">The address cannot be bound.</exception>
    /// <remarks>
    /// Nobody need call this when the machine's own address changes: unless an address is bound the system sends from the new one, and the server
    /// follows, as it does when a NAT forgets a client.
    /// </remarks>
    public async ValueTask MigrateAsync(IPEndPoint? localEndPoint = null, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        MigrateWork work = new(_driver, localEndPoint);
        if (!Shard.Post(work))
        {
            throw _driver.Fault ?? Faults.Stopped();
        }

        await work.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether the peer takes unreliable datagrams (RFC 9221). Not part of System.Net.Quic.</summary>
    public bool DatagramsAvailable => _driver.Datagrams.Max >= 0;

    /// <summary>Bytes of the longest datagram that can be sent now; 0 while the peer takes none. It changes with the path's MTU.</summary>
    public int MaxDatagramSize => int.Max(0, _driver.Datagrams.Max);

    /// <summary>
    /// Sends bytes once, in one packet, under congestion control: they arrive whole or not at all, in any order. Does not wait: while more
    /// datagrams wait than <see cref="QuicConnectionOptions.DatagramQueueLength"/>, the oldest are dropped.
    /// </summary>
    /// <exception cref="ArgumentException">Longer than <see cref="MaxDatagramSize"/>.</exception>
    /// <exception cref="NotSupportedException">The peer takes no datagrams.</exception>
    public void SendDatagram(ReadOnlySpan<byte> datagram)
    {
        int max = _driver.Datagrams.Max;
        if (max < 0)
        {
            throw new NotSupportedException("the peer takes no datagrams");
        }

        if (datagram.Length > max)
        {
            throw new ArgumentException($"a datagram of {datagram.Length} bytes does not fit: {max} would", nameof(datagram));
        }

        _driver.Datagrams.Send(datagram);
    }

    /// <summary>The next datagram of the peer's. To get any, set <see cref="QuicConnectionOptions.MaxDatagramFrameSize"/>.</summary>
    /// <exception cref="QuicException">The connection has ended.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; no datagram was taken.</exception>
    public ValueTask<ReadOnlyMemory<byte>> ReceiveDatagramAsync(CancellationToken cancellationToken = default) =>
        _driver.Datagrams.ReceiveAsync(cancellationToken);

    /// <summary>What the connection has measured and moved so far; of one that has ended, its last state. Not part of System.Net.Quic.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async ValueTask<QuicConnectionStatistics> GetStatisticsAsync(CancellationToken cancellationToken = default)
    {
        StatisticsWork work = new(_driver);
        if (!Shard.Post(work))
        {
            // The thread that changes the parts is gone.
            await _driver.Ended.WaitAsync(cancellationToken).ConfigureAwait(false);
            return QuicConnectionStatistics.Of(Connection.Parts);
        }

        return await work.Result.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Closes at once: the peer is told the code, streams fail, what is not sent is lost. Harmless when the connection has ended.</summary>
    /// <param name="errorCode">The application's code, 0 to 2^62-1.</param>
    /// <param name="cancellationToken">Ends the waiting, not the closing.</param>
    public async ValueTask CloseAsync(long errorCode, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(errorCode);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)errorCode, VarInt.MaxValue, nameof(errorCode));
        if (Shard.Post(new CloseWork(_driver, (ulong)errorCode)))
        {
            await _driver.Ended.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Closes with the default error code, if that was not done before.</summary>
    public async ValueTask DisposeAsync()
    {
        await CloseAsync(_options?.DefaultCloseErrorCode ?? 0).ConfigureAwait(false);
        foreach (QuicStream stream in _driver.Inbound.Drain())
        {
            await stream.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Both addresses.</summary>
    public override string ToString() => $"QUIC connection {LocalEndPoint} to {RemoteEndPoint}";

    /// <summary>The ClientHello has told the name.</summary>
    internal QuicConnection Named(string targetHost)
    {
        TargetHostName = targetHost;
        return this;
    }

    /// <summary>On the shard's thread, once the handshake is complete, or 0-RTT data may be sent or read.</summary>
    internal void Complete(QuicConnectionOptions options, string targetHost)
    {
        TargetHostName = targetHost;
        _options = options;
        _session = _driver.Connection.Session!;
        RemoteCertificate = _session.PeerCertificates.Count > 0 ? X509CertificateLoader.LoadCertificate(_session.PeerCertificates[0].Span) : null;
        if (options.StreamCapacityCallback is Action<QuicConnection, QuicStreamCapacityChangedArgs> callback)
        {
            _driver.OnCapacity = args => _ = ThreadPool.UnsafeQueueUserWorkItem(new CapacityCall(callback, this, args), preferLocal: false);
        }
    }

    private static async ValueTask<IPEndPoint> ResolveAsync(EndPoint? endPoint, CancellationToken cancellationToken)
    {
        switch (endPoint)
        {
            case IPEndPoint address:
                return address;
            case null:
                throw new ArgumentException("RemoteEndPoint is not set", nameof(endPoint));
            case DnsEndPoint name:
                IPAddress[] addresses = await Dns.GetHostAddressesAsync(name.Host, name.AddressFamily, cancellationToken).ConfigureAwait(false);
                return addresses.Length > 0 ? new(addresses[0], name.Port) : throw new SocketException((int)SocketError.HostNotFound);
            default:
                throw new ArgumentException("an IPEndPoint or a DnsEndPoint is needed", nameof(endPoint));
        }
    }

    private sealed record PathBox(NetworkPath Value);

    private sealed class CapacityCall(
        Action<QuicConnection, QuicStreamCapacityChangedArgs> callback, QuicConnection connection, QuicStreamCapacityChangedArgs args) : IThreadPoolWorkItem
    {
        public void Execute()
        {
            try
            {
                callback(connection, args);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // The application's fault must not end the process: nobody waits for this call.
            }
        }
    }

    private sealed class StatisticsWork(ConnectionDriver driver) : IShardWork
    {
        private readonly TaskCompletionSource<QuicConnectionStatistics> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<QuicConnectionStatistics> Result => _result.Task;

        public void Run(Instant now) => _result.SetResult(QuicConnectionStatistics.Of(driver.Connection.Parts));

        public void Abandon(Exception fault) => _result.SetException(Faults.Internal(fault));
    }

    private sealed class CloseWork(ConnectionDriver driver, ulong code) : IShardWork
    {
        public void Run(Instant now)
        {
            if (driver.Connection.IsOpen && !driver.Connection.IsFrozen)
            {
                driver.Connection.Close(code, "closed by the application", now);
            }
        }
    }

    private sealed class ConnectWork(ShardHost host, TlsClientOptions tls, UdpAddress remote, QuicClientConnectionOptions options, string name) : IShardWork
    {
        private readonly QuicClientConnectionOptions _options = options;
        private readonly TaskCompletionSource<QuicConnection> _connection = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private ConnectionDriver? _driver;

        public Task<QuicConnection> Connection => _connection.Task;

        public void Run(Instant now)
        {
            Connection connection = host.Shard.Endpoint.Connect(tls, new(remote, host.Shard.Channel.Local, 0), now);
            _driver = new(host.Shard, connection, (ulong)_options.DefaultStreamErrorCode, () => host.Release());
            _driver.OnConnected = OnConnected;
            _driver.OnConfirmed = now => MigrateWork.FollowPreferred(_driver, _options.FollowPreferredAddress, now);
            host.Shard.SetOwner(connection, _driver);
            _ = WatchAsync(_driver);
        }

        public void Cancel(CancellationToken token)
        {
            if (_connection.TrySetCanceled(token))
            {
                // Posted behind this work itself, so there is a connection then.
                _ = host.Shard.Post(new CancelWork(this));
            }
        }

        private void OnConnected()
        {
            // When its caller has given up, the cancellation's work closes it.
            QuicConnection connection = new(_driver!);
            connection.Complete(_options, name);
            _ = _connection.TrySetResult(connection);
        }

        private async Task WatchAsync(ConnectionDriver driver)
        {
            await driver.Ended.ConfigureAwait(false);
            _ = _connection.TrySetException(driver.Fault!);
        }

        private sealed class CancelWork(ConnectWork work) : IShardWork
        {
            public void Run(Instant now) => new CloseWork(work._driver!, (ulong)work._options.DefaultCloseErrorCode).Run(now);
        }
    }
}
