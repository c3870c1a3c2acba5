using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;
using Net.Http3.Client;
using Net.Http3.Messages;
using Net.Http3.Server.Hosting;
using Net.Kestrel;
using Net.Kestrel.Hosting;
using Net.Tests.Core.Io;
using Net.Tests.Http3.Server;

namespace Net.Tests.Kestrel;

/// <summary>How an application's connections of pipes begin and end beside those of its clients. The component is served by a server of its own; nothing moves.</summary>
[TestClass]
public sealed class KestrelComponentTests
{
    private readonly KestrelComponent _component = new();

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: Kestrel hears of a client that leaves, rather than keep its connection until it has been idle for long.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_client_that_leaves_ends_its_connection_at_Kestrel()
    {
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using WebApplication app = await StartAsync(
            app => app.MapGet("/", () => "hello"),
            endpoint => ((IMultiplexedConnectionBuilder)endpoint).Use(next => async connection =>
            {
                await next(connection);
                ended.SetResult();
            }));
        await using Http3Server server = Serve();
        using (HttpClient http = Client(server))
        {
            Assert.AreEqual("hello", await http.GetStringAsync(new Uri("/", UriKind.Relative), Stop));
            Assert.IsFalse(ended.Task.IsCompleted);
        }

        await ended.Task.WaitAsync(Stop);
    }

    /// <summary>Goal: an application that has stopped answers with 503, also who waited when it did.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task An_application_that_has_stopped_is_not_waited_for()
    {
        await using Http3Server server = Serve();
        using HttpClient http = Client(server);
        Task<HttpResponseMessage> early = http.GetAsync(new Uri("/", UriKind.Relative), Stop);
        // It waits for a listener.
        Assert.IsTrue(await _component.Arrivals.WaitToReadAsync(Stop));
        _component.OnBound();
        _component.OnUnbound();
        Assert.AreEqual(HttpStatusCode.ServiceUnavailable, (await early).StatusCode);

        await using WebApplication app = await StartAsync(app => app.MapGet("/", () => "hello"));
        Assert.AreEqual("hello", await http.GetStringAsync(new Uri("/", UriKind.Relative), Stop));
        await app.StopAsync(Stop);
        Assert.AreEqual(HttpStatusCode.ServiceUnavailable, (await http.GetAsync(new Uri("/", UriKind.Relative), Stop)).StatusCode);
    }

