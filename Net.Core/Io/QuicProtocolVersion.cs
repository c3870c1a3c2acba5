namespace Net.Core.Io;

/// <summary>A version of QUIC on the wire.</summary>
public enum QuicProtocolVersion
{
    /// <summary>QUIC version 1 (RFC 9000).</summary>
    Version1,

    /// <summary>QUIC version 2 (RFC 9369): the same protocol under other numbers, so that nobody relies on those of version 1.</summary>
    Version2,
}
