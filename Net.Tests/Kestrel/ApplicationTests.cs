using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Tests.Core.Io;

namespace Net.Tests.Kestrel;

/// <summary>What an ASP.NET application sees and does over our transport, and what its client gets.</summary>
[TestClass]
public sealed class ApplicationTests
{
    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: a request arrives as HTTP/3 over https, with TLS 1.3 and both addresses; what is not mapped is 404, on the same connection.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_request_is_http3_and_https()
    {
        await using AppServer server = await AppServer.StartAsync(app => app.MapGet("/about", (HttpContext context) =>
        {
            ITlsHandshakeFeature tls = context.Features.GetRequiredFeature<ITlsHandshakeFeature>();
            return $"{context.Request.Protocol} {context.Request.Scheme} {context.Request.Host} {context.Request.IsHttps} {tls.Protocol} {tls.HostName} "
                + $"{tls.NegotiatedCipherSuite.ToString()![..7]} {context.Connection.RemoteIpAddress} {context.Connection.LocalPort} "
                + $"{context.Features.GetRequiredFeature<IHttpRequestBodyDetectionFeature>().CanHaveBody}";
        }), cancellationToken: Stop);
        await using Http3Client client = await server.ConnectAsync(Stop);

        (int status, byte[] body, _) = await client.GetAsync("/about");
        Assert.AreEqual(200, status);
        Assert.AreEqual($"HTTP/3 https localhost True Tls13 localhost TLS_AES 127.0.0.1 {server.Address.Port} False", Encoding.UTF8.GetString(body));
        (status, body, _) = await client.GetAsync("/nowhere");
        Assert.AreEqual(404, status);
        Assert.IsEmpty(body);
        Assert.IsEmpty(server.Faults, string.Join('\n', server.Faults));
    }

    /// <summary>Goal: a body of 1 MB goes there and back at once, through every buffer's limit, even small ones.</summary>
    [TestMethod]
    [DataRow(1024 * 1024, 64 * 1024)]
    [DataRow(1000, 1)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_large_body_is_echoed(int readLimit, int writeLimit)
    {
        await using AppServer server = await AppServer.StartAsync(
            app => app.MapPost("/echo", (HttpContext context) => context.Request.BodyReader.CopyToAsync(context.Response.BodyWriter)),
            configure: options => (options.MaxReadBufferSize, options.MaxWriteBufferSize) = (readLimit, writeLimit),
            cancellationToken: Stop);
        await using Http3Client client = await server.ConnectAsync(Stop);
        byte[] upload = RandomNumberGenerator.GetBytes(1024 * 1024);
        ClientExchange exchange = await client.OpenAsync("POST", "/echo", hasBody: true, ("content-length", $"{upload.Length}"));
        Task sending = SendAsync();
        byte[] body = await exchange.ReadAllAsync();
        await sending;
        Assert.IsTrue(upload.AsSpan().SequenceEqual(body), $"{body.Length} bytes");
        Assert.IsEmpty(server.Faults, string.Join('\n', server.Faults));

        async Task SendAsync()
        {
            await exchange.WriteAsync(upload);
            await exchange.FinishAsync();
        }
    }

    /// <summary>Goal: server-sent events arrive one by one: the second is not sent before the first was read.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Events_arrive_as_they_are_sent()
    {
        TaskCompletionSource firstWasRead = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using AppServer server = await AppServer.StartAsync(app => app.MapGet("/events", () => TypedResults.ServerSentEvents(EventsAsync())), cancellationToken: Stop);
        await using Http3Client client = await server.ConnectAsync(Stop);
        ClientExchange exchange = await client.OpenAsync("GET", "/events", hasBody: false);
        await exchange.ReadHeadAsync();
        Assert.AreEqual("text/event-stream", exchange.Response!.Headers["content-type"]);
        byte[] buffer = new byte[1000];
        StringBuilder text = new();
        while (!text.ToString().Contains("data: one\n\n", StringComparison.Ordinal))
        {
            text.Append(Encoding.UTF8.GetString(buffer, 0, await exchange.ReadAsync(buffer)));
        }

        firstWasRead.SetResult();
        for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
        {
            text.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }

        Assert.AreEqual("data: one\n\ndata: two\n\n", text.ToString());

        async IAsyncEnumerable<string> EventsAsync()
        {
            yield return "one";
            await firstWasRead.Task;
            yield return "two";
        }
    }

    /// <summary>Goal: 20 requests on one connection are served at the same time, each with its own answer.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Requests_run_side_by_side()
    {
        using CountdownEvent arrived = new(20);
        TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using AppServer server = await AppServer.StartAsync(app => app.MapGet("/{number}", async (int number) =>
        {
            if (arrived.Signal())
            {
                all.SetResult();
            }

            await all.Task;
            return new string((char)('a' + number), 5000 + number);
        }), cancellationToken: Stop);
        await using Http3Client client = await server.ConnectAsync(Stop);
        (int Status, byte[] Body, FieldSection)[] answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(number => client.GetAsync($"/{number}")));
        for (int number = 0; number < 20; number++)
        {
            Assert.AreEqual(new string((char)('a' + number), 5000 + number), Encoding.UTF8.GetString(answers[number].Body));
        }

        Assert.IsEmpty(server.Faults, string.Join('\n', server.Faults));
    }

    /// <summary>Goal: header fields of 20,000 bytes pass in both directions.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Large_headers_pass()
    {
        await using AppServer server = await AppServer.StartAsync(
            app => app.MapGet("/", (HttpContext context) => context.Response.Headers["x-back"] = context.Request.Headers["x-there"]), cancellationToken: Stop);
        await using Http3Client client = await server.ConnectAsync(Stop);
        string large = Convert.ToHexString(RandomNumberGenerator.GetBytes(10_000));
        (int status, _, FieldSection headers) = await client.GetAsync("/", ("x-there", large));
        Assert.AreEqual(200, status);
        Assert.AreEqual(large, headers["x-back"]);
    }

    /// <summary>Goal: an endpoint with TCP beside us announces us (RFC 7838), with the port that both have.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task The_tcp_endpoint_announces_http3()
    {
        await using AppServer server = await AppServer.StartAsync(
            app => app.MapGet("/", (HttpContext context) => context.Request.Protocol),
            listen: endpoint =>
            {
                endpoint.Protocols = HttpProtocols.Http1AndHttp2AndHttp3;
                endpoint.UseHttps(TestPki.Instance.Server);
            },
            port: FreePort(),
            cancellationToken: Stop);
        using SocketsHttpHandler handler = new() { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy() } };
        using HttpClient overTcp = new(handler);
        using HttpResponseMessage response = await overTcp.GetAsync(new Uri($"https://localhost:{server.Address.Port}/"), Stop);
        Assert.AreEqual("HTTP/1.1", await response.Content.ReadAsStringAsync(Stop));
        Assert.Contains($"h3=\":{server.Address.Port}\"", response.Headers.GetValues("alt-svc").Single());

        await using Http3Client client = await server.ConnectAsync(Stop);
        Assert.AreEqual("HTTP/3", Encoding.UTF8.GetString((await client.GetAsync("/")).Body));
    }

    /// <summary>Kestrel does not share a port between TCP and UDP that it has not been told.</summary>
    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
