using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Net.Http3.Client;
using Net.Http3.Server.Hosting;
using Net.Kestrel;
using Net.Tests.Core.Io;

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
