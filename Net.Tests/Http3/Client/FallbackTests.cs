using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using Net.Http3.Client;
using Net.Http3.Server;
using Net.Tests.Http3.Server;

namespace Net.Tests.Http3.Client;

/// <summary>What the fallback handler gets: which requests, at which of their redirects, and with which fields.</summary>
[TestClass]
public sealed class FallbackTests
{
    private int _lookups;

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: a redirect to an origin that has announced nothing goes to the fallback, as the redirect has made the request, and nobody tries HTTP/3 there.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_redirect_chooses_the_version_anew()
    {
        await using ClientSite site = new(new Handler((exchange, _) => exchange.RespondAsync(302, ("location", "https://b.test/there"))));
        RecordingHandler fallback = new() { Announces = $"h3=\"127.0.0.1:{site.Port}\"" };
        using Http3Handler handler = NewHandler(fallback);
        using HttpMessageInvoker invoker = new(handler);
        for (int i = 0; i < 2; i++)
        {
            using HttpRequestMessage request = new(HttpMethod.Post, "https://localhost:1/")
            {
                Version = HttpVersion.Version11,
                VersionPolicy = HttpVersionPolicy.RequestVersionOrHigher,
                Content = new StringContent("x"),
            };
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", "abc");
            using HttpResponseMessage response = await invoker.SendAsync(request, Stop);
            Assert.AreEqual(HttpStatusCode.Ambiguous, response.StatusCode);
        }

        CollectionAssert.AreEqual(
            (string[])["POST https://localhost:1/ Authorization: Basic abc", "GET https://b.test/there "], fallback.Seen.ToArray());
        Assert.AreEqual(1, site.Connections);
        Assert.AreEqual(0, _lookups);
    }

    /// <summary>
    /// Goal: where the target of a redirect does not answer over HTTP/3, the fallback gets the redirected request, without the fields that the
    /// handler had added for itself, and with those of the caller; but not where the policy wants HTTP/3 alone.
    /// </summary>
    [TestMethod]
    [DataRow("", false)]
    [DataRow("Accept-Encoding: identity", false)]
    [DataRow("", true)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task The_fallback_gets_what_the_caller_gave(string own, bool exact)
    {
        ConcurrentQueue<string> seen = [];
        await using ClientSite site = new(new Handler((exchange, _) =>
        {
            seen.Enqueue($"{exchange.Headers["accept-encoding"]} {exchange.Headers["traceparent"] is not null}");
            return exchange.RespondAsync(302, ("location", "https://b.test/there"));
        }));
        using Activity outer = new Activity("outer").SetIdFormat(ActivityIdFormat.W3C).Start();
        RecordingHandler fallback = new();
        using Http3Handler handler = NewHandler(fallback);
        handler.AutomaticDecompression = DecompressionMethods.GZip | DecompressionMethods.Brotli;
        using HttpMessageInvoker invoker = new(handler);
        using HttpRequestMessage request = new(HttpMethod.Get, site.At("/"))
        {
            Version = HttpVersion.Version30,
            VersionPolicy = exact ? HttpVersionPolicy.RequestVersionExact : HttpVersionPolicy.RequestVersionOrLower,
        };
        if (own.Length > 0)
        {
            request.Headers.TryAddWithoutValidation(own.Split(": ")[0], own.Split(": ")[1]);
        }

        if (exact)
        {
            await Assert.ThrowsExactlyAsync<HttpRequestException>(() => invoker.SendAsync(request, Stop));
        }
        else
        {
            using HttpResponseMessage response = await invoker.SendAsync(request, Stop);
            Assert.AreEqual(HttpStatusCode.Ambiguous, response.StatusCode);
        }

        Assert.AreEqual(own.Length > 0 ? "identity True" : "gzip, br True", seen.Single());
        CollectionAssert.AreEqual(exact ? [] : (string[])[$"GET https://b.test/there {own}"], fallback.Seen.ToArray());
        Assert.AreEqual(1, _lookups);
    }

    /// <summary>Goal: a content that fails for want of a connection of its own is no reason to fall back: the request is under way.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_failure_of_the_content_is_not_one_of_the_connection()
    {
        await using ClientSite site = new(new Handler(async (_, token) => await Never.EndsAsync(token)));
        RecordingHandler fallback = new();
        using Http3Handler handler = NewHandler(fallback);
        using HttpMessageInvoker invoker = new(handler);
        HttpRequestException fault = new(HttpRequestError.ConnectionError, "the content's own");
        using HttpRequestMessage request = new(HttpMethod.Post, site.At("/")) { Version = HttpVersion.Version30, Content = new DuplexContent(_ => throw fault) };
        HttpRequestException error = await Assert.ThrowsExactlyAsync<HttpRequestException>(() => invoker.SendAsync(request, Stop));
        Assert.AreEqual(HttpRequestError.Unknown, error.HttpRequestError);
        Assert.AreSame(fault, error.InnerException);
        Assert.IsEmpty(fallback.Seen);
    }

    private Http3Handler NewHandler(RecordingHandler fallback) => new(fallback)
    {
        SslOptions = ClientSite.NewHandler().SslOptions,
        Resolve = (_, _) =>
        {
            _lookups++;
            throw new HttpRequestException(HttpRequestError.ConnectionError, "as if nobody answered");
        },
    };
}

/// <summary>A fallback that remembers what it got: method, URI and fields.</summary>
internal sealed class RecordingHandler : HttpMessageHandler
{
    /// <summary>Alt-Svc of its responses.</summary>
    public string Announces { get; set; } = "clear";

    public ConcurrentQueue<string> Seen { get; } = [];

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Seen.Enqueue($"{request.Method} {request.RequestUri} {string.Join("; ", request.Headers.NonValidated.Select(field => $"{field.Key}: {field.Value}"))}");
        HttpResponseMessage response = new(HttpStatusCode.Ambiguous) { RequestMessage = request };
        response.Headers.TryAddWithoutValidation("Alt-Svc", Announces);
        return Task.FromResult(response);
    }
}
