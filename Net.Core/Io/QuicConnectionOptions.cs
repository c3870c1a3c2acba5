using System.Net;
using System.Net.Security;
using Net.Core.Connections;
using Net.Core.Paths;
using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>What client and server connections are configured with.</summary>
public abstract class QuicConnectionOptions
{
    private protected QuicConnectionOptions()
    {
    }

    /// <summary>Application error code of a connection that is disposed without <see cref="QuicConnection.CloseAsync"/>; 0 to 2^62-1.</summary>
    public long DefaultCloseErrorCode { get; set; }

    /// <summary>Application error code of a stream that is disposed before its end, or whose write is cancelled; 0 to 2^62-1.</summary>
    public long DefaultStreamErrorCode { get; set; }

    /// <summary>Silence after which the connection is over; zero for 30 s, infinite for never. The smaller one of both ends' counts (RFC 9000, section 10.1).</summary>
    public TimeSpan IdleTimeout { get; set; }

    /// <summary>From the first packet to the end of the handshake; 10 s by default.</summary>
    public TimeSpan HandshakeTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Silence after which the peer is asked for a sign of life; zero or infinite for never.</summary>
    public TimeSpan KeepAliveInterval { get; set; }

    /// <summary>Bidirectional streams that the peer may have open at a time.</summary>
    public int MaxInboundBidirectionalStreams { get; set; }

    /// <summary>Unidirectional streams that the peer may have open at a time.</summary>
    public int MaxInboundUnidirectionalStreams { get; set; }

    /// <summary>
    /// Directory for a qlog file per connection (draft-ietf-quic-qlog-main-schema), made if it is not there; it shows addresses, sizes and
    /// times, and no secrets. Null: that of the environment variable QLOGDIR, if it is set.
    /// </summary>
    public string? QlogDirectory { get; set; }

    /// <summary>
    /// File to which the secrets of all connections are appended, for programs that read captured packets (RFC 9850): who has it can read
    /// and forge all that they carry. Null: that of the environment variable SSLKEYLOGFILE, if it is set.
    /// </summary>
    public string? KeyLogFile { get; set; }

    /// <summary>
    /// The largest UDP payload to send, in bytes: 1,200 to 65,527, by default 1,452, which an Ethernet carries over IPv6. Every path begins
    /// with 1,200, and is tried with more (RFC 8899).
    /// </summary>
    public int MaxDatagramSize { get; set; } = ConnectionOptions.Default.MaxDatagramSize;

    /// <summary>Tells the peer not to move to another address of its own accord (disable_active_migration: RFC 9000, section 18.2). NATs may still move it.</summary>
    public bool DisableActiveMigration { get; set; }

    /// <summary>
    /// Bytes that the peer may send ahead of the reader on a stream, and ahead of all readers of the connection, at first. From there
    /// windows grow while the readers are fast enough to need it.
    /// </summary>
    public QuicReceiveWindowSizes InitialReceiveWindowSizes { get; set; } = new();

    /// <summary>
    /// Bytes to which the receive window of a stream may grow, with the measured bandwidth and round trip; 6 MiB by default, 256 MiB at most. At
    /// or below its initial size a window stays as it is. Not part of System.Net.Quic.
    /// </summary>
    public int MaxStreamReceiveWindow { get; set; } = (int)ConnectionOptions.Default.Streams.MaxStreamWindow;

    /// <summary>
    /// Likewise for the window of all streams together, which is what a peer can make one connection hold; 16 MiB by default, 256 MiB at most. Not
    /// part of System.Net.Quic.
    /// </summary>
    public int MaxConnectionReceiveWindow { get; set; } = (int)ConnectionOptions.Default.Streams.MaxConnectionWindow;

    /// <summary>
    /// Largest DATAGRAM frame (RFC 9221) that the peer may send, in bytes with a few for its header; 65,535 takes all that fit a packet. 0, the
    /// default, takes none. Whether the peer takes any is its own decision. Not part of System.Net.Quic.
    /// </summary>
    public int MaxDatagramFrameSize { get; set; }

    /// <summary>Unreliable datagrams that wait to be sent, and to be read; the oldest are dropped then. 1 to 4,096; 256 by default. Not part of System.Net.Quic.</summary>
    public int DatagramQueueLength { get; set; } = ConnectionOptions.Default.Datagrams.MaxQueued;

