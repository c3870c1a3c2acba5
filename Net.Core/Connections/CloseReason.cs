namespace Net.Core.Connections;

/// <summary>Who ended a connection.</summary>
internal enum CloseOrigin
{
    /// <summary>Our application called Close.</summary>
    LocalApplication,

    /// <summary>We found a fault of the peer, or of our own.</summary>
    LocalTransport,

    /// <summary>The peer's application closed.</summary>
    PeerApplication,

    /// <summary>The peer found a fault.</summary>
    PeerTransport,

    /// <summary>Nothing was heard for the idle timeout (RFC 9000, section 10.1).</summary>
    IdleTimeout,

    /// <summary>The peer has lost the connection's state (RFC 9000, section 10.3).</summary>
    StatelessReset,

    /// <summary>The server speaks none of our versions (RFC 9000, section 6.2).</summary>
    VersionNegotiation,

    /// <summary>The handshake took too long.</summary>
    HandshakeTimeout,

    /// <summary>A fault of our own: nobody knows what state it was in.</summary>
    Fault,

    /// <summary>The system has heard that nobody listens at the server's port (ICMP), before any packet of the server's.</summary>
    Refused,
}

/// <summary>Why a connection ended.</summary>
/// <param name="Code">An application error code or a transport error code, as <paramref name="Origin"/> says.</param>
/// <param name="Reason">Our own words; a peer's words are never repeated here.</param>
internal readonly record struct CloseReason(CloseOrigin Origin, ulong Code, string Reason);
