namespace Net.Http3.Wire;

/// <summary>What a peer did wrong, as it will be told when the connection is closed, or one stream reset (RFC 9114, section 8).</summary>
/// <remarks>Returned, never thrown. The default value means "no error".</remarks>
internal readonly record struct Http3Error
{
    private readonly string? _reason;

    private Http3Error(Http3ErrorCode code, string reason, bool isConnectionError)
    {
        Code = code;
        _reason = reason;
        IsConnectionError = isConnectionError;
    }

    public static Http3Error None => default;

    public bool IsError => Code != 0;

    /// <summary>Whether the whole connection ends; else only the stream on which it happened.</summary>
    public bool IsConnectionError { get; }

    public Http3ErrorCode Code { get; }

    /// <summary>A constant of ours, never built from the peer's input.</summary>
    public string Reason => _reason ?? "";

    public override string ToString() => IsError ? $"{Code} ({Reason})" : "none";

    public static Http3Error Connection(Http3ErrorCode code, string reason) => new(code, reason, true);

    public static Http3Error Stream(Http3ErrorCode code, string reason) => new(code, reason, false);

    public static Http3Error Message(string reason) => new(Http3ErrorCode.MessageError, reason, false);
}
