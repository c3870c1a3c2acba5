using Net.Http3.Wire;

namespace Net.Http3.Server;

/// <summary>The request is over before its end: the client gave it up, broke a rule, or the connection was lost.</summary>
public sealed class Http3RequestAbortedException : IOException
{
    /// <summary>An exception without a code; prefer the one that takes it.</summary>
    public Http3RequestAbortedException() : this(Http3ErrorCode.RequestCancelled) { }

    /// <param name="message">What happened.</param>
    public Http3RequestAbortedException(string message) : base(message) => ErrorCode = Http3ErrorCode.RequestCancelled;

    /// <param name="message">What happened.</param>
    /// <param name="innerException">Why.</param>
    public Http3RequestAbortedException(string message, Exception innerException) : base(message, innerException) =>
        ErrorCode = Http3ErrorCode.RequestCancelled;

    /// <param name="errorCode">The code of the reset or close.</param>
    public Http3RequestAbortedException(Http3ErrorCode errorCode) : base($"the request was aborted: {errorCode}") => ErrorCode = errorCode;

    /// <summary>The code of the reset or close, the peer's or ours; may be a value without a name.</summary>
    public Http3ErrorCode ErrorCode { get; }
}
