namespace Net.Http3.Server;

/// <summary>The body of a request has more bytes than <see cref="Http3ServerLimits.MaxRequestBodySize"/>. A handler that lets it escape answers with 413.</summary>
public sealed class Http3BodyTooLargeException : IOException
{
    /// <summary>An exception without a limit; prefer the one that takes it.</summary>
    public Http3BodyTooLargeException() : this("the request's body is larger than permitted") { }

    /// <param name="message">What happened.</param>
    public Http3BodyTooLargeException(string message) : base(message) { }

    /// <param name="message">What happened.</param>
    /// <param name="innerException">Why.</param>
    public Http3BodyTooLargeException(string message, Exception innerException) : base(message, innerException) { }

    /// <param name="limit">Bytes that are permitted.</param>
    public Http3BodyTooLargeException(long limit) : this($"the request's body is larger than {limit} bytes") { }
}
