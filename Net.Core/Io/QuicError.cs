namespace Net.Core.Io;

/// <summary>What kind of failure a <see cref="QuicException"/> reports. Names and numbers are System.Net.Quic's.</summary>
public enum QuicError
{
    /// <summary>No error.</summary>
    Success = 0,
    /// <summary>A fault of this library.</summary>
    InternalError = 1,
    /// <summary>The peer's application closed the connection; its code is in <see cref="QuicException.ApplicationErrorCode"/>.</summary>
    ConnectionAborted = 2,
    /// <summary>The peer aborted the stream; its code is in <see cref="QuicException.ApplicationErrorCode"/>.</summary>
    StreamAborted = 3,
    /// <summary>The handshake did not end in time: nobody answers there, or not with QUIC.</summary>
    ConnectionTimeout = 6,
    /// <summary>The peer refused the connection, or nobody listens at its port (where the system says so: Linux).</summary>
    ConnectionRefused = 8,
    /// <summary>The peer speaks none of our versions.</summary>
    VersionNegotiationError = 9,
    /// <summary>Nothing was heard for the idle timeout, or the peer has lost the connection.</summary>
    ConnectionIdle = 10,
    /// <summary>This side ended the operation: it closed or disposed what the operation used.</summary>
    OperationAborted = 12,
    /// <summary>The application protocol is used already.</summary>
    AlpnInUse = 13,
    /// <summary>A fault of the protocol; its code is in <see cref="QuicException.TransportErrorCode"/>.</summary>
    TransportError = 14,
    /// <summary>A callback of the application threw.</summary>
    CallbackError = 15,
}
