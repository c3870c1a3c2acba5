using Net.Core.Connections;
using Net.Core.Errors;
using Net.Http3.Wire;

namespace Net.Http3.Client.Hosting;

internal enum FailureKind
{
    /// <summary>Not processed for sure: never sent, above a GOAWAY, or reset with H3_REQUEST_REJECTED (RFC 9114, section 4.1.1).</summary>
    Refused,

    /// <summary>The server reset the stream, or stopped our side of it.</summary>
    Reset,

    /// <summary>The server broke a rule of HTTP/3: we reset the stream, or closed the connection.</summary>
    Fault,

    /// <summary>An application closed the connection, with a code of HTTP/3.</summary>
    Closed,

    /// <summary>The connection is gone for a reason below HTTP/3.</summary>
    Lost,

    /// <summary>We gave the request up.</summary>
    Cancelled,
}

/// <summary>Why a request was over before its end.</summary>
/// <param name="Code">HTTP/3's, but with <see cref="FailureKind.Lost"/>.</param>
internal sealed record ExchangeFailure(FailureKind Kind, Http3ErrorCode Code)
{
    /// <summary>The exception of a read or write of the body; inside another one, of the request as a whole.</summary>
    /// <param name="cause">What the exchange threw.</param>
    public static HttpIOException ToException(ExchangeFailure? failure, bool isCutShort, Exception cause) => failure switch
    {
        null or { Kind: FailureKind.Lost } =>
            new HttpIOException(HttpRequestError.ResponseEnded, "The connection was lost before the response was complete.", cause),
        { Kind: FailureKind.Fault, Code: Http3ErrorCode.MessageError } when isCutShort =>
            new HttpIOException(HttpRequestError.ResponseEnded, "The response ended before all the bytes of its Content-Length.", cause),
        // The one fault that is our own side's: the session ends a request that cannot be completed.
        { Kind: FailureKind.Fault, Code: Http3ErrorCode.InternalError } =>
            new HttpIOException(HttpRequestError.Unknown, "The request's content had fewer bytes than its Content-Length.", cause),
        { Kind: FailureKind.Fault } => Protocol(failure.Code, "The server broke a rule of HTTP/3", cause),
        { Kind: FailureKind.Closed } => Protocol(failure.Code, "The HTTP/3 connection was closed", cause),
        { Kind: FailureKind.Refused } => Protocol(failure.Code, "The HTTP/3 server refused the request", cause),
        _ => Protocol(failure.Code, "The HTTP/3 request was aborted", cause),
    };

    private static HttpProtocolException Protocol(Http3ErrorCode code, string what, Exception cause) =>
        new((long)code, $"{what}: {code} (0x{(long)code:X}).", cause);
}

/// <summary>No connection came about.</summary>
/// <param name="message">Why.</param>
/// <param name="reason">Of the connection's end; <c>null</c> when its thread has ended.</param>
internal sealed class ConnectFailedException(string message, CloseReason? reason) : IOException(message)
{
    /// <summary>TLS ended the attempt, on either side: the code is an alert (RFC 9001, section 4.8).</summary>
    public bool IsTls => reason is { Origin: CloseOrigin.LocalTransport or CloseOrigin.PeerTransport } known
        && known.Code is >= (ulong)TransportErrorCode.CryptoError and <= (ulong)TransportErrorCode.CryptoError + 0xFF;
}
