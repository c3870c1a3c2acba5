using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>What stands in front of a QUIC packet, told from its first byte (RFC 9000, section 17).</summary>
internal enum PacketKind
{
    Initial,
    ZeroRtt,
    Handshake,
    OneRtt,
    Retry,
    VersionNegotiation,
    Unknown,
}

/// <summary>Why a packet was not read.</summary>
internal enum PacketFate
{
    /// <summary>It waits for its keys, and will be read then.</summary>
    Buffered,

    /// <summary>No keys for it, and none to come.</summary>
    KeyUnavailable,

    /// <summary>It was not sealed with our keys, or was changed on the way.</summary>
    DecryptionFailure,

    /// <summary>Its number was received before.</summary>
    Duplicate,

    /// <summary>It does not parse, or says what nobody of the protocol would say here.</summary>
    Invalid,

    /// <summary>Another version than the connection's.</summary>
    Unsupported,

    /// <summary>Well made, and not wanted: from where the peer must not send, or after its time.</summary>
    Rejected,
}

/// <summary>A packet's header, for an observer.</summary>
/// <param name="Number">Its full packet number; 0 for a kind that has none.</param>
/// <param name="Length">Bytes of the whole packet, tag included.</param>
/// <param name="Version">0 for a short header.</param>
/// <param name="Source">Empty for a short header.</param>
/// <param name="KeyPhase">Key generations since the handshake; 0 for a long header.</param>
/// <param name="TokenLength">Bytes of the token of an Initial or a Retry.</param>
/// <param name="IsMtuProbe">It tries whether the path carries its size.</param>
internal readonly record struct PacketTrace(
    PacketKind Kind,
    ulong Number,
    int Length,
    uint Version,
    ConnectionId Destination,
    ConnectionId Source,
    ulong KeyPhase = 0,
    int TokenLength = 0,
    bool IsMtuProbe = false)
{
    public static PacketKind KindOf(EncryptionLevel level) => level switch
    {
        EncryptionLevel.Initial => PacketKind.Initial,
        EncryptionLevel.ZeroRtt => PacketKind.ZeroRtt,
        EncryptionLevel.Handshake => PacketKind.Handshake,
        _ => PacketKind.OneRtt,
    };

    public static PacketKind KindOf(LongPacketType type) => type switch
    {
        LongPacketType.Initial => PacketKind.Initial,
        LongPacketType.ZeroRtt => PacketKind.ZeroRtt,
        LongPacketType.Handshake => PacketKind.Handshake,
        _ => PacketKind.Retry,
    };
}
