using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Net.Http3.Client;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Tests.Http3.Server;

namespace Net.Tests.Http3.Client;

/// <summary>HttpClient on our handler against a component, over loopback.</summary>
[TestClass]
public sealed class Http3HandlerTests
{
    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: methods, paths, headers and bodies arrive as they were given; HEAD and 204 have no body, and HEAD keeps its length.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Methods_headers_and_bodies_arrive()
    {
        await using ClientSite site = new(new Handler(EchoAsync));
        using HttpClient client = ClientSite.NewClient();
        using HttpRequestMessage get = Request(HttpMethod.Get, site.At("/a?b=c"));
        get.Headers.Add("X-Two", ["1", "2"]);
        using HttpResponseMessage got = await client.SendAsync(get, Stop);
        Assert.AreEqual(HttpVersion.Version30, got.Version);
        Assert.AreEqual("GET /a?b=c 1, 2", got.Headers.GetValues("x-seen").Single());
        Assert.AreEqual("text/plain", got.Content.Headers.ContentType?.MediaType);

        foreach (HttpMethod method in (HttpMethod[])[HttpMethod.Post, HttpMethod.Put])
        {
            using HttpRequestMessage request = Request(method, site.At("/"));
            request.Content = new StringContent("hello");
            using HttpResponseMessage response = await client.SendAsync(request, Stop);
            Assert.AreEqual("hello", await response.Content.ReadAsStringAsync(Stop));
            Assert.AreEqual("5", response.Headers.GetValues("x-length").Single());
        }

        using HttpResponseMessage head = await client.SendAsync(Request(HttpMethod.Head, site.At("/sized")), Stop);
        Assert.AreEqual(7, head.Content.Headers.ContentLength);
        Assert.IsEmpty(await head.Content.ReadAsByteArrayAsync(Stop));
        using HttpResponseMessage none = await client.GetAsync(site.At("/204"), Stop);
        Assert.AreEqual(HttpStatusCode.NoContent, none.StatusCode);
        Assert.IsEmpty(await none.Content.ReadAsByteArrayAsync(Stop));
        Assert.AreEqual(1, site.Connections);
    }

    /// <summary>Goal: 30 requests at a time share one connection.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Parallel_requests_share_a_connection()
    {
        await using ClientSite site = new(new Handler(EchoAsync));
        using HttpClient client = ClientSite.NewClient();
        string[] bodies = await Task.WhenAll(Enumerable.Range(0, 30).Select(async i =>
        {
            using HttpResponseMessage response = await client.PostAsync(site.At("/"), new StringContent($"body {i}"), Stop);
            return await response.Content.ReadAsStringAsync(Stop);
        }));
        CollectionAssert.AreEqual(Enumerable.Range(0, 30).Select(i => $"body {i}").ToArray(), bodies);
        Assert.AreEqual(1, site.Connections);
    }

