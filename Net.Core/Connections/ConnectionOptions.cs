using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>What an endpoint's connections have in common.</summary>
internal sealed record ConnectionOptions
{
    public static ConnectionOptions Default { get; } = new();

    /// <summary>Silence after which a connection is closed; zero for never (RFC 9000, section 10.1).</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>From the first packet to the end of the handshake.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Wanted UDP payload in bytes; it is probed for.</summary>
    public int MaxDatagramSize { get; init; } = 1452;

    /// <summary>How long an acknowledgement may be held back (RFC 9000, section 13.2.1).</summary>
    public TimeSpan MaxAckDelay { get; init; } = TimeSpan.FromMilliseconds(25);

    public int AckDelayExponent { get; init; } = 3;

    /// <summary>QUIC version of connections that we open: 1 (RFC 9000) or that of version 2 (RFC 9369). Those of clients may have either.</summary>
    public uint Version { get; init; } = QuicVersion.V1;

    /// <summary>A client names all versions that it speaks: the server may change to another, or turn <see cref="Version"/> down (RFC 9368).</summary>
    public bool MayChangeVersion { get; init; } = true;

    /// <summary>A server changes to this version when a client names it; null: each client's own stays. A client names it first.</summary>
    public uint? PreferredVersion { get; init; }

    /// <summary>Of connections that begin here; one that comes from elsewhere keeps its own.</summary>
    public CongestionAlgorithm Congestion { get; init; } = CongestionAlgorithm.Cubic;

    /// <summary>The peer is not to move to another address of its own accord (RFC 9000, section 18.2).</summary>
    public bool DisableActiveMigration { get; init; }

    /// <summary>Where a server would rather be reached (RFC 9000, section 9.6); none of a family that is not offered.</summary>
    public UdpAddress PreferredIPv4 { get; init; }

    /// <inheritdoc cref="PreferredIPv4"/>
    public UdpAddress PreferredIPv6 { get; init; }

    /// <summary>IDs of the peer's that are kept for paths to come, 2 to 4 (RFC 9000, section 18.2); each costs about 27 bytes of a snapshot.</summary>
    public int ActiveConnectionIdLimit { get; init; } = PeerConnectionIds.ActiveLimit;

    public StreamOptions Streams { get; init; } = new();

    public DatagramOptions Datagrams { get; init; } = new();

    /// <summary>Observes connections; null for none.</summary>
    public IObserverSource? Observers { get; init; }

    /// <summary>Gets the secrets of every connection; null, as ever but for debugging, for none.</summary>
    public IKeyLog? KeyLog { get; init; }

    /// <summary>Sends a PING when nothing else was sent for this long; zero for never.</summary>
    public TimeSpan KeepAlive { get; init; }
}
