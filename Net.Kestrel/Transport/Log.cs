using System.Net;
using Microsoft.Extensions.Logging;

namespace Net.Kestrel.Transport;

/// <summary>What the transport tells. Peers can cause all but the last as often as they like: these are for debugging.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Debug, "Connection {ConnectionId} from {Remote} accepted.")]
    public static partial void Accepted(ILogger log, string connectionId, EndPoint? remote);

    [LoggerMessage(2, LogLevel.Debug, "Connection {ConnectionId} ended: {Reason}")]
    public static partial void Ended(ILogger log, string connectionId, string reason);

    [LoggerMessage(3, LogLevel.Debug, "Connection {ConnectionId} aborted by the server with code {Code}: {Reason}")]
    public static partial void Aborted(ILogger log, string connectionId, long code, string reason);

    [LoggerMessage(4, LogLevel.Debug, "Stream {ConnectionId} ended by the client or with its connection: {Reason}")]
    public static partial void StreamEnded(ILogger log, string connectionId, string reason);

    [LoggerMessage(5, LogLevel.Debug, "Stream {ConnectionId} aborted by the server with code {Code}: {Reason}")]
    public static partial void StreamAborted(ILogger log, string connectionId, long code, string reason);

    [LoggerMessage(6, LogLevel.Error, "{ConnectionId}: what nobody expected.")]
    public static partial void Unexpected(ILogger log, string connectionId, Exception fault);
}
