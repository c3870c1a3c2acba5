using System.Net;
using System.Net.ServerSentEvents;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Net.Http3.Client;
using Net.Tests.Core.Io;

namespace Net.Tests.Kestrel;

/// <summary>HttpClient on our handler against a minimal API on our transport.</summary>
[TestClass]
public sealed class HttpClientTests
{
    private static readonly Type[] s_ofConnections =
    [
        typeof(IProtocolErrorCodeFeature), typeof(IConnectionIdFeature), typeof(IConnectionItemsFeature), typeof(IConnectionLifetimeFeature),
        typeof(IConnectionEndPointFeature), typeof(IConnectionHeartbeatFeature), typeof(IConnectionLifetimeNotificationFeature),
        typeof(ITlsConnectionFeature), typeof(ITlsHandshakeFeature),
    ];

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: an upload of 40 MB, more than Kestrel's default limit, arrives whole while the answer is computed, through limits that hold it back.</summary>
    [TestMethod]
    [Timeout(120_000, CooperativeCancellation = true)]
    public async Task A_large_upload_arrives_whole()
    {
        const int Size = 40_000_000;
        await using AppServer server = await AppServer.StartAsync(
            app => app.MapPost("/sha256", async (HttpRequest request) => Convert.ToHexString(await SHA256.HashDataAsync(request.Body))),
            limits: limits => limits.MaxRequestBodySize = null,
            cancellationToken: Stop);
        using HttpClient client = Client(server);
        byte[] upload = RandomNumberGenerator.GetBytes(Size);
        using HttpResponseMessage response = await client.PostAsync(new Uri("/sha256", UriKind.Relative), new ByteArrayContent(upload), Stop);
        Assert.AreEqual(Convert.ToHexString(SHA256.HashData(upload)), await response.Content.ReadAsStringAsync(Stop));
        Assert.IsEmpty(server.Faults, string.Join('\n', server.Faults));
    }

    /// <summary>Goal: a body beyond Kestrel's limit is refused with 413, whether its length was announced or not.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_body_beyond_the_limit_is_refused(bool isAnnounced)
    {
        await using AppServer server = await AppServer.StartAsync(
            app => app.MapPost("/", async (HttpRequest request) => await request.Body.CopyToAsync(Stream.Null)),
            limits: limits => limits.MaxRequestBodySize = 1000,
            cancellationToken: Stop);
        using HttpClient client = Client(server);
        using MemoryStream upload = new(new byte[5000]);
        using HttpRequestMessage request = new(HttpMethod.Post, "/") { Version = HttpVersion.Version30, Content = new StreamContent(upload) };
        if (!isAnnounced)
        {
            request.Content = new Http3.Client.DuplexContent(stream => upload.CopyToAsync(stream));
        }

        using HttpResponseMessage response = await client.SendAsync(request, Stop);
        Assert.AreEqual(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    /// <summary>Goal: server-sent events of a minimal API come one by one to the base library's parser, and end when the client has had enough.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Events_come_one_by_one()
    {
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using SemaphoreSlim next = new(0);
        await using AppServer server = await AppServer.StartAsync(
            app => app.MapGet("/", (CancellationToken stop) => TypedResults.ServerSentEvents(TicksAsync(stop))), cancellationToken: Stop);
        using HttpClient client = Client(server);
        using HttpResponseMessage response =
            await client.GetAsync(new Uri("/", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Stop);
        int seen = 0;
        await foreach (SseItem<string> item in SseParser.Create(await response.Content.ReadAsStreamAsync(Stop)).EnumerateAsync(Stop))
        {
            Assert.AreEqual($"{seen++}", item.Data);
            if (seen == 5)
            {
                break;
            }

            next.Release();
        }

        response.Dispose();
        await ended.Task.WaitAsync(Stop);

        async IAsyncEnumerable<SseItem<string>> TicksAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
        {
            using CancellationTokenRegistration registration = stop.Register(ended.SetResult);
            for (int i = 0; ; i++)
            {
                yield return new($"{i}");
                await next.WaitAsync(stop);
            }
        }
    }

    /// <summary>
    /// Goal: every feature that Kestrel or an application may ask a stream or its connection for is there, and tells of this one.
    /// Method: a connection middleware looks at the connection, a request at its stream.
    /// </summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_request_has_the_features_of_its_stream()
    {
        List<Type> connections = [];
        await using AppServer server = await AppServer.StartAsync(
            app => app.MapGet("/", (HttpContext context) =>
            {
                IFeatureCollection features = context.Features;
                // Kept on the connection as on a stream that Kestrel reuses.
                features.GetRequiredFeature<IPersistentStateFeature>().State["key"] = "value";
                return string.Join(' ',
                    features.GetRequiredFeature<IStreamIdFeature>().StreamId,
                    features.GetRequiredFeature<IStreamDirectionFeature>() is { CanRead: true, CanWrite: true },
                    features.GetRequiredFeature<ITlsConnectionFeature>().ClientCertificate is null,
                    features.GetRequiredFeature<ITlsHandshakeFeature>().Protocol,
                    features.GetRequiredFeature<IProtocolErrorCodeFeature>().Error,
                    features.GetRequiredFeature<IConnectionLifetimeFeature>().ConnectionClosed.IsCancellationRequested,
                    features.GetRequiredFeature<IStreamAbortFeature>() is not null,
                    features.GetRequiredFeature<IStreamClosedFeature>() is not null);
            }),
            listen: endpoint =>
            {
                endpoint.UseHttps(TestPki.Instance.Server);
                ((IMultiplexedConnectionBuilder)endpoint).Use(next => connection =>
                {
                    connections.AddRange(s_ofConnections.Where(feature => connection.Features[feature] is null));
                    return next(connection);
                });
            },
            cancellationToken: Stop);
        using HttpClient client = Client(server);
        for (int i = 0; i < 3; i++)
        {
            Assert.AreEqual($"{4 * i} True True Tls13 -1 False True True", await client.GetStringAsync(new Uri("/", UriKind.Relative), Stop));
        }

        Assert.IsEmpty(connections, $"missing on the connection: {string.Join(' ', connections)}");
    }

    /// <summary>Goal: an application's own abort of one direction reaches the client with the code that it gave.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_direction_is_aborted_with_a_code()
    {
        TaskCompletionSource headWasRead = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using AppServer server = await AppServer.StartAsync(
            app => app.MapGet("/", async (HttpContext context) =>
            {
                await context.Response.Body.FlushAsync();
                await headWasRead.Task;
                context.Features.GetRequiredFeature<IStreamAbortFeature>().AbortWrite(0x1234, new("enough"));
            }),
            cancellationToken: Stop);
        using HttpClient client = Client(server);
        using HttpResponseMessage response = await client.GetAsync(new Uri("/", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Stop);
        headWasRead.SetResult();
        Stream body = await response.Content.ReadAsStreamAsync(Stop);
        HttpProtocolException end = await Assert.ThrowsExactlyAsync<HttpProtocolException>(async () => await body.ReadExactlyAsync(new byte[1], Stop));
        Assert.AreEqual(0x1234, end.ErrorCode);
    }

    private static HttpClient Client(AppServer server) => new(new Http3Handler { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy() } })
    {
        BaseAddress = new($"https://localhost:{server.Address.Port}"),
        DefaultRequestVersion = HttpVersion.Version30,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };
}