    /// <summary>
    /// Goal: a request that meets the GOAWAY of a Kestrel that closes its connection is answered on the next one, whole, also when its client sends the
    /// second half of its body only then. One of which more was sent than is kept is answered with 503.
    /// </summary>
    [TestMethod]
    [DataRow(10_000, HttpStatusCode.OK)]
    [DataRow(400_000, HttpStatusCode.ServiceUnavailable)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_refused_request_is_sent_again(int half, HttpStatusCode expected)
    {
        await using Http3Server server = Serve();
        using HttpClient http = Client(server);
        byte[] body = [.. Enumerable.Range(0, 2 * half).Select(i => (byte)(i * 7))];
        using HalvedContent content = new(body, half);
        using HttpRequestMessage request = new(HttpMethod.Post, "/")
        {
            Content = content,
            Version = HttpVersion.Version30,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        Task<HttpResponseMessage> answer = http.SendAsync(request, Stop);

        // A Kestrel that takes the connection and its request's stream, reads what it can, and goes away.
        MultiplexedConnectionContext connection = await _component.Arrivals.ReadAsync(Stop);
        ConnectionContext? stream;
        do
        {
            stream = await connection.AcceptAsync(Stop);
        }
        while (!stream!.Features.Get<IStreamDirectionFeature>()!.CanWrite);
        for (long read = 0; read < half;)
        {
            System.IO.Pipelines.ReadResult result = await stream.Transport.Input.ReadAsync(Stop);
            read += result.Buffer.Length;
            stream.Transport.Input.AdvanceTo(result.Buffer.End);
        }

        ConnectionContext control = await connection.ConnectAsync(cancellationToken: Stop);
        await control.Transport.Output.WriteAsync(new byte[] { 0x00, 0x04, 0x00, 0x07, 0x01, 0x00 }, Stop);

        await using WebApplication app = await StartAsync(app => app.MapPost("/", async (HttpContext context) =>
        {
            await context.Request.Body.CopyToAsync(context.Response.Body, context.RequestAborted);
        }));
        if (expected == HttpStatusCode.OK)
        {
            // The second connection is there: only now does the rest come.
            content.Continue.SetResult();
        }

        using HttpResponseMessage response = await answer;
        content.Continue.TrySetResult();
        Assert.AreEqual(expected, response.StatusCode);
        if (expected == HttpStatusCode.OK)
        {
            CollectionAssert.AreEqual(body, await response.Content.ReadAsByteArrayAsync(Stop));
        }
    }

    /// <summary>Goal: a request that meets the end of Kestrel's connection is answered on the next one, whichever of the two comes first.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_request_that_meets_an_end_is_sent_again()
    {
        await using Http3Server server = Serve();
        using HttpClient http = Client(server);
        Task<string> answer = http.GetStringAsync(new Uri("/", UriKind.Relative), Stop);
        MultiplexedConnectionContext connection = await _component.Arrivals.ReadAsync(Stop);
        connection.Abort();
        await using WebApplication app = await StartAsync(app => app.MapGet("/", () => "hello"));
        Assert.AreEqual("hello", await answer);
    }

    /// <summary>
    /// Goal: fields that the node takes and Kestrel does not are answered with 431. Method: a Kestrel that says what it takes; that it was heard shows in that
    /// the frame behind it, larger than the pipe, was read.
    /// </summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Fields_that_Kestrel_does_not_take_are_431()
    {
        await using Http3Server server = Serve();
        using HttpClient http = Client(server);
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        Task<HttpResponseMessage> first = http.GetAsync(new Uri("/", UriKind.Relative), enough.Token);
        MultiplexedConnectionContext connection = await _component.Arrivals.ReadAsync(Stop);
        ConnectionContext control = await connection.ConnectAsync(cancellationToken: Stop);
        // SETTINGS_MAX_FIELD_SECTION_SIZE of 1000, and a frame of a reserved type of 200,000 bytes.
        byte[] settings = [0x00, 0x04, 0x03, 0x06, 0x43, 0xe8, 0x21, 0x80, 0x03, 0x0d, 0x40, .. new byte[200_000]];
        await control.Transport.Output.WriteAsync(settings, Stop);

        using HttpRequestMessage large = new(HttpMethod.Get, "/") { Version = HttpVersion.Version30, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        large.Headers.Add("x", new string('y', 2000));
        using HttpResponseMessage response = await http.SendAsync(large, Stop);
        Assert.AreEqual(HttpStatusCode.RequestHeaderFieldsTooLarge, response.StatusCode);
        Assert.IsFalse(first.IsCompleted);
        await enough.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => first);
    }

    /// <summary>Goal: an application can tell a request that may be a copy (RFC 8470, section 5.1), once, and no other.</summary>
    [TestMethod]
    public void A_request_in_early_data_says_so()
    {
        List<FieldSection> seen = [];
        HostWorld world = new(new Handler((exchange, _) =>
        {
            seen.Add(RequestRelay.HeadOf(exchange).Headers);
            return exchange.RespondAsync(200);
        }), early: true);
        world.Request(headers: new Field("x", "y"));
        world.Request(headers: new Field("early-data", "1"));
        world.Run();
        world.Connection.Start();
        world.Request();
        world.Run();
        CollectionAssert.AreEqual(new Field[] { new("x", "y"), new("early-data", "1") }, seen[0].ToArray());
        CollectionAssert.AreEqual(new Field[] { new("early-data", "1") }, seen[1].ToArray());
        Assert.IsEmpty(seen[2]);
    }

    /// <summary>Goal: the node asks clients for no certificate, so an endpoint that requires one does not begin.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_certificate_that_nobody_asks_for_cannot_be_required()
    {
        await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(
            app => app.MapGet("/", () => "hello"),
            endpoint => endpoint.UseHttps(https =>
            {
                https.ServerCertificate = TestPki.Instance.Server;
                https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
            })));
    }

    private Http3Server Serve() => Http3Server.Start(new()
    {
        ListenEndPoint = new(IPAddress.Loopback, 0),
        ServerAuthenticationOptions = new() { ServerCertificate = TestPki.Instance.Server },
        Component = _component,
    });

    private static HttpClient Client(Http3Server server) => new(new Http3Handler { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy() } })
    {
        BaseAddress = new($"https://localhost:{server.LocalEndPoint.Port}"),
        DefaultRequestVersion = HttpVersion.Version30,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    private async Task<WebApplication> StartAsync(Action<WebApplication> map, Action<ListenOptions>? listen = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().UseManagedQuic(_component);
        builder.WebHost.ConfigureKestrel(server => server.Listen(IPAddress.Loopback, 4433, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http3;
            endpoint.UseHttps(TestPki.Instance.Server);
            listen?.Invoke(endpoint);
        }));
        WebApplication app = builder.Build();
        map(app);
        await app.StartAsync(Stop);
        return app;
    }

    /// <summary>A body whose second half comes when it is told to.</summary>
    private sealed class HalvedContent(byte[] body, int half) : HttpContent
    {
        public TaskCompletionSource Continue { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, default);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(body.AsMemory(0, half), cancellationToken);
            await stream.FlushAsync(cancellationToken);
            await Continue.Task.WaitAsync(cancellationToken);
            await stream.WriteAsync(body.AsMemory(half), cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = body.Length;
            return true;
        }
    }
}
