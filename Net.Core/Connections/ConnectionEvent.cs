using Net.Core.Streams;

namespace Net.Core.Connections;

internal enum ConnectionEventKind : byte
{
    /// <summary>
    /// 0-RTT: streams may be used before the handshake is complete, which follows. Whatever a server reads until then may be a copy that
    /// somebody sends again, and whatever a client sends may be (RFC 9001, section 9.2).
    /// </summary>
    EarlyData,

    /// <summary>Keys are agreed and the peer is authenticated: streams may be used.</summary>
    HandshakeCompleted,

    /// <summary>The handshake can no longer fail: from now on the connection can move (RFC 9001, section 4.1.2).</summary>
    HandshakeConfirmed,

    /// <summary>Something happened on a stream.</summary>
    Stream,

    /// <summary>The path in use is another one, and proven: <see cref="Connection.Path"/>.</summary>
    PathChanged,

    /// <summary>The path that we wanted to move to does not answer: the connection stays where it is.</summary>
    PathFailed,

    /// <summary>Unreliable datagrams wait to be taken.</summary>
    Datagram,

    /// <summary>The last event: the connection is over.</summary>
    Closed,
}

/// <summary>What a connection tells its application.</summary>
/// <param name="Stream">For <see cref="ConnectionEventKind.Stream"/>.</param>
internal readonly record struct ConnectionEvent(ConnectionEventKind Kind, StreamEvent Stream = default);
