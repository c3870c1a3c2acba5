namespace Net.Core.Errors;

/// <summary>QUIC transport error codes (RFC 9000, section 20.1; RFC 9368, section 10.1). 0x0100-0x01FF are TLS alerts.</summary>
public enum TransportErrorCode : ulong
{
    /// <summary>The connection is closed without an error.</summary>
    NoError = 0x00,
    /// <summary>The endpoint cannot go on for a reason of its own.</summary>
    InternalError = 0x01,
    /// <summary>The server refuses a new connection.</summary>
    ConnectionRefused = 0x02,
    /// <summary>More data than the advertised limits.</summary>
    FlowControlError = 0x03,
    /// <summary>More streams than the advertised limit.</summary>
    StreamLimitError = 0x04,
    /// <summary>A frame for a stream that was not in a state that permits it.</summary>
    StreamStateError = 0x05,
    /// <summary>A final size that contradicts what was said or sent before.</summary>
    FinalSizeError = 0x06,
    /// <summary>A frame that does not parse.</summary>
    FrameEncodingError = 0x07,
    /// <summary>Transport parameters that do not parse, are missing or out of range.</summary>
    TransportParameterError = 0x08,
    /// <summary>More connection IDs than the advertised limit.</summary>
    ConnectionIdLimitError = 0x09,
    /// <summary>A violation that no more specific code names.</summary>
    ProtocolViolation = 0x0A,
    /// <summary>A client Initial with a token that is not valid.</summary>
    InvalidToken = 0x0B,
    /// <summary>The application closed the connection while the handshake was still running.</summary>
    ApplicationError = 0x0C,
    /// <summary>More CRYPTO data than the endpoint buffers.</summary>
    CryptoBufferExceeded = 0x0D,
    /// <summary>An error in a key update.</summary>
    KeyUpdateError = 0x0E,
    /// <summary>An AEAD's confidentiality or integrity limit was reached.</summary>
    AeadLimitReached = 0x0F,
    /// <summary>No viable network path.</summary>
    NoViablePath = 0x10,
    /// <summary>Version negotiation was tampered with (RFC 9368).</summary>
    VersionNegotiationError = 0x11,
    /// <summary>The first of 256 codes that carry a TLS alert in their low byte (RFC 9001, section 4.8).</summary>
    CryptoError = 0x0100,
}
