namespace Net.Core.Io;

/// <summary>A QUIC operation failed.</summary>
public sealed class QuicException : IOException
{
    /// <summary>An exception of the given kind.</summary>
    /// <param name="error">What kind of failure.</param>
    /// <param name="applicationErrorCode">The peer's application error code, if one was sent.</param>
    /// <param name="message">For people.</param>
    public QuicException(QuicError error, long? applicationErrorCode, string message)
        : this(error, applicationErrorCode, null, message)
    {
    }

    internal QuicException(QuicError error, long? applicationErrorCode, long? transportErrorCode, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        QuicError = error;
        ApplicationErrorCode = applicationErrorCode;
        TransportErrorCode = transportErrorCode;
    }

    /// <summary>What kind of failure.</summary>
    public QuicError QuicError { get; }

    /// <summary>The peer's application error code (0 to 2^62-1), for <see cref="QuicError.ConnectionAborted"/> and <see cref="QuicError.StreamAborted"/>.</summary>
    public long? ApplicationErrorCode { get; }

    /// <summary>The transport error code (RFC 9000, section 20.1), when the protocol ended the connection.</summary>
    public long? TransportErrorCode { get; }
}