    /// <summary>
    /// Called when the peer permits more streams: first with what it permits when the connection begins, then whenever some have ended. On a
    /// thread of the pool; the increments may come in any order. What it throws is passed over.
    /// </summary>
    public Action<QuicConnection, QuicStreamCapacityChangedArgs>? StreamCapacityCallback { get; set; }

    internal virtual ConnectionOptions ToConnectionOptions()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxDatagramSize, PathMtu.Base);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxDatagramSize, PathMtu.Max);
        ArgumentOutOfRangeException.ThrowIfNegative(DefaultCloseErrorCode);
        ArgumentOutOfRangeException.ThrowIfNegative(DefaultStreamErrorCode);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxInboundBidirectionalStreams);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxInboundUnidirectionalStreams);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(HandshakeTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxDatagramFrameSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxDatagramFrameSize, ushort.MaxValue);
        ArgumentOutOfRangeException.ThrowIfLessThan(DatagramQueueLength, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(DatagramQueueLength, DatagramQueue.CountLimit);
        InitialReceiveWindowSizes.ThrowIfUnusable();
        QuicReceiveWindowSizes.ThrowIfUnusable(MaxStreamReceiveWindow, nameof(MaxStreamReceiveWindow));
        QuicReceiveWindowSizes.ThrowIfUnusable(MaxConnectionReceiveWindow, nameof(MaxConnectionReceiveWindow));
        ConnectionOptions defaults = ConnectionOptions.Default;
        return defaults with
        {
            IdleTimeout = IdleTimeout == TimeSpan.Zero ? defaults.IdleTimeout : OrNever(IdleTimeout),
            HandshakeTimeout = HandshakeTimeout,
            KeepAlive = OrNever(KeepAliveInterval),
            Observers = HostDiagnostics.QlogTo(QlogDirectory),
            KeyLog = HostDiagnostics.KeysTo(KeyLogFile),
            MaxDatagramSize = MaxDatagramSize,
            DisableActiveMigration = DisableActiveMigration,
            Streams = defaults.Streams with
            {
                MaxBidirectional = (ulong)MaxInboundBidirectionalStreams,
                MaxUnidirectional = (ulong)MaxInboundUnidirectionalStreams,
                ConnectionWindow = (ulong)InitialReceiveWindowSizes.Connection,
                LocalBidirectionalWindow = (ulong)InitialReceiveWindowSizes.LocallyInitiatedBidirectionalStream,
                RemoteBidirectionalWindow = (ulong)InitialReceiveWindowSizes.RemotelyInitiatedBidirectionalStream,
                UnidirectionalWindow = (ulong)InitialReceiveWindowSizes.UnidirectionalStream,
                MaxStreamWindow = (ulong)MaxStreamReceiveWindow,
                MaxConnectionWindow = (ulong)MaxConnectionReceiveWindow,
            },
            Datagrams = defaults.Datagrams with { MaxFrameSize = MaxDatagramFrameSize, MaxQueued = DatagramQueueLength },
        };
    }

    private protected static uint Number(QuicProtocolVersion version) => version == QuicProtocolVersion.Version2 ? QuicVersion.V2 : QuicVersion.V1;

    private protected static uint? NumberOrNull(QuicProtocolVersion? version) => version is QuicProtocolVersion wanted ? Number(wanted) : null;

    private static TimeSpan OrNever(TimeSpan time) => time > TimeSpan.Zero ? time : TimeSpan.Zero;
}

/// <summary>How to connect to a server.</summary>
public sealed class QuicClientConnectionOptions : QuicConnectionOptions
{
    /// <summary>The server: an <see cref="IPEndPoint"/> or a <see cref="DnsEndPoint"/>.</summary>
    public EndPoint RemoteEndPoint { get; set; } = null!;

    /// <summary>The address to bind; null lets the system choose.</summary>
    public IPEndPoint? LocalEndPoint { get; set; }

