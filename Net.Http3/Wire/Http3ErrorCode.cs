namespace Net.Http3.Wire;

/// <summary>Application error codes of HTTP/3 (RFC 9114, section 8.1) and QPACK (RFC 9204, section 6).</summary>
public enum Http3ErrorCode : ulong
{
    /// <summary>H3_NO_ERROR: nothing went wrong, the stream or connection is simply no longer wanted.</summary>
    NoError = 0x0100,
    /// <summary>H3_GENERAL_PROTOCOL_ERROR: a violation that no more specific code names.</summary>
    GeneralProtocolError = 0x0101,
    /// <summary>H3_INTERNAL_ERROR: a fault of the sender of this code.</summary>
    InternalError = 0x0102,
    /// <summary>H3_STREAM_CREATION_ERROR: a stream that the peer may not open.</summary>
    StreamCreationError = 0x0103,
    /// <summary>H3_CLOSED_CRITICAL_STREAM: a stream that the connection needs was closed or reset.</summary>
    ClosedCriticalStream = 0x0104,
    /// <summary>H3_FRAME_UNEXPECTED: a frame that is not permitted in this state or on this stream.</summary>
    FrameUnexpected = 0x0105,
    /// <summary>H3_FRAME_ERROR: a frame with a wrong layout or size.</summary>
    FrameError = 0x0106,
    /// <summary>H3_EXCESSIVE_LOAD: behaviour that might be meant to generate load.</summary>
    ExcessiveLoad = 0x0107,
    /// <summary>H3_ID_ERROR: a stream or push ID that is out of range, shrinks or grows against the rules, or is reused.</summary>
    IdError = 0x0108,
    /// <summary>H3_SETTINGS_ERROR: a malformed SETTINGS frame.</summary>
    SettingsError = 0x0109,
    /// <summary>H3_MISSING_SETTINGS: the control stream does not begin with SETTINGS.</summary>
    MissingSettings = 0x010A,
    /// <summary>H3_REQUEST_REJECTED: nothing of the request was processed; it may be tried again elsewhere.</summary>
    RequestRejected = 0x010B,
    /// <summary>H3_REQUEST_CANCELLED: the request, or its response, is no longer wanted.</summary>
    RequestCancelled = 0x010C,
    /// <summary>H3_REQUEST_INCOMPLETE: the request's stream ended before a whole request.</summary>
    RequestIncomplete = 0x010D,
    /// <summary>H3_MESSAGE_ERROR: a malformed message.</summary>
    MessageError = 0x010E,
    /// <summary>H3_CONNECT_ERROR: the connection that CONNECT established was reset or closed abnormally.</summary>
    ConnectError = 0x010F,
    /// <summary>H3_VERSION_FALLBACK: the request cannot be served over HTTP/3.</summary>
    VersionFallback = 0x0110,
    /// <summary>QPACK_DECOMPRESSION_FAILED: a field section that cannot be decoded.</summary>
    QpackDecompressionFailed = 0x0200,
    /// <summary>QPACK_ENCODER_STREAM_ERROR: an instruction on the encoder stream that cannot be interpreted.</summary>
    QpackEncoderStreamError = 0x0201,
    /// <summary>QPACK_DECODER_STREAM_ERROR: an instruction on the decoder stream that cannot be interpreted.</summary>
    QpackDecoderStreamError = 0x0202,
}

internal static class Http3ErrorCodes
{
    /// <summary>What a code of a peer means to us: one that we do not know is H3_NO_ERROR (RFC 9114, section 8).</summary>
    public static Http3ErrorCode Understood(ulong code) => (Http3ErrorCode)code
        is (>= Http3ErrorCode.NoError and <= Http3ErrorCode.VersionFallback)
        or (>= Http3ErrorCode.QpackDecompressionFailed and <= Http3ErrorCode.QpackDecoderStreamError)
        ? (Http3ErrorCode)code
        : Http3ErrorCode.NoError;
}
