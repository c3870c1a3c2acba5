using System.Net;
using System.Text;
using System.Threading.Channels;
using Grpc.Core;
using Grpc.Net.Client;
using KestrelSample;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Net.Http3.Client;
using Net.Tests.Core.Io;

namespace Net.Tests.Kestrel;

/// <summary>ASP.NET applications that take over from each other, as a new version does; in one process over loopback. Waits are for signals, bounded by the test's time.</summary>
[TestClass]
[OSCondition(OperatingSystems.Linux)]
public sealed class TakeoverTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("tk").FullName;
    private readonly Channel<string> _events = Channel.CreateUnbounded<string>();

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>
    /// Goal: a new version starts as the old one did and takes over: a dialogue of gRPC and server-sent events go on where they began, what comes is answered by
    /// the new version, all on one connection, and the old one ends by itself when its requests have.
    /// </summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task A_new_version_takes_over()
    {
        await using WebApplication old = await StartAsync("old");
        int port = new Uri(old.Urls.First()).Port;
        using Http3Handler handler = new() { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy() } };
        using HttpClient http = new(handler, disposeHandler: false)
        {
            BaseAddress = new($"https://localhost:{port}"),
            Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestVersion = HttpVersion.Version30,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using GrpcChannel channel = GrpcChannel.ForAddress(
            http.BaseAddress, new() { HttpHandler = handler, HttpVersion = HttpVersion.Version30, HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact });
        using AsyncDuplexStreamingCall<Word, Word> talk = new Words.WordsClient(channel).Talk(cancellationToken: Stop);
        using StreamReader events = new(await http.GetStreamAsync(new Uri("/events", UriKind.Relative), Stop), Encoding.UTF8);
        await TalkAsync(talk);
        await HearAsync(events, "1");
        Assert.AreEqual("old", await http.GetStringAsync(new Uri("/version", UriKind.Relative), Stop));

        Task ended = old.WaitForShutdownAsync(Stop);
        await using WebApplication next = await StartAsync("new");
        while (await http.GetStringAsync(new Uri("/version", UriKind.Relative), Stop) != "new")
        {
            // It takes over as soon as it can answer.
        }

        await TalkAsync(talk);
        await HearAsync(events, "2");
        Assert.IsFalse(ended.IsCompleted, "requests still run there");
        await talk.RequestStream.CompleteAsync();
        Assert.IsFalse(await talk.ResponseStream.MoveNext(Stop));
        Assert.AreEqual(StatusCode.OK, talk.GetStatus().StatusCode);
        _events.Writer.Complete();
        Assert.IsNull(await events.ReadLineAsync(Stop));
        await ended;
        Assert.AreEqual("new", await http.GetStringAsync(new Uri("/version", UriKind.Relative), Stop));
        Assert.AreEqual(1, handler.Connections);
    }

    /// <summary>Goal: a new version that cannot bind its second endpoint has taken nothing over.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task One_that_cannot_start_takes_nothing()
    {
        await using WebApplication old = await StartAsync("old");
        Task ended = old.WaitForShutdownAsync(Stop);
        using System.Net.Sockets.Socket taken = new(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Dgram, System.Net.Sockets.ProtocolType.Udp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await Assert.ThrowsAsync<IOException>(() => StartAsync("new", ((IPEndPoint)taken.LocalEndPoint!).Port));
        using Http3Handler handler = new() { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy() } };
        using HttpClient http = new(handler, disposeHandler: false)
        {
            BaseAddress = new(old.Urls.First().Replace("127.0.0.1", "localhost", StringComparison.Ordinal)),
            Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestVersion = HttpVersion.Version30,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        Assert.AreEqual("old", await http.GetStringAsync(new Uri("/version", UriKind.Relative), Stop));
        Assert.IsFalse(ended.IsCompleted);
    }

    private async Task TalkAsync(AsyncDuplexStreamingCall<Word, Word> call)
    {
        await call.RequestStream.WriteAsync(new() { Text = "xy" }, Stop);
        Assert.IsTrue(await call.ResponseStream.MoveNext(Stop));
        Assert.AreEqual("yx", call.ResponseStream.Current.Text);
    }

    private async Task HearAsync(StreamReader events, string line)
    {
        Assert.IsTrue(_events.Writer.TryWrite(line));
        Assert.AreEqual($"old {line}", await events.ReadLineAsync(Stop));
    }

    private async Task<WebApplication> StartAsync(string version, int? second = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().UseContinuum(options =>
        {
            options.Directory = _directory;
            // Where the machine is busy, silence says nothing of death.
            options.FailureTimeout = TimeSpan.FromMinutes(2);
            options.TakeOverTimeout = TimeSpan.FromMinutes(4);
        });
        builder.WebHost.ConfigureKestrel(server =>
        {
            foreach (int port in (int[])(second is int other ? [0, other] : [0]))
            {
                server.Listen(IPAddress.Loopback, port, endpoint =>
                {
                    endpoint.Protocols = HttpProtocols.Http3;
                    endpoint.UseHttps(TestPki.Instance.Server);
                });
            }
        });
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(new WordsService());
        WebApplication app = builder.Build();
        app.MapGrpcService<WordsService>();
        app.MapGet("/version", () => version);
        app.MapGet("/events", async (HttpContext context) =>
        {
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await foreach (string line in _events.Reader.ReadAllAsync(context.RequestAborted))
            {
                await context.Response.WriteAsync($"{version} {line}\n", context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }
        });
        await app.StartAsync(Stop);
        return app;
    }
}
