using System.Net;
using Net.Http3.Client;
using Net.Http3.Client.Hosting;
using Net.Http3.Server;
using Net.Tests.Http3.Server;

namespace Net.Tests.Http3.Client;

/// <summary>Alt-Svc (RFC 7838): how a handler with a fallback comes to HTTP/3, and away from it.</summary>
[TestClass]
public sealed class AlternativeServicesTests
{
    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    [TestMethod]
    [DataRow("h3=\":443\"", "origin.test", 443, 86400L)]
    [DataRow("h2=\"a:1\", h3-29=\":2\", h3=\"b.test:3\"; ma=60; persist=1", "b.test", 3, 60L)]
    [DataRow("h3=\"[::1]:4433\";ma=99999999999", "::1", 4433, 31536000L)]
    [DataRow("h3=\":0\",h3=\":5\";ma=x", "origin.test", 5, 86400L)]
    public void An_announcement_is_read(string value, string host, int port, long age)
    {
        Assert.IsTrue(AlternativeServices.TryParse(value, "origin.test", out string readHost, out int readPort, out long readAge));
        Assert.AreEqual((host, port, age), (readHost, readPort, readAge));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("clear")]
    [DataRow("h2=\":443\"")]
    [DataRow("h3=:443")]
    [DataRow("h3=\"443\"")]
    [DataRow("h3=\"")]
    [DataRow("h3=\"\"")]
    [DataRow("h3=\":65536\"")]
    [DataRow("h3=\":-1\"")]
    [DataRow("h3=\"a b:1\"")]
    [DataRow("h3=\":1")]
    public void Nonsense_is_not_an_announcement(string value) => Assert.IsFalse(AlternativeServices.TryParse(value, "origin.test", out _, out _, out _));

    /// <summary>
    /// Goal: a request that permits higher versions goes to the fallback until that has announced HTTP/3, then there, for as long as the
    /// announcement says; the certificate is checked against the origin's name.
    /// </summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task An_announcement_is_followed_while_it_counts()
    {
        string? used = null;
        await using ClientSite site = new(new Handler((exchange, _) =>
        {
            used = exchange.Headers["alt-used"];
            return exchange.RespondAsync(200);
        }));
        ManualTime time = new();
        Announcing fallback = new() { Value = $"h3=\"127.0.0.1:{site.Port}\"; ma=100" };
        using Http3Handler handler = new(fallback) { SslOptions = ClientSite.NewHandler().SslOptions, TimeProvider = time };
        using HttpMessageInvoker invoker = new(handler);
        Assert.AreEqual(HttpStatusCode.Ambiguous, await GetAsync(invoker));
        Assert.AreEqual(HttpStatusCode.OK, await GetAsync(invoker));
        Assert.AreEqual($"127.0.0.1:{site.Port}", used);
        time.Advance(TimeSpan.FromSeconds(101));
        Assert.AreEqual(HttpStatusCode.Ambiguous, await GetAsync(invoker));
        Assert.AreEqual(HttpStatusCode.OK, await GetAsync(invoker));

        fallback.Value = "clear";
        Assert.AreEqual(HttpStatusCode.Ambiguous, await GetAsync(invoker, HttpVersion.Version11, HttpVersionPolicy.RequestVersionExact));
        Assert.AreEqual(HttpStatusCode.Ambiguous, await GetAsync(invoker));
    }