    /// <summary>Goal: beyond the server's limit requests wait, or go over further connections if that is permitted, up to the maximum.</summary>
    [TestMethod]
    [DataRow(false, 1)]
    [DataRow(true, 2)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_full_connection_gets_company_only_if_permitted(bool multiple, int connections)
    {
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource allArrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int arrived = 0;
        await using ClientSite site = new(
            new Handler(async (exchange, _) =>
            {
                if (Interlocked.Increment(ref arrived) == 2 * connections)
                {
                    allArrived.SetResult();
                }

                await release.Task;
                await exchange.RespondAsync(200);
            }),
            maxRequests: 2);
        Http3Handler handler = ClientSite.NewHandler();
        handler.EnableMultipleHttp3Connections = multiple;
        handler.MaxConnectionsPerServer = 2;
        using HttpClient client = ClientSite.NewClient(handler);
        Task<HttpResponseMessage>[] all = [.. Enumerable.Range(0, 6).Select(_ => client.GetAsync(site.At("/"), Stop))];
        await allArrived.Task.WaitAsync(Stop);
        release.SetResult();
        foreach (HttpResponseMessage response in await Task.WhenAll(all))
        {
            Assert.AreEqual(HttpStatusCode.OK, response.StatusCode);
            response.Dispose();
        }

        Assert.AreEqual(connections, site.Connections);
    }

    /// <summary>Goal: 10 MB of a stream without a length go up and come back, byte for byte.</summary>
    [TestMethod]
    [Timeout(120_000, CooperativeCancellation = true)]
    public async Task Ten_megabytes_go_both_ways()
    {
        byte[] upload = RandomNumberGenerator.GetBytes(10_000_000);
        await using ClientSite site = new(new Handler(EchoAsync));
        using HttpClient client = ClientSite.NewClient();
        using HttpRequestMessage request = Request(HttpMethod.Post, site.At("/"));
        request.Content = new DuplexContent(async stream => await stream.WriteAsync(upload, Stop));
        using HttpResponseMessage response = await client.SendAsync(request, Stop);
        byte[] echo = await response.Content.ReadAsByteArrayAsync(Stop);
        Assert.IsTrue(upload.AsSpan().SequenceEqual(echo));
        Assert.AreEqual("", response.Headers.GetValues("x-length").Single());
    }

    /// <summary>Goal: with ResponseHeadersRead, an answer is read before the next question is written.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_dialogue_is_duplex()
    {
        await using ClientSite site = new(new Handler(EchoAsync));
        using HttpClient client = ClientSite.NewClient();
        using HttpRequestMessage request = Request(HttpMethod.Post, site.At("/"));
        SemaphoreSlim next = new(1);
        request.Content = new DuplexContent(async stream =>
        {
            for (byte i = 0; i < 5; i++)
            {
                await next.WaitAsync(Stop);
                await stream.WriteAsync(new[] { i }, Stop);
            }
        });
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);
        await using Stream body = await response.Content.ReadAsStreamAsync(Stop);
        byte[] answer = new byte[10];
        for (byte i = 0; i < 5; i++)
        {
            Assert.AreEqual(1, await body.ReadAsync(answer, Stop));
            Assert.AreEqual(i, answer[0]);
            next.Release();
        }

        Assert.AreEqual(0, await body.ReadAsync(answer, Stop));
    }

    /// <summary>Goal: redirects are followed with the right method, a loop ends with the last redirect, and none is followed if so wished.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Redirects()
    {
        await using ClientSite site = new(new Handler(async (exchange, token) =>
        {
            string[] parts = exchange.Path.Split('/');
            if (parts[1] == "to")
            {
                await exchange.RespondAsync(int.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture), ("location", parts.Length > 3 ? exchange.Path : "/end"));
                return;
            }

            await EchoAsync(exchange, token);
        }));
        using HttpClient client = ClientSite.NewClient();
        foreach ((string path, string seen) in ((string, string)[])
            [("/to/301", "GET /end"), ("/to/302", "GET /end"), ("/to/303", "GET /end"), ("/to/307", "POST /end"), ("/to/308", "POST /end")])
        {
            using HttpResponseMessage response = await client.PostAsync(site.At(path), new StringContent("x"), Stop);
            Assert.AreEqual(seen, response.Headers.GetValues("x-seen").Single(), path);
            Assert.AreEqual(site.At("/end"), response.RequestMessage?.RequestUri);
            Assert.AreEqual(seen[0] == 'P' ? "x" : "", await response.Content.ReadAsStringAsync(Stop));
        }

