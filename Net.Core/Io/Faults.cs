using Net.Core.Connections;
using Net.Core.Errors;

namespace Net.Core.Io;

/// <summary>What the protocol tells, as the exceptions of the public API.</summary>
internal static class Faults
{
    /// <summary>Callers that a log shows.</summary>
    private const int MaxFrames = 8;

    public static QuicException Of(CloseReason? reason) => reason is not CloseReason r
        ? Stopped()
        : r.Origin switch
        {
            CloseOrigin.LocalApplication => new(QuicError.OperationAborted, null, "the connection was closed"),
            CloseOrigin.PeerApplication => new(QuicError.ConnectionAborted, (long)r.Code, $"the peer closed the connection with code {r.Code}"),
            CloseOrigin.IdleTimeout => new(QuicError.ConnectionIdle, null, "nothing was heard for the idle timeout"),
            CloseOrigin.StatelessReset => new(QuicError.ConnectionIdle, null, "the peer has lost the connection"),
            CloseOrigin.HandshakeTimeout => new(QuicError.ConnectionTimeout, null, "the handshake did not end in time"),
            CloseOrigin.Refused => new(QuicError.ConnectionRefused, null, "nobody listens at the server's port"),
            CloseOrigin.VersionNegotiation => new(QuicError.VersionNegotiationError, null, "the server speaks none of our versions"),
            CloseOrigin.Fault => new(QuicError.InternalError, null, null, "a fault of this library ended the connection"),
            CloseOrigin.PeerTransport when r.Code == (ulong)TransportErrorCode.ConnectionRefused =>
                new(QuicError.ConnectionRefused, null, (long)r.Code, "the peer refused the connection"),
            CloseOrigin.PeerTransport => new(QuicError.TransportError, null, (long)r.Code, $"the peer ended the connection: {Describe(r.Code)}"),
            _ => new(QuicError.TransportError, null, (long)r.Code, $"the connection was ended: {Describe(r.Code)}: {r.Reason}"),
        };

    /// <summary>TLS alert of a fault, or null (RFC 9001, section 4.8).</summary>
    public static byte? Alert(QuicException fault) =>
        fault.TransportErrorCode is >= (long)TransportErrorCode.CryptoError and <= (long)TransportErrorCode.CryptoError + byte.MaxValue
            ? (byte)fault.TransportErrorCode
            : null;

    public static QuicException StreamAborted(ulong code) => new(QuicError.StreamAborted, (long)code, $"the peer aborted the stream with code {code}");

    public static QuicException Aborted() => new(QuicError.OperationAborted, null, "the stream was aborted on this side");

    public static QuicException Stopped() => new(QuicError.OperationAborted, null, "the connection is gone");

    public static QuicException Internal(Exception fault) => new(QuicError.InternalError, null, null, "a fault of this library ended the connection", fault);

    /// <summary>For logs: the kind of a fault and where it was, without its message, in which there may be anything.</summary>
    public static QuicException Contained(Exception fault)
    {
        string[] frames = (fault.StackTrace ?? "").Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return new(QuicError.InternalError, null, null, $"a fault of this library has ended one connection: {fault.GetType().Name} {string.Join(", ", frames.Take(MaxFrames))}");
    }

    private static string Describe(ulong code) => code is >= (ulong)TransportErrorCode.CryptoError and <= (ulong)TransportErrorCode.CryptoError + byte.MaxValue
        ? $"TLS alert {(byte)code}"
        : ((TransportErrorCode)code).ToString();
}
