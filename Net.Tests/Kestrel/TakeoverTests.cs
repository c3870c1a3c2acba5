using System.Net;
using System.Net.Sockets;
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
using Net.Migration.Hosting;
using Net.Tests.Core.Io;
using Net.Tests.Migration.Hosting;

namespace Net.Tests.Kestrel;

/// <summary>ASP.NET applications that take over from each other, as a new version does; in one process over loopback. Waits are for signals, bounded by the test's time.</summary>
[TestClass]
[OSCondition(OperatingSystems.Linux)]
public sealed class TakeoverTests : IDisposable
{
    private static readonly IPEndPoint s_first = new(IPAddress.Loopback, 0), s_second = new(new IPAddress([127, 0, 0, 2]), 0);

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
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await Assert.ThrowsAsync<IOException>(() => StartAsync("new", s_first, (IPEndPoint)taken.LocalEndPoint!));
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

    /// <summary>Goal: two endpoints of one application are taken over together, each with its connections.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task Two_endpoints_are_taken_over_together()
    {
        await using WebApplication old = await StartAsync("old", s_first, s_second);
        Task ended = old.WaitForShutdownAsync(Stop);
        using Http3Handler handler = new() { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy(), TargetHost = "localhost" } };
        using HttpClient http = new(handler, disposeHandler: false) { Timeout = Timeout.InfiniteTimeSpan };
        foreach (string url in old.Urls)
        {
            Assert.AreEqual("old", await VersionAsync(http, url));
        }

        await using WebApplication next = await StartAsync("new", s_first, s_second);
        await ended;
        CollectionAssert.AreEquivalent(old.Urls.ToArray(), next.Urls.ToArray());
        foreach (string url in old.Urls)
        {
            Assert.AreEqual("new", await VersionAsync(http, url));
        }

        Assert.AreEqual(2, handler.Connections);
    }

    /// <summary>
    /// Goal: of two endpoints one moves, and the other cannot: the first goes back to the process that had it, with its connections, and the new process ends.
    /// Method: the test is the process that had the second one, and keeps something as soon as the first one has moved.
    /// </summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task An_endpoint_goes_back_when_another_one_stays()
    {
        await using WebApplication old = await StartAsync("old", s_first);
        Task ended = old.WaitForShutdownAsync(Stop);
        using Http3Handler handler = new() { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy(), TargetHost = "localhost" } };
        using HttpClient http = new(handler, disposeHandler: false) { Timeout = Timeout.InfiniteTimeSpan };
        string url = old.Urls.Single();
        Assert.AreEqual("old", await VersionAsync(http, url));

        using Socket port = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        port.Bind(s_second);
        FakePortOwner owner = new()
        {
            Component = "app",
            PublicSocket = port.SafeHandle,
            PublicPort = ((IPEndPoint)port.LocalEndPoint!).Port,
            Moves = async _ =>
            {
                while (await VersionAsync(http, url) != "new")
                {
                    // It moves as soon as this one may.
                }

                return false;
            },
        };
        string directory = Path.Combine(_directory, $"{s_second}".Replace(':', '_'));
        PrivateDirectory.Open(directory);
        using PortDoor door = PortDoor.Open(Path.Combine(directory, "port.sock"));
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        Task serving = door.ServeAsync(owner, end.Token);

        await using WebApplication next = await StartAsync("new", s_first, s_second);
        await next.WaitForShutdownAsync(Stop);
        // What its supervisor is to see, and not this process's.
        Environment.ExitCode = 0;
        await next.DisposeAsync();
        while (await owner.NextAsync(Stop) != "take back")
        {
            // The second one's port is read again, too.
        }

        Assert.AreEqual("old", await VersionAsync(http, url));
        Assert.IsFalse(ended.IsCompleted);
        Assert.AreEqual(1, handler.Connections);
        await end.CancelAsync();
        await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>
    /// Goal: the process before ends when one of two endpoints has been asked for, and before the other one is: the new one serves both.
    /// Method: the test is the process that had the second one, and is there for the first question only.
    /// </summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task An_endpoint_whose_process_has_ended_does_not_hold_the_others_up()
    {
        await using WebApplication old = await StartAsync("old", s_first);
        string directory = Path.Combine(_directory, $"{s_second}".Replace(':', '_'));
        PrivateDirectory.Open(directory);
        using Socket door = LocalSockets.OpenDoor(Path.Combine(directory, "port.sock"));
        Task<WebApplication> starting = StartAsync("new", s_first, s_second);
        using (Socket asks = await door.AcceptAsync(Stop))
        {
            door.Dispose();
            _ = await asks.SendAsync(new byte[] { 1, 1 }, Stop);
        }

        await using WebApplication next = await starting;
        await old.WaitForShutdownAsync(Stop);
        using Http3Handler handler = new() { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy(), TargetHost = "localhost" } };
        using HttpClient http = new(handler, disposeHandler: false) { Timeout = Timeout.InfiniteTimeSpan };
        Assert.AreEqual("new", await VersionAsync(http, old.Urls.Single()));
        Assert.IsFalse(next.Lifetime.ApplicationStopping.IsCancellationRequested);
    }

    private async Task<string> VersionAsync(HttpClient http, string url)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, new Uri(new Uri(url), "/version")) { Version = HttpVersion.Version30, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using HttpResponseMessage response = await http.SendAsync(request, Stop);
        return await response.Content.ReadAsStringAsync(Stop);
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

    private async Task<WebApplication> StartAsync(string version, params IPEndPoint[] endpoints)
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
            foreach (IPEndPoint address in endpoints is [] ? [s_first] : endpoints)
            {
                server.Listen(address, endpoint =>
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
