namespace Net.Http3.Client.Hosting;

/// <summary>No connection came about in time, so nothing was sent: what distinguishes this from other timeouts, such as those of a request's content.</summary>
internal sealed class ConnectTimeoutPassedException(string message, Exception cause) : TimeoutException(message, cause);
