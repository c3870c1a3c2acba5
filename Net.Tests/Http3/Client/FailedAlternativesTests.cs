using System.Net;
using Net.Http3.Client;
using Net.Http3.Server;
using Net.Tests.Http3.Server;

namespace Net.Tests.Http3.Client;

/// <summary>Alternatives that do not answer, or not for their origin (RFC 7838, sections 2.4 and 6): the origin does, and they are left alone.</summary>
[TestClass]
public sealed class FailedAlternativesTests
{
    private int _asked;

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: whatever keeps a connection to the alternative from coming about, the origin answers over HTTP/3, and the alternative is tried again after 5 minutes.</summary>
    [TestMethod]
    [DataRow(HttpRequestError.ConnectionError, true)]
    [DataRow(HttpRequestError.ConnectionError, false)]
    [DataRow(HttpRequestError.NameResolutionError, false)]
    [DataRow(HttpRequestError.SecureConnectionError, true)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task The_origin_answers_for_a_dead_alternative(HttpRequestError kind, bool hasFallback)
    {
        await using ClientSite site = new(new Handler((exchange, _) => exchange.RespondAsync(
            200, ("alt-svc", "h3=\"dead.test:7\"; ma=10000"), ("x-used", exchange.Headers["alt-used"] ?? "none"))));
        ManualTime time = new();
        using Http3Handler handler = hasFallback ? new(new Http3HandlerTests.Fallback()) : new();
        handler.SslOptions = ClientSite.NewHandler().SslOptions;
        handler.TimeProvider = time;
        handler.Resolve = (_, _) =>
        {
            _asked++;
            throw new HttpRequestException(kind, "as if that happened");
        };
        using HttpMessageInvoker invoker = new(handler);
        for (int i = 0; i < 4; i++)
        {
            using HttpResponseMessage response = await SendAsync(invoker, site.At("/"), policy: HttpVersionPolicy.RequestVersionOrLower);
            Assert.AreEqual(HttpStatusCode.OK, response.StatusCode);
            Assert.AreEqual("none", response.Headers.GetValues("x-used").Single());
            Assert.AreEqual(int.Min(i, 1), _asked);
        }

        time.Advance(TimeSpan.FromMinutes(5));
        Assert.AreEqual(HttpStatusCode.OK, (await SendAsync(invoker, site.At("/"))).StatusCode);
        Assert.AreEqual(2, _asked);
    }

    /// <summary>Goal: a request that an alternative answers with 421 is sent to the origin, with its content, and later ones go there at once.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task The_origin_answers_for_a_misdirected_alternative()
    {
        await using ClientSite other = NewMisdirected();
        await using ClientSite site = NewAnnouncing(other);
        using HttpMessageInvoker invoker = new(ClientSite.NewHandler());
        Assert.AreEqual("GET ", await ReadAsync(await SendAsync(invoker, site.At("/"))));
        Assert.AreEqual("POST abc", await ReadAsync(await SendAsync(invoker, site.At("/"), new StringContent("abc"))));
        Assert.AreEqual("GET ", await ReadAsync(await SendAsync(invoker, site.At("/"))));
        Assert.AreEqual(1, _asked);
    }

    /// <summary>Goal: where the content cannot be sent again 421 is the caller's, and the alternative is left alone all the same; of an origin 421 is an answer as any.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task What_cannot_be_repeated_is_misdirected()
    {
        await using ClientSite other = NewMisdirected();
        await using ClientSite site = NewAnnouncing(other);
        using HttpMessageInvoker invoker = new(ClientSite.NewHandler());
        (await SendAsync(invoker, site.At("/"))).Dispose();
        int begun = 0;
        using HttpResponseMessage first = await SendAsync(invoker, site.At("/"), new DuplexContent(_ =>
        {
            Interlocked.Increment(ref begun);
            return Task.CompletedTask;
        }));
        Assert.AreEqual(HttpStatusCode.MisdirectedRequest, first.StatusCode);
        Assert.IsLessThanOrEqualTo(1, begun);
        using HttpResponseMessage second = await SendAsync(invoker, site.At("/421"));
        Assert.AreEqual(HttpStatusCode.MisdirectedRequest, second.StatusCode);
        Assert.AreEqual("GET /421", second.Headers.GetValues("x-seen").Single());
        Assert.AreEqual(1, _asked);
    }

    /// <summary>Goal: who came to HTTP/3 by an announcement alone goes back to the fallback when the alternative answers 421.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task The_fallback_answers_for_a_misdirected_alternative()
    {
        await using ClientSite other = NewMisdirected();
        RecordingHandler fallback = new() { Announces = $"h3=\"127.0.0.1:{other.Port}\"" };
        using HttpMessageInvoker invoker = new(new Http3Handler(fallback) { SslOptions = ClientSite.NewHandler().SslOptions });
        for (int i = 0; i < 3; i++)
        {
            using HttpRequestMessage request = new(HttpMethod.Get, "https://localhost:1/")
            {
                Version = HttpVersion.Version11,
                VersionPolicy = HttpVersionPolicy.RequestVersionOrHigher,
            };
            using HttpResponseMessage response = await invoker.SendAsync(request, Stop);
            Assert.AreEqual(HttpStatusCode.Ambiguous, response.StatusCode);
        }

        Assert.AreEqual(1, _asked);
        Assert.HasCount(3, fallback.Seen);
    }

    private ClientSite NewMisdirected() => new(new Handler((exchange, _) =>
    {
        Interlocked.Increment(ref _asked);
        return exchange.RespondAsync(421);
    }));

    private static ClientSite NewAnnouncing(ClientSite other) => new(new Handler(async (exchange, token) =>
    {
        await exchange.RespondAsync(
            exchange.Path == "/421" ? 421 : 200, ("alt-svc", $"h3=\"127.0.0.1:{other.Port}\""), ("x-seen", $"{exchange.Method} {exchange.Path}"));
        await exchange.WriteAsync(System.Text.Encoding.UTF8.GetBytes(exchange.Method + " "));
        byte[] buffer = new byte[100];
        for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
        {
            await exchange.WriteAsync(buffer.AsMemory(0, count));
        }
    }));

    private Task<HttpResponseMessage> SendAsync(
        HttpMessageInvoker invoker, Uri uri, HttpContent? content = null, HttpVersionPolicy policy = HttpVersionPolicy.RequestVersionExact)
    {
        HttpRequestMessage request = new(content is null ? HttpMethod.Get : HttpMethod.Post, uri)
        {
            Version = HttpVersion.Version30,
            VersionPolicy = policy,
            Content = content,
        };
        return invoker.SendAsync(request, Stop);
    }

    private async Task<string> ReadAsync(HttpResponseMessage response)
    {
        using (response)
        {
            Assert.AreEqual(HttpStatusCode.OK, response.StatusCode);
            return await response.Content.ReadAsStringAsync(Stop);
        }
    }
}
