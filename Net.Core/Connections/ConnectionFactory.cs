using Net.Core.Crypto;
using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>How a connection begins, in either role.</summary>
internal static class ConnectionFactory
{
    /// <summary>Bytes of entropy that a new connection needs.</summary>
    public const int EntropyLength = 64;

    private const int ClientDestinationLength = 8;

    /// <param name="entropy"><see cref="EntropyLength"/> bytes, used for this connection alone.</param>
    /// <param name="ticket">Of an earlier connection to the same server, in the same QUIC version; it is used up.</param>
    public static Connection Connect(
        ConnectionOptions options, TlsClientOptions tls, ConnectionKeys keys, uint shard, NetworkPath path, ReadOnlySpan<byte> entropy, Instant now,
        ResumptionTicket? ticket = null)
    {
        ConnectionId destination = new(entropy[16..(16 + ClientDestinationLength)]);
        FirstInitial initial = new(options.Version, destination, destination, BeforeRetry: null, IsAddressProven: true);
        ConnectionParts c = Create(isServer: false, options, keys, shard, path, initial, entropy, now, new(tls, entropy[32..].ToArray()), resumes: ticket is not null);
        ResumptionOffer? offer = ticket is null ? null : new(ticket, ticket.ObfuscatedAge(now), tls.SendsEarlyData);
        c.Handshake!.Offered = ticket;
        c.Tls = new TlsClient(tls, VersionChange.Declare(c), entropy[32..], offer);
        Handshaking.Pump(c, now);
        return new(c);
    }

    public static Connection Accept(
        ConnectionOptions options,
        TlsServerOptions tls,
        ConnectionKeys keys,
        uint shard,
        NetworkPath path,
        ConnectionId destination,
        ConnectionId source,
        ReadOnlySpan<byte> entropy,
        Instant now) =>
        Accept(options, tls, keys, shard, path, new FirstInitial(QuicVersion.V1, destination, source, BeforeRetry: null, IsAddressProven: false), entropy, now);

    public static Connection Accept(
        ConnectionOptions options,
        TlsServerOptions tls,
        ConnectionKeys keys,
        uint shard,
        NetworkPath path,
        FirstInitial initial,
        ReadOnlySpan<byte> entropy,
        Instant now,
        TicketContext? tickets = null)
    {
        ConnectionParts c = Create(isServer: true, options, keys, shard, path, initial, entropy, now);
        tickets = tickets is null ? null : tickets with { Version = initial.Version, Limits = RememberedLimits.Of(c.Local) };
        c.Tls = new TlsServer(tls, VersionChange.Declare(c), entropy[32..], tickets);
        return new(c);
    }

    private static ConnectionParts Create(
        bool isServer,
        ConnectionOptions options,
        ConnectionKeys keys,
        uint shard,
        NetworkPath path,
        FirstInitial initial,
        ReadOnlySpan<byte> entropy,
        Instant now,
        ClientStart? start = null,
        bool resumes = false)
    {
        // What is sent before the server has answered is in the version of the ticket (RFC 9369, section 4.1): that one stays.
        bool mayChange = options.MayChangeVersion && !resumes;
        ConnectionId original = initial.BeforeRetry ?? initial.Destination;
        LocalConnectionIds local = new(shard, entropy[..16]);
        ConnectionId source = local.Derive(keys, 0);
        PreferredAddress? preferred = null;
        if (isServer && !(options.PreferredIPv4.IsNone && options.PreferredIPv6.IsNone))
        {
            ConnectionId id = local.Derive(keys, local.TellInHandshake());
            preferred = new(options.PreferredIPv4, options.PreferredIPv6, id, ConnectionIdDeriver.DeriveToken(keys.ResetKey.Span, id));
        }

        TransportParameters parameters = new()
        {
            OriginalDestinationConnectionId = isServer ? original : null,
            RetrySourceConnectionId = isServer && initial.BeforeRetry is not null ? initial.Destination : null,
            InitialSourceConnectionId = source,
            StatelessResetToken = isServer ? ConnectionIdDeriver.DeriveToken(keys.ResetKey.Span, source) : null,
            VersionInformation = Versions.Announce(isServer, initial.Version, options.PreferredVersion, mayChange, (uint)local.DeriveSecret(keys, SecretPurpose.Grease, 1)),
            PreferredAddress = preferred,
            GreaseQuicBit = true,
        };
        ConnectionParts c = new()
        {
            Identity = new(isServer, initial.Version, keys.Number, original),
            LocalIds = local,
            PeerIds = new(initial.Peer),
            Path = new(path, isProven: initial.IsAddressProven),
            Mtu = new(options.MaxDatagramSize),
            Idle = new(options.IdleTimeout, now),
            Announcements = new(),
            Recovery = new(isServer, algorithm: options.Congestion),
            Streams = new(isServer, options.Streams),
            Datagrams = new(options.Datagrams),
            Traffic = new(),
            PostHandshake = new(),
            Local = Describe(parameters, options),
            Timers = new(now + options.HandshakeTimeout, options.KeepAlive, now),
            Options = options,
            FederationKeys = keys,
            PostHandshakeMessages = new(),
            Tickets = new(),
            Handshake = new() { Start = start },
        };
        c.Handshake.InstallInitial(initial.Version, initial.Destination, isServer);
        c.BeginObservation(now);
        return c;
    }

    /// <summary>What our options say of us, into the transport parameters.</summary>
    public static TransportParameters Describe(TransportParameters parameters, ConnectionOptions options) => parameters with
    {
        MaxIdleTimeout = options.IdleTimeout,
        MaxUdpPayloadSize = 65_527,
        InitialMaxData = options.Streams.ConnectionWindow,
        InitialMaxStreamDataBidiLocal = options.Streams.LocalBidirectionalWindow,
        InitialMaxStreamDataBidiRemote = options.Streams.RemoteBidirectionalWindow,
        InitialMaxStreamDataUni = options.Streams.UnidirectionalWindow,
        InitialMaxStreamsBidi = options.Streams.MaxBidirectional,
        InitialMaxStreamsUni = options.Streams.MaxUnidirectional,
        AckDelayExponent = options.AckDelayExponent,
        MaxAckDelay = options.MaxAckDelay,
        ActiveConnectionIdLimit = (ulong)int.Clamp(options.ActiveConnectionIdLimit, 2, PeerConnectionIds.ActiveLimit),
        MaxDatagramFrameSize = (ulong)options.Datagrams.MaxFrameSize,
        DisableActiveMigration = options.DisableActiveMigration,
    };
}
