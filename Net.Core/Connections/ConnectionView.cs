using Net.Core.Crypto;
using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>A connection's state at one moment, in values that never change: an observer tells two moments apart by it.</summary>
internal readonly record struct ConnectionView
{
    public bool IsServer { get; private init; }

    public uint Version { get; private init; }

    public ConnectionId OriginalDestination { get; private init; }

    public ulong Epoch { get; private init; }

    public ConnectionState State { get; private init; }

    public CloseReason? Reason { get; private init; }

    public bool IsConfirmed { get; private init; }

    /// <summary>Null until the handshake is complete.</summary>
    public TlsSession? Session { get; private init; }

    /// <summary>What became of 0-RTT data, as far as it is known.</summary>
    public EarlyDataState EarlyData { get; private init; }

    public bool HasInitialKeys { get; private init; }

    public bool HasZeroRttKeys { get; private init; }

    public bool HasHandshakeKeys { get; private init; }

    public bool HasOneRttKeys { get; private init; }

    public ulong ReadGeneration { get; private init; }

    public ulong WriteGeneration { get; private init; }

    public TransportParameters Local { get; private init; }

    /// <summary>Null until the peer has told.</summary>
    public TransportParameters? Peer { get; private init; }

    /// <summary>The ID that we send to.</summary>
    public ConnectionId PeerId { get; private init; }

    public NetworkPath Path { get; private init; }

    public bool IsPathProven { get; private init; }

    public RecoveryView Recovery { get; private init; }

    public static ConnectionView Of(ConnectionParts c) => new()
    {
        IsServer = c.IsServer,
        Version = c.Identity.Version,
        OriginalDestination = c.Identity.OriginalDestination,
        Epoch = c.Identity.Epoch,
        State = c.Lifecycle.State,
        Reason = c.Lifecycle.Reason,
        IsConfirmed = c.Identity.IsConfirmed,
        Session = c.Identity.Session,
        EarlyData = c.Identity.Session?.EarlyData ?? c.Tls?.EarlyData ?? EarlyDataState.None,
        HasInitialKeys = HasKeys(c, EncryptionLevel.Initial),
        HasZeroRttKeys = HasKeys(c, EncryptionLevel.ZeroRtt),
        HasHandshakeKeys = HasKeys(c, EncryptionLevel.Handshake),
        HasOneRttKeys = c.Keys is not null,
        ReadGeneration = c.Keys?.ReadGeneration ?? 0,
        WriteGeneration = c.Keys?.WriteGeneration ?? 0,
        Local = c.Local,
        Peer = c.Peer,
        PeerId = c.PeerIds.Current,
        Path = c.Path.Current,
        IsPathProven = c.Path.IsProven,
        Recovery = RecoveryView.Of(c.Recovery),
    };

    private static bool HasKeys(ConnectionParts c, EncryptionLevel level) => (c.Handshake?.Read(level) ?? c.Handshake?.Write(level)) is PacketProtection;
}