    /// <summary>Goal: where no connection comes about, the fallback answers, and HTTP/3 is left alone for 5 minutes.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task What_does_not_answer_is_left_alone_for_a_while()
    {
        ManualTime time = new();
        int attempts = 0;
        Announcing fallback = new() { Value = "h3=\":7\"; ma=100000" };
        using Http3Handler handler = new(fallback)
        {
            TimeProvider = time,
            Resolve = (_, _) =>
            {
                attempts++;
                throw new HttpRequestException(HttpRequestError.ConnectionError, "as if nobody answered");
            },
        };
        using HttpMessageInvoker invoker = new(handler);
        for (int i = 0; i < 3; i++)
        {
            Assert.AreEqual(HttpStatusCode.Ambiguous, await GetAsync(invoker));
            Assert.AreEqual(HttpStatusCode.Ambiguous, await GetAsync(invoker, HttpVersion.Version30, HttpVersionPolicy.RequestVersionOrLower));
        }

        // The alternative, and the origin itself.
        Assert.AreEqual(2, attempts);
        time.Advance(TimeSpan.FromMinutes(5));
        Assert.AreEqual(HttpStatusCode.Ambiguous, await GetAsync(invoker));
        Assert.AreEqual(3, attempts);
        await Assert.ThrowsExactlyAsync<HttpRequestException>(() => GetAsync(invoker, HttpVersion.Version30, HttpVersionPolicy.RequestVersionExact));
        Assert.AreEqual(4, attempts);
    }

    /// <summary>Goal: a block is of one place: neither of the origin, nor of what is announced in its stead; and "clear" takes announcements back, not what was found out.</summary>
    [TestMethod]
    public void A_place_is_left_alone_and_no_other()
    {
        ManualTime time = new();
        AlternativeServices services = new(time);
        Uri origin = new("https://a.test/");
        Alternative first = new("b.test", 1), second = new("c.test", 2);
        services.Learn(origin, Saying("h3=\"b.test:1\""));
        services.Block(origin, second);
        Assert.AreEqual(first, Found());
        services.Block(origin, first);
        services.Learn(origin, Saying("h3=\"b.test:1\""));
        Assert.IsNull(Found());
        Assert.IsFalse(services.IsBlocked(origin));
        services.Learn(origin, Saying("h3=\"c.test:2\""));
        Assert.AreEqual(second, Found());

        services.Drop(origin, first);
        Assert.AreEqual(second, Found());
        services.Drop(origin, second);
        Assert.IsNull(Found());
        services.Learn(origin, Saying("h3=\"b.test:1\"", HttpStatusCode.MisdirectedRequest));
        time.Advance(TimeSpan.FromMinutes(5));
        Assert.IsNull(Found(), "what was dropped comes back by an announcement alone");
        services.Learn(origin, Saying("h3=\"c.test:2\""));
        Assert.AreEqual(second, Found());

        services.Block(origin);
        Assert.AreEqual(second, Found());
        services.Learn(origin, Saying("h3=\":443\""));
        Assert.IsNull(Found());
        services.Learn(origin, Saying("clear"));
        Assert.IsTrue(services.IsBlocked(origin));
        time.Advance(TimeSpan.FromMinutes(5));
        Assert.IsFalse(services.IsBlocked(origin));
        Assert.IsNull(Found());

        Alternative? Found() => services.TryFind(origin, out Alternative place) ? place : null;
    }

    private async Task<HttpStatusCode> GetAsync(
        HttpMessageInvoker invoker, Version? version = null, HttpVersionPolicy policy = HttpVersionPolicy.RequestVersionOrHigher)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, "https://localhost:1/") { Version = version ?? HttpVersion.Version11, VersionPolicy = policy };
        using HttpResponseMessage response = await invoker.SendAsync(request, Stop);
        return response.StatusCode;
    }

    private static HttpResponseMessage Saying(string value, HttpStatusCode status = HttpStatusCode.OK)
    {
        HttpResponseMessage response = new(status);
        response.Headers.TryAddWithoutValidation("Alt-Svc", value);
        return response;
    }

    private sealed class Announcing : HttpMessageHandler
    {
        public string Value { get; set; } = "";

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            HttpResponseMessage response = new(HttpStatusCode.Ambiguous) { RequestMessage = request };
            response.Headers.TryAddWithoutValidation("Alt-Svc", Value);
            return Task.FromResult(response);
        }
    }
}
