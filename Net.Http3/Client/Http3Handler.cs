using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Security;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Qpack;

namespace Net.Http3.Client;

/// <summary>Sends the requests of an <see cref="HttpClient"/> over HTTP/3, in managed code.</summary>
/// <remarks>
/// Options have the names, defaults and meanings of <see cref="SocketsHttpHandler"/>; they cannot change after the first request.
/// Which requests go over HTTP/3: those with https and version 3.0, or a lower one with
/// <see cref="HttpVersionPolicy.RequestVersionOrHigher"/>; if there is a fallback handler, the latter only once a response of it has announced
/// HTTP/3 with Alt-Svc (RFC 7838). All others go to the fallback handler, and so do those whose policy permits
/// another version when no HTTP/3 connection can be made, for 5 minutes from then on. Each redirect is looked at anew: what the fallback
/// handler gets of a redirected request is the request as it has become. Set <see cref="HttpClient.DefaultRequestVersion"/> to 3.0: HttpClient's own
/// default is 1.1. Failures are <see cref="HttpRequestException"/> with the <see cref="HttpRequestError"/> that SocketsHttpHandler
/// gives; those of HTTP/3 hold a <see cref="HttpProtocolException"/> with the code of RFC 9114, section 8.1. Only asynchronous sending
/// is supported.
/// </remarks>
public sealed class Http3Handler : HttpMessageHandler
{
    private static readonly Version s_http3 = HttpVersion.Version30;

    private readonly HttpMessageInvoker? _fallback;
    private readonly Lock _lock = new();
    private ConnectionPools? _pools;
    private bool _isDisposed;

    /// <summary>A handler for HTTP/3 alone: other requests fail with <see cref="HttpRequestError.VersionNegotiationError"/>.</summary>
    public Http3Handler() { }

    /// <summary>A handler that passes on what it cannot send.</summary>
    /// <param name="fallback">For HTTP/2 and 1.1, such as a <see cref="SocketsHttpHandler"/>; disposed with this handler. Its own options
    /// rule redirects, cookies and decompression of the requests that it gets.</param>
    public Http3Handler(HttpMessageHandler fallback) => _fallback = new(fallback);

    /// <summary>Whom to trust, and our certificate if one is asked for. Its protocols are ignored; its TargetHost replaces the name of the URI.</summary>
    public SslClientAuthenticationOptions SslOptions { get; set { ArgumentNullException.ThrowIfNull(value); field = Unstarted(value); } } = new();

    /// <summary>From looking up the name to the end of the handshake; infinite by default. Beyond it, a request ends with
    /// <see cref="TaskCanceledException"/> that holds a <see cref="TimeoutException"/>, or goes to the fallback handler where its policy permits that.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Zero, or negative but not infinite.</exception>
    public TimeSpan ConnectTimeout { get; set => field = Unstarted(Positive(value)); } = Timeout.InfiniteTimeSpan;

    /// <summary>A connection without requests is closed after this time; 1 minute by default, and never later than QUIC's idle timeout.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative but not infinite.</exception>
    public TimeSpan PooledConnectionIdleTimeout { get; set => field = Unstarted(NotNegative(value)); } = TimeSpan.FromMinutes(1);

    /// <summary>A connection gets no more requests after this time; infinite by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative but not infinite.</exception>
    public TimeSpan PooledConnectionLifetime { get; set => field = Unstarted(NotNegative(value)); } = Timeout.InfiniteTimeSpan;