    /// <summary>
    /// TLS. Used are ApplicationProtocols (at least one), TargetHost (else the host of <see cref="RemoteEndPoint"/>), ClientCertificates or
    /// ClientCertificateContext, LocalCertificateSelectionCallback, CertificateChainPolicy, CertificateRevocationCheckMode,
    /// RemoteCertificateValidationCallback, CipherSuitesPolicy (its TLS 1.3 suites), AllowRsaPssPadding and AllowTlsResume (sessions are resumed
    /// within one such object; the certificate is then judged again, as it was shown before). EnabledSslProtocols without TLS 1.3 and an
    /// EncryptionPolicy that permits none are refused.
    /// </summary>
    public SslClientAuthenticationOptions ClientAuthenticationOptions { get; set; } = null!;

    /// <summary>
    /// Whether the connection may be used before its handshake is complete (0-RTT), when an earlier one with the same
    /// <see cref="ClientAuthenticationOptions"/> object has left a ticket that allows it. What is sent until
    /// <see cref="QuicConnection.HandshakeCompletion"/> has ended may be repeated by others, and must do no harm then (RFC 9001, section 9.2).
    /// </summary>
    public bool AllowEarlyData { get; set; }

    /// <summary>The version to begin with.</summary>
    public QuicProtocolVersion Version { get; set; } = QuicProtocolVersion.Version1;

    /// <summary>
    /// Whether the server may change to another version that we speak (RFC 9368), or turn <see cref="Version"/> down and be tried with another one.
    /// What was agreed is checked under the protection of the handshake. True by default.
    /// </summary>
    public bool AcceptOtherVersions { get; set; } = true;

    /// <summary>
    /// The version to name first among those that the server may change to (RFC 9368, section 3); null: <see cref="Version"/>. A server without a
    /// preference of its own goes by it.
    /// </summary>
    public QuicProtocolVersion? PreferredVersion { get; set; }

    /// <summary>
    /// Decides whether to follow a server that would rather be reached at another address (RFC 9000, section 9.6): gets the address that was called
    /// and the preferred one. Called on the connection's thread. Null follows unless the preferred address reaches less far, as a private or a
    /// loopback address behind a public one does: a server could use its clients to send to hosts that it cannot reach itself.
    /// </summary>
    public Func<IPEndPoint, IPEndPoint, bool>? FollowPreferredAddress { get; set; }

    /// <summary>Where to connect instead of the system's network; for tests. Not part of System.Net.Quic.</summary>
    public QuicMemoryNetwork? Network { get; set; }

    internal override ConnectionOptions ToConnectionOptions() =>
        base.ToConnectionOptions() with { Version = Number(Version), MayChangeVersion = AcceptOtherVersions, PreferredVersion = NumberOrNull(PreferredVersion) };
}

/// <summary>How a server treats the connections of its clients.</summary>
public sealed class QuicServerConnectionOptions : QuicConnectionOptions
{
    /// <summary>A server's defaults: 100 bidirectional and 10 unidirectional streams.</summary>
    public QuicServerConnectionOptions()
    {
        MaxInboundBidirectionalStreams = 100;
        MaxInboundUnidirectionalStreams = 10;
    }

    /// <summary>
    /// TLS. Used are ServerCertificate, ServerCertificateContext or ServerCertificateSelectionCallback, ClientCertificateRequired (a client
    /// without a certificate is refused), CertificateChainPolicy, CertificateRevocationCheckMode, RemoteCertificateValidationCallback,
    /// CipherSuitesPolicy (its TLS 1.3 suites), AllowRsaPssPadding and AllowTlsResume (session tickets; none where certificates are asked for, or
    /// where a callback chooses the options). EnabledSslProtocols without TLS 1.3 and an EncryptionPolicy that permits none are refused. ApplicationProtocols may stand here instead of in <see cref="QuicListenerOptions"/>; what a
    /// <see cref="QuicListenerOptions.ConnectionOptionsCallback"/> gives must have them here.
    /// </summary>
    public SslServerAuthenticationOptions ServerAuthenticationOptions { get; set; } = null!;

    /// <summary>
    /// Whether clients may send 0-RTT data. Off by default: somebody may record and repeat it, at another server at the same time (RFC 9001,
    /// section 9.2). A connection is then accepted before its handshake is complete: see <see cref="QuicConnection.HandshakeCompletion"/>.
    /// </summary>
    public bool AllowEarlyData { get; set; }

    /// <summary>The version to change to when a client names it among those that it speaks (RFC 9368, section 2.3); null: each client's own stays.</summary>
    public QuicProtocolVersion? PreferredVersion { get; set; }

