using System.Net;
using System.Net.Security;

namespace Net.Http3.Client.Hosting;

/// <summary>The options of a handler as they were at its first request.</summary>
internal sealed record PoolSettings
{
    public required SslClientAuthenticationOptions SslOptions { get; init; }

    public required TimeSpan ConnectTimeout { get; init; }

    public required TimeSpan IdleTimeout { get; init; }

    public required TimeSpan Lifetime { get; init; }

    public required TimeSpan ContinueTimeout { get; init; }

    /// <summary>Whether requests of safe methods may go out in 0-RTT.</summary>
    public bool AllowEarlyData { get; init; }

    /// <summary>What the sessions go by; <c>null</c> for the defaults.</summary>
    public ClientSessionOptions? Session { get; init; }

    /// <summary>Connections to one origin at a time.</summary>
    public required int MaxConnections { get; init; }

    public required TimeProvider TimeProvider { get; init; }

    /// <summary>Names to addresses.</summary>
    public required Func<string, CancellationToken, Task<IPAddress[]>> Resolve { get; init; }

    /// <summary>Has somebody told of changes of the network, until disposed; <c>null</c>: connections do not move.</summary>
    public Func<Action, IDisposable>? WatchNetwork { get; init; }

    public required ClientMetrics Metrics { get; init; }

    /// <summary>Told how long each connection took.</summary>
    public Action<TimeSpan>? OnConnected { get; init; }
}

/// <summary>Where connections lead: requests with the same origin share them.</summary>
/// <param name="TlsName">For SNI and the certificate.</param>
internal readonly record struct Origin(string Host, int Port, string TlsName)
{
    public override string ToString() => $"{Host}:{Port}";
}