    /// <summary>Connections to one server at a time, with <see cref="EnableMultipleHttp3Connections"/>; unlimited by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int MaxConnectionsPerServer
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = Unstarted(value);
        }
    } = int.MaxValue;

    /// <summary>Whether another connection is made when the server permits no more requests on those that there are; else requests wait.</summary>
    public bool EnableMultipleHttp3Connections { get; set => field = Unstarted(value); }

    /// <summary>
    /// Whether the first requests of a new connection may be sent before its handshake is complete (0-RTT), when the server has allowed it in an
    /// earlier one: those of GET, HEAD, OPTIONS and TRACE without content, as somebody may record and repeat them (RFC 8470). A server that
    /// answers 425 (Too Early) is asked again behind the handshake. Off by default.
    /// </summary>
    public bool AllowEarlyData { get; set => field = Unstarted(value); }

    /// <summary>Header compression: how much memory a server may use for it, and how much of its own is used.</summary>
    public QpackOptions Qpack { get; set { ArgumentNullException.ThrowIfNull(value); field = Unstarted(value); } } = new();

    /// <summary>
    /// Whether settings, frames and streams of reserved types are sent now and then, which servers must ignore (RFC 9114, sections 6.2.3, 7.2.4.1 and
    /// 7.2.8): a few bytes that keep the protocol extensible. On by default.
    /// </summary>
    public bool SendsGrease { get; set => field = Unstarted(value); } = true;

    /// <summary>
    /// Whether connections move when addresses of this machine come or go (RFC 9000, section 9): each asks its server by another socket, under a
    /// connection ID that nobody has seen, and goes on from there once the server answers; requests do not notice. Where it does not answer, or has
    /// asked its clients not to move, nothing changes. <c>true</c> by default.
    /// </summary>
    public bool FollowNetworkChanges { get; set => field = Unstarted(value); } = true;

    /// <summary>How long the content of a request with Expect: 100-continue is held back at most; 1 second by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative but not infinite.</exception>
    public TimeSpan Expect100ContinueTimeout { get; set => field = Unstarted(NotNegative(value)); } = TimeSpan.FromSeconds(1);

    /// <summary>Whether redirects are followed, to https alone; <c>true</c> by default.</summary>
    public bool AllowAutoRedirect { get; set => field = Unstarted(value); } = true;

    /// <summary>Redirects that one request follows; the response to the last one is returned as it is. 50 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int MaxAutomaticRedirections
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = Unstarted(value);
        }
    } = 50;

    /// <summary>Whether <see cref="CookieContainer"/> is used; <c>true</c> by default.</summary>
    public bool UseCookies { get; set => field = Unstarted(value); } = true;

    /// <summary>Where cookies come from and go to.</summary>
    public CookieContainer CookieContainer { get; set { ArgumentNullException.ThrowIfNull(value); field = Unstarted(value); } } = new();

    /// <summary>Content codings that are offered and undone; none by default.</summary>
    public DecompressionMethods AutomaticDecompression { get; set => field = Unstarted(value); }

    /// <summary>Makes the meter <c>System.Net.Http</c> of the <c>http.client.*</c> metrics; <c>null</c>, the default: one that the process shares.</summary>
    public IMeterFactory? MeterFactory { get; set => field = Unstarted(value); }

    /// <summary>Tells servers of the trace that a request belongs to; <c>null</c>: they are not told, and no activity is made.</summary>
    public DistributedContextPropagator? ActivityHeadersPropagator { get; set => field = Unstarted(value); } = DistributedContextPropagator.Current;

    /// <summary>Told how long each connection took, from looking up the name to the end of the handshake.</summary>
    internal Action<TimeSpan>? OnConnected { get; set; }

    /// <summary>For the tests: the clock of timeouts.</summary>
    internal TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>For the tests: names to addresses.</summary>
    internal Func<string, CancellationToken, Task<IPAddress[]>> Resolve { get; set; } = Dns.GetHostAddressesAsync;

    /// <summary>For the tests: changes of the network.</summary>
    internal Func<Action, IDisposable> WatchNetwork { get; set; } = NetworkWatch.Subscribe;

    /// <summary>For the tests: connections that may take requests.</summary>
    internal int Connections => _pools?.Connections ?? 0;

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        cancellationToken.ThrowIfCancellationRequested();
        ConnectionPools pools = Start();
        AddedFields added = new(request);
        for (int redirects = 0; ; redirects++)
        {
            (HttpResponseMessage response, bool isOverHttp3) = await SendOnceAsync(pools, request, added, redirects > 0, cancellationToken).ConfigureAwait(false);
            if (!isOverHttp3)
            {
                // Redirects and codings of its responses are the fallback's own.
                return response;
            }

            if (!AllowAutoRedirect || redirects == MaxAutomaticRedirections
                || Redirection.TargetOf(response, request.RequestUri!) is not Uri target)
            {
                Decompression.Undo(response, AutomaticDecompression);
                return response;
            }

            HttpStatusCode status = response.StatusCode;
            response.Dispose();
            Redirection.Apply(request, status, target);
        }
    }

    /// <summary>Closes all connections: requests that still run fail.</summary>
    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            lock (_lock)
            {
                if (_isDisposed)
                {
                    return;
                }

                _isDisposed = true;
            }

            _pools?.Dispose();
            _fallback?.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>To one URI: over HTTP/3 to an announced alternative, then to the origin itself, then by the fallback, as far as each is permitted.</summary>
    private async Task<(HttpResponseMessage Response, bool IsOverHttp3)> SendOnceAsync(
        ConnectionPools pools, HttpRequestMessage request, AddedFields added, bool isRedirected, CancellationToken cancellationToken)
    {
        Exception? cause = null;
        for (bool isDirect = false; IsForHttp3(pools, request, isDirect, out Alternative? place); isDirect = true)
        {
            Uri uri = request.RequestUri!;
            Alternative? alternative = place == Alternative.Of(uri) ? null : place;
            Decompression.Offer(added, AutomaticDecompression);
            try
            {
                HttpResponseMessage response = await MeasureAsync(
                    pools, request, alternative, added, isRedirected || isDirect, cancellationToken).ConfigureAwait(false);
                if (alternative is null || response.StatusCode != HttpStatusCode.MisdirectedRequest)
                {
                    return (response, true);
                }

                // It does not speak for the origin, and has done nothing: whatever the method, the origin may be asked (RFC 7838, section 6).
                pools.Alternatives.Drop(uri, alternative.Value);
                if (!ClientRequest.IsRepeatable(request.Content))
                {
                    return (response, true);
                }

                response.Dispose();
            }
            catch (Exception error) when (alternative is not null && IsUnconnected(error))
            {
                // Of the origin itself that says nothing (RFC 7838, section 2.4).
                pools.Alternatives.Block(uri, alternative.Value);
                cause = error;
            }
            catch (Exception error) when (_fallback is not null && MayFallBack(request, error))
            {
                pools.Alternatives.Block(uri);
                cause = error;
                break;
            }
        }

        added.TakeBack();
        return (await FallBackAsync(pools, request, cause, cancellationToken).ConfigureAwait(false), false);
    }

    /// <param name="isDirect">Whether no announcement counts: an alternative has failed.</param>
    /// <param name="place">Where the origin is announced; <c>null</c>: nowhere.</param>
    private bool IsForHttp3(ConnectionPools pools, HttpRequestMessage request, bool isDirect, out Alternative? place)
    {
        place = null;
        if (request.RequestUri is not { IsAbsoluteUri: true } uri)
        {
            throw new InvalidOperationException("The request needs an absolute URI.");
        }

        if (uri.Scheme != Uri.UriSchemeHttps)
        {
            return uri.Scheme == Uri.UriSchemeHttp ? false : throw new NotSupportedException($"The scheme {uri.Scheme} is not supported.");
        }

        place = !isDirect && pools.Alternatives.TryFind(uri, out Alternative found) ? found : null;
        return (request.Version >= s_http3, request.VersionPolicy) switch
        {
            // Where there is something else, and HTTP/3 was found not to answer, it is not waited for again and again.
            (true, HttpVersionPolicy.RequestVersionOrLower) => _fallback is null || place is not null || !pools.Alternatives.IsBlocked(uri),
            (true, _) => true,
            (false, HttpVersionPolicy.RequestVersionOrHigher) => _fallback is null || place is not null,
            _ => false,
        };
    }

    /// <summary>No connection came about, or none that may be used, so nothing was sent.</summary>
    private static bool IsUnconnected(Exception error) => error is TaskCanceledException { InnerException: ConnectTimeoutPassedException }
        or HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError or HttpRequestError.NameResolutionError };

    /// <summary>No connection came about, so nothing was sent, and the policy permits a lower version.</summary>
    private static bool MayFallBack(HttpRequestMessage request, Exception error) =>
        error is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } or TaskCanceledException { InnerException: ConnectTimeoutPassedException }
        && (request.Version < s_http3 || request.VersionPolicy == HttpVersionPolicy.RequestVersionOrLower);

    private async Task<HttpResponseMessage> MeasureAsync(
        ConnectionPools pools, HttpRequestMessage request, Alternative? alternative, AddedFields added, bool isRepeated, CancellationToken cancellationToken)
    {
        Uri uri = request.RequestUri!;
        HttpMethod method = request.Method;
        ClientMetrics metrics = pools.Settings.Metrics;
        using RequestActivity? activity = RequestActivity.Start(request, ActivityHeadersPropagator, added, isRepeated);
        long start = TimeProvider.GetTimestamp();
        metrics.RequestBegins(uri, method);
        HttpResponseMessage? response = null;
        Exception? failure = null;
        try
        {
            response = await SendOverHttp3Async(pools, request, alternative, cancellationToken).ConfigureAwait(false);
            activity?.OnResponse(response);
            return response;
        }
        catch (Exception error)
        {
            failure = error;
            activity?.OnError(error);
            throw;
        }
        finally
        {
            metrics.RequestEnds(uri, method, response, failure, TimeProvider.GetElapsedTime(start));
        }
    }

    private async Task<HttpResponseMessage> SendOverHttp3Async(
        ConnectionPools pools, HttpRequestMessage request, Alternative? alternative, CancellationToken cancellationToken)
    {
        Uri uri = request.RequestUri!;
        string cookies = UseCookies ? CookieContainer.GetCookieHeader(uri) : "";
        string tlsName = SslOptions.TargetHost is { Length: > 0 } name ? name : HostOf(request);
        RequestHead head = RequestFields.Of(request, cookies);
        Origin origin = new(uri.IdnHost, uri.Port, tlsName);
        if (alternative is Alternative(string host, int port))
        {
            // The certificate is still the origin's; the server is told by which name it was found (RFC 7838, sections 2.1 and 5).
            origin = origin with { Host = host, Port = port };
            head.Headers.Add("alt-used", port == 443 ? host : $"{host}:{port}");
        }

        HttpResponseMessage response = await ClientRequest.SendAsync(pools.For(origin), request, head, cancellationToken).ConfigureAwait(false);
        pools.Alternatives.Learn(uri, response);
        if (UseCookies && response.Headers.NonValidated.TryGetValues("Set-Cookie", out System.Net.Http.Headers.HeaderStringValues values))
        {
            foreach (string value in values)
            {
                try
                {
                    CookieContainer.SetCookies(uri, value);
                }
                catch (CookieException)
                {
                    // The server's fault, and no reason to lose its response.
                }
            }
        }

        return response;
    }

    /// <summary>The name that the certificate must be for: the host header's, if there is one, without its port.</summary>
    private static string HostOf(HttpRequestMessage request) =>
        request.Headers.Host is string host && Uri.TryCreate($"https://{host}/", UriKind.Absolute, out Uri? uri)
            ? uri.IdnHost : request.RequestUri!.IdnHost;

    private async Task<HttpResponseMessage> FallBackAsync(
        ConnectionPools pools, HttpRequestMessage request, Exception? cause, CancellationToken cancellationToken)
    {
        bool isForbidden = request.Version >= s_http3 && request.VersionPolicy != HttpVersionPolicy.RequestVersionOrLower;
        if (_fallback is not null && !isForbidden)
        {
            HttpResponseMessage response = await _fallback.SendAsync(request, cancellationToken).ConfigureAwait(false);
            pools.Alternatives.Learn(response.RequestMessage?.RequestUri ?? request.RequestUri!, response);
            return response;
        }

        throw new HttpRequestException(
            HttpRequestError.VersionNegotiationError,
            $"A request to {request.RequestUri!.Scheme} with version {request.Version} and {request.VersionPolicy} does not go over HTTP/3"
                + (isForbidden ? "." : ", and no fallback handler was given: ask for version 3.0, or for RequestVersionOrHigher."),
            cause);
    }

    private ConnectionPools Start()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _pools ??= new(new()
            {
                SslOptions = SslOptions,
                ConnectTimeout = ConnectTimeout,
                IdleTimeout = PooledConnectionIdleTimeout,
                Lifetime = PooledConnectionLifetime,
                ContinueTimeout = Expect100ContinueTimeout,
                AllowEarlyData = AllowEarlyData,
                Session = new(Qpack, SendsGrease),
                MaxConnections = EnableMultipleHttp3Connections ? MaxConnectionsPerServer : 1,
                TimeProvider = TimeProvider,
                Resolve = Resolve,
                WatchNetwork = FollowNetworkChanges ? WatchNetwork : null,
                Metrics = ClientMetrics.From(MeterFactory),
                OnConnected = OnConnected,
            });
        }
    }

    private T Unstarted<T>(T value)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return _pools is null ? value : throw new InvalidOperationException("Options cannot change after the first request.");
    }

    private static TimeSpan Positive(TimeSpan value)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(value, TimeSpan.Zero);
        return NotNegative(value);
    }

    private static TimeSpan NotNegative(TimeSpan value)
    {
        if (value != Timeout.InfiniteTimeSpan)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero);
        }

        return value;
    }
}