        using HttpResponseMessage loop = await client.GetAsync(site.At("/to/302/loop"), Stop);
        Assert.AreEqual(HttpStatusCode.Found, loop.StatusCode);
        Http3Handler still = ClientSite.NewHandler();
        still.AllowAutoRedirect = false;
        using HttpClient stillClient = ClientSite.NewClient(still);
        using HttpResponseMessage first = await stillClient.GetAsync(site.At("/to/302"), Stop);
        Assert.AreEqual(HttpStatusCode.Found, first.StatusCode);
    }

    /// <summary>Goal: a cookie that was set comes back, beside the request's own, and is not sent without the container.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Cookies()
    {
        await using ClientSite site = new(new Handler(async (exchange, _) => await exchange.RespondAsync(
            200, ("set-cookie", "a=1"), ("set-cookie", "b=2; Path=/other"), ("x-cookie", exchange.Headers["cookie"] ?? "none"))));
        using HttpClient client = ClientSite.NewClient();
        Assert.AreEqual("none", await SeenAsync(client));
        Assert.AreEqual("a=1", await SeenAsync(client));
        client.DefaultRequestHeaders.Add("Cookie", "own=3");
        Assert.AreEqual("own=3; a=1", await SeenAsync(client));
        Http3Handler handler = ClientSite.NewHandler();
        handler.UseCookies = false;
        using HttpClient without = ClientSite.NewClient(handler);
        Assert.AreEqual("none", await SeenAsync(without));
        Assert.AreEqual("none", await SeenAsync(without));

        async Task<string> SeenAsync(HttpClient from)
        {
            using HttpResponseMessage response = await from.GetAsync(site.At("/"), Stop);
            return response.Headers.GetValues("x-cookie").Single();
        }
    }

    /// <summary>Goal: each coding is offered and undone, both forms of deflate included; without the option a body stays as it is.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Decompression_of_each_coding()
    {
        byte[] plain = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("compressible ", 500)));
        await using ClientSite site = new(new Handler(async (exchange, token) =>
        {
            MemoryStream packed = new();
            await using (Stream coder = exchange.Path switch
            {
                "/gzip" => new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true),
                "/br" => new BrotliStream(packed, CompressionLevel.Fastest, leaveOpen: true),
                "/deflate?zlib" => new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true),
                _ => new DeflateStream(packed, CompressionLevel.Fastest, leaveOpen: true),
            })
            {
                await coder.WriteAsync(plain, token);
            }

            await exchange.RespondAsync(
                200, ("content-encoding", exchange.Path[1..].Split('?')[0]), ("x-offer", exchange.Headers["accept-encoding"] ?? "none"));
            await exchange.WriteAsync(packed.ToArray());
        }));
        Http3Handler handler = ClientSite.NewHandler();
        handler.AutomaticDecompression = DecompressionMethods.All;
        using HttpClient client = ClientSite.NewClient(handler);
        foreach (string path in (string[])["/gzip", "/br", "/deflate?zlib", "/deflate?bare"])
        {
            using HttpResponseMessage response = await client.GetAsync(site.At(path), Stop);
            byte[] unpacked = await response.Content.ReadAsByteArrayAsync(Stop);
            Assert.IsTrue(plain.AsSpan().SequenceEqual(unpacked), path);
            Assert.AreEqual("gzip, deflate, br", response.Headers.GetValues("x-offer").Single());
            Assert.IsEmpty(response.Content.Headers.ContentEncoding);
        }

        using HttpClient bare = ClientSite.NewClient();
        using HttpResponseMessage packedResponse = await bare.GetAsync(site.At("/gzip"), Stop);
        Assert.AreEqual("gzip", packedResponse.Content.Headers.ContentEncoding.Single());
        Assert.AreEqual("none", packedResponse.Headers.GetValues("x-offer").Single());
    }

    /// <summary>Goal: a connection is used again, is closed when idle for its time, and a request after that makes another one.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Idle_connections_are_closed()
    {
        ManualTime time = new();
        await using ClientSite site = new(new Handler(EchoAsync));
        Http3Handler handler = ClientSite.NewHandler();
        handler.TimeProvider = time;
        handler.PooledConnectionIdleTimeout = TimeSpan.FromSeconds(20);
        using HttpClient client = ClientSite.NewClient(handler);
        await client.GetStringAsync(site.At("/"), Stop);
        time.Advance(TimeSpan.FromSeconds(19));
        await client.GetStringAsync(site.At("/"), Stop);
        time.Advance(TimeSpan.FromSeconds(19));
        Assert.AreEqual(1, handler.Connections);
        time.Advance(TimeSpan.FromSeconds(6));
        Assert.AreEqual(0, handler.Connections);
        await client.GetStringAsync(site.At("/"), Stop);
        Assert.AreEqual(2, site.Connections);
    }

    /// <summary>Goal: with no time to be idle, or to live, each request has a connection of its own, and gets it.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Connections_without_an_idle_time_serve_one_request(bool idle)
    {
        await using ClientSite site = new(new Handler(EchoAsync));
        Http3Handler handler = ClientSite.NewHandler();
        // A clock that stands still: even 0 ticks are as long as such a connection may be idle.
        handler.TimeProvider = new ManualTime();
        handler.PooledConnectionIdleTimeout = idle ? TimeSpan.Zero : TimeSpan.FromMinutes(1);
        handler.PooledConnectionLifetime = idle ? Timeout.InfiniteTimeSpan : TimeSpan.Zero;
        using HttpClient client = ClientSite.NewClient(handler);
        for (int i = 1; i <= 3; i++)
        {
            await client.GetStringAsync(site.At("/"), Stop);
            Assert.AreEqual(i, site.Connections);
        }
    }

    /// <summary>Goal: a request that does not go over HTTP/3 goes to the fallback, or says what to do; and options are fixed once it began.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Version_policies()
    {
        await using ClientSite site = new(new Handler(EchoAsync));
        using Http3Handler handler = new(new Fallback()) { SslOptions = ClientSite.NewHandler().SslOptions };
        using HttpMessageInvoker invoker = new(handler);
        foreach ((Version version, HttpVersionPolicy policy, bool http3) in ((Version, HttpVersionPolicy, bool)[])
            [(HttpVersion.Version11, HttpVersionPolicy.RequestVersionExact, false), (HttpVersion.Version20, HttpVersionPolicy.RequestVersionOrLower, false),
            (HttpVersion.Version11, HttpVersionPolicy.RequestVersionOrHigher, false), (HttpVersion.Version30, HttpVersionPolicy.RequestVersionOrLower, true)])
        {
            using HttpRequestMessage request = new(HttpMethod.Get, site.At("/")) { Version = version, VersionPolicy = policy };
            using HttpResponseMessage response = await invoker.SendAsync(request, Stop);
            Assert.AreEqual(http3 ? HttpStatusCode.OK : HttpStatusCode.Ambiguous, response.StatusCode, $"{version} {policy}");
        }

        Assert.ThrowsExactly<InvalidOperationException>(() => handler.UseCookies = false);
        using HttpClient alone = new(ClientSite.NewHandler());
        HttpRequestException error = await Assert.ThrowsExactlyAsync<HttpRequestException>(() => alone.GetAsync(site.At("/"), Stop));
        Assert.AreEqual(HttpRequestError.VersionNegotiationError, error.HttpRequestError);
    }

    internal static HttpRequestMessage Request(HttpMethod method, Uri uri) =>
        new(method, uri) { Version = HttpVersion.Version30, VersionPolicy = HttpVersionPolicy.RequestVersionExact };

    /// <summary>Answers with the request's body, and with what it saw.</summary>
    internal static async ValueTask EchoAsync(Http3Exchange exchange, CancellationToken cancellationToken)
    {
        string seen = $"{exchange.Method} {exchange.Path} {exchange.Headers["x-two"]}";
        Field[] fields = [("x-seen", seen.Trim()), ("x-length", exchange.Headers["content-length"] ?? ""), ("content-type", "text/plain")];
        await exchange.RespondAsync(exchange.Path == "/204" ? 204 : 200, exchange.Path == "/sized" ? [.. fields, ("content-length", "7")] : fields);
        byte[] buffer = new byte[30_000];
        for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
        {
            await exchange.WriteAsync(buffer.AsMemory(0, count));
        }
    }

    internal sealed class Fallback : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(HttpStatusCode.Ambiguous));
    }
}

/// <summary>A content without a length that a test writes bit by bit.</summary>
internal sealed class DuplexContent(Func<Stream, Task> write) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => write(stream);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
