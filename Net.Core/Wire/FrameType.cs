namespace Net.Core.Wire;

/// <summary>Frame types of QUIC v1 (RFC 9000, section 12.4) and DATAGRAM (RFC 9221).</summary>
internal enum FrameType : ulong
{
    Padding = 0x00,
    Ping = 0x01,
    Ack = 0x02,
    AckEcn = 0x03,
    ResetStream = 0x04,
    StopSending = 0x05,
    Crypto = 0x06,
    NewToken = 0x07,

    /// <summary>The lowest of eight: bits 0x04 OFF, 0x02 LEN, 0x01 FIN (RFC 9000, section 19.8).</summary>
    Stream = 0x08,
    StreamLast = 0x0F,
    MaxData = 0x10,
    MaxStreamData = 0x11,
    MaxStreamsBidirectional = 0x12,
    MaxStreamsUnidirectional = 0x13,
    DataBlocked = 0x14,
    StreamDataBlocked = 0x15,
    StreamsBlockedBidirectional = 0x16,
    StreamsBlockedUnidirectional = 0x17,
    NewConnectionId = 0x18,
    RetireConnectionId = 0x19,
    PathChallenge = 0x1A,
    PathResponse = 0x1B,
    ConnectionClose = 0x1C,
    ApplicationClose = 0x1D,
    HandshakeDone = 0x1E,
    Datagram = 0x30,
    DatagramWithLength = 0x31,
}