    internal override ConnectionOptions ToConnectionOptions() =>
        base.ToConnectionOptions() with { PreferredVersion = NumberOrNull(PreferredVersion) };

    /// <summary>What is spoken, whatever <see cref="ServerAuthenticationOptions"/> say, which may serve TCP as well; null: what they say.</summary>
    internal List<SslApplicationProtocol>? ApplicationProtocols { get; init; }

    /// <summary>Where a client certificate is asked for, whether a client may have none.</summary>
    internal bool AcceptsNoClientCertificate { get; init; }
}

/// <summary>How to listen.</summary>
public sealed class QuicListenerOptions
{
    /// <summary>The address to bind; [::] takes IPv4 as well, port 0 lets the system choose.</summary>
    public IPEndPoint ListenEndPoint { get; set; } = null!;

    /// <summary>What is spoken, best first. A client that offers none of them is refused (no_application_protocol).</summary>
    public List<SslApplicationProtocol> ApplicationProtocols { get; set; } = [];

    /// <summary>Connections that wait to be accepted; further ones are closed. 0, the default, stands for 512.</summary>
    public int ListenBacklog { get; set; }

    /// <summary>
    /// Handshakes under way from which on further clients must show first that they are where they say, by Retry or by a token of an earlier
    /// connection (RFC 9000, section 8.1). 0 asks always, -1 never. 100 by default: a flood of false addresses then costs a packet each and
    /// no memory, at the price of one round trip for the others.
    /// </summary>
    public int RetryThreshold { get; set; } = ShardHost.DefaultRetryAbove;

    /// <summary>
    /// 32 secret bytes, the same at every start of this server: clients of a former process are then told at once, by stateless reset, that
    /// their connection is gone (RFC 9000, section 10.3). Empty by default: only IDs of this process are answered so.
    /// </summary>
    public ReadOnlyMemory<byte> StatelessResetKey { get; set; }

    /// <summary>Where clients should go on once they are connected (preferred_address: RFC 9000, section 9.6); null for nowhere else.</summary>
    /// <remarks>
    /// Bound as well, unless <see cref="ListenEndPoint"/> is the wildcard with the same port: then the socket has it already. One address at
    /// most may need a socket of its own. Clients that do not follow are served where they are.
    /// </remarks>
    public IPEndPoint? PreferredIPv4EndPoint { get; set; }

    /// <inheritdoc cref="PreferredIPv4EndPoint"/>
    public IPEndPoint? PreferredIPv6EndPoint { get; set; }

    /// <summary>
    /// Says for each client, by what its ClientHello asks for, how it is served. It may take until the handshake's time is over, then its
    /// token is cancelled. One that throws refuses that client and harms nobody else, as it is the client that chooses what it is called with.
    /// <see cref="ApplicationProtocols"/> is needed beside it. Logs are those of the environment: what the options that it gives say of them
    /// comes too late.
    /// </summary>
    public Func<QuicConnection, SslClientHelloInfo, CancellationToken, ValueTask<QuicServerConnectionOptions>>? ConnectionOptionsCallback { get; set; }

    /// <summary>
    /// How all clients are served, where there is no <see cref="ConnectionOptionsCallback"/>. A certificate per server name is chosen by its
    /// ServerCertificateSelectionCallback. Not part of System.Net.Quic.
    /// </summary>
    public QuicServerConnectionOptions? ConnectionOptions { get; set; }

    /// <summary>Where to listen instead of the system's network; for tests. Not part of System.Net.Quic.</summary>
    public QuicMemoryNetwork? Network { get; set; }

    /// <summary>
    /// Threads that serve the port, each with a socket of its own and the connections whose clients the system gives it: 1 by default, 128 at most, 0 for
    /// one per processor. One is right for most: a thread serves thousands of connections, and one connection is never faster by others. More than
    /// one needs Linux; where the port cannot be shared 0 stands for 1. All limits are those of the whole listener. Not part of System.Net.Quic.
    /// </summary>
    /// <remarks>A client whose address changes stays with the thread that it has: what arrives at another one is passed on, see <see cref="QuicListener.GetStatistics"/>.</remarks>
    public int Threads { get; set; } = 1;

    /// <summary>Of <see cref="ListenBacklog"/>.</summary>
    internal const int DefaultBacklog = 512;
}
