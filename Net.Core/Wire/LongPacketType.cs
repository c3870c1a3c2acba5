namespace Net.Core.Wire;

/// <summary>What a long header of QUIC v1 or v2 announces; the bits on the wire differ by version (RFC 9000, section 17.2; RFC 9369, section 3.2).</summary>
internal enum LongPacketType
{
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
}
