using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;

namespace Net.Http3.Client.Hosting;

/// <summary>The instruments of <see cref="SocketsHttpHandler"/>, under the same names and with the same tags (OpenTelemetry's conventions for HTTP clients).</summary>
internal sealed class ClientMetrics
{
    private const string MeterName = "System.Net.Http", ProtocolVersion = "3", Scheme = "https";

    private static readonly Lazy<ClientMetrics> s_shared = new(() => new(new Meter(MeterName)));

    private readonly UpDownCounter<long> _activeRequests;
    private readonly UpDownCounter<long> _openConnections;
    private readonly Histogram<double> _requestDuration;
    private readonly Histogram<double> _connectionDuration;
    private readonly Histogram<double> _timeInQueue;

    private ClientMetrics(Meter meter)
    {
        _requestDuration = Seconds(meter, "http.client.request.duration", "Duration of HTTP client requests.", [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]);
        _activeRequests = meter.CreateUpDownCounter<long>("http.client.active_requests", "{request}", "Number of outbound HTTP requests that are currently active on the client.");
        _openConnections = meter.CreateUpDownCounter<long>("http.client.open_connections", "{connection}", "Number of outbound HTTP connections that are currently active or idle on the client.");
        _connectionDuration = Seconds(meter, "http.client.connection.duration", "The duration of successfully established outbound HTTP connections.", [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300]);
        _timeInQueue = Seconds(meter, "http.client.request.time_in_queue", "The amount of time requests spent on a queue waiting for an available connection.", [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]);
    }

    /// <param name="factory">Makes the meter; <c>null</c>: one for the process.</param>
    public static ClientMetrics From(IMeterFactory? factory) => factory is null ? s_shared.Value : new(factory.Create(MeterName));

    public void RequestBegins(Uri uri, HttpMethod method)
    {
        if (_activeRequests.Enabled)
        {
            _activeRequests.Add(1, RequestTags(uri, method));
        }
    }

    /// <summary>The response's head is there, or will never be.</summary>
    public void RequestEnds(Uri uri, HttpMethod method, HttpResponseMessage? response, Exception? error, TimeSpan duration)
    {
        TagList tags = RequestTags(uri, method);
        if (_activeRequests.Enabled)
        {
            _activeRequests.Add(-1, tags);
        }

        if (!_requestDuration.Enabled)
        {
            return;
        }

        if (response is not null)
        {
            tags.Add("http.response.status_code", (int)response.StatusCode);
            tags.Add("network.protocol.version", ProtocolVersion);
        }

        if (HttpTags.ErrorOf(response, error) is string type)
        {
            tags.Add("error.type", type);
        }

        _requestDuration.Record(duration.TotalSeconds, tags);
    }

    public void LeftQueue(Uri uri, HttpMethod method, TimeSpan waited)
    {
        if (_timeInQueue.Enabled)
        {
            TagList tags = RequestTags(uri, method);
            tags.Add("network.protocol.version", ProtocolVersion);
            _timeInQueue.Record(waited.TotalSeconds, tags);
        }
    }

    /// <param name="change">1 or -1.</param>
    public void Connections(Origin origin, string peer, bool isIdle, int change)
    {
        if (_openConnections.Enabled)
        {
            TagList tags = ConnectionTags(origin, peer);
            tags.Add("http.connection.state", isIdle ? "idle" : "active");
            _openConnections.Add(change, tags);
        }
    }

    public void ConnectionEnds(Origin origin, string peer, TimeSpan lived)
    {
        if (_connectionDuration.Enabled)
        {
            _connectionDuration.Record(lived.TotalSeconds, ConnectionTags(origin, peer));
        }
    }

    private static Histogram<double> Seconds(Meter meter, string name, string description, double[] boundaries) =>
        meter.CreateHistogram(name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = boundaries });

    private static TagList RequestTags(Uri uri, HttpMethod method) => new()
    {
        { "url.scheme", Scheme },
        { "server.address", uri.IdnHost },
        { "server.port", uri.Port },
        { "http.request.method", HttpTags.MethodOf(method) },
    };

    private static TagList ConnectionTags(Origin origin, string peer) => new()
    {
        { "network.protocol.version", ProtocolVersion },
        { "url.scheme", Scheme },
        { "server.address", origin.Host },
        { "server.port", origin.Port },
        { "network.peer.address", peer },
    };
}

/// <summary>Values of tags that metrics and activities share.</summary>
internal static class HttpTags
{
    /// <summary>One of the methods that the conventions know, in capitals; else <c>_OTHER</c>, so that a caller's words do not become series of their own.</summary>
    public static string MethodOf(HttpMethod method) => method.Method.ToUpperInvariant() switch
    {
        "CONNECT" or "DELETE" or "GET" or "HEAD" or "OPTIONS" or "PATCH" or "POST" or "PUT" or "TRACE" or "QUERY" => method.Method.ToUpperInvariant(),
        _ => "_OTHER",
    };

    /// <returns>Null when the request went well.</returns>
    public static string? ErrorOf(HttpResponseMessage? response, Exception? error) => (response, error) switch
    {
        ({ StatusCode: >= System.Net.HttpStatusCode.BadRequest }, _) => ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture),
        (_, HttpRequestException { HttpRequestError: not HttpRequestError.Unknown } known) => NameOf(known.HttpRequestError),
        (_, not null) => error.GetType().FullName,
        _ => null,
    };

    private static string NameOf(HttpRequestError error) => error switch
    {
        HttpRequestError.NameResolutionError => "name_resolution_error",
        HttpRequestError.ConnectionError => "connection_error",
        HttpRequestError.SecureConnectionError => "secure_connection_error",
        HttpRequestError.HttpProtocolError => "http_protocol_error",
        HttpRequestError.ExtendedConnectNotSupported => "extended_connect_not_supported",
        HttpRequestError.VersionNegotiationError => "version_negotiation_error",
        HttpRequestError.UserAuthenticationError => "user_authentication_error",
        HttpRequestError.ProxyTunnelError => "proxy_tunnel_error",
        HttpRequestError.InvalidResponse => "invalid_response",
        HttpRequestError.ResponseEnded => "response_ended",
        _ => "configuration_limit_exceeded",
    };
}
