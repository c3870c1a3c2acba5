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
using Microsoft.Extensions.Logging;
using Net.Http3.Client;
using Net.Kestrel;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Core.Io;
using Net.Tests.Migration.Hosting;

namespace Net.Tests.Kestrel;

/// <summary>ASP.NET applications as components of two nodes behind an ingress, in one process over loopback. Waits are for signals, bounded by the test's time.</summary>
[TestClass]
public sealed class HostedAppTests : IDisposable
{
    /// <summary>Bytes of an answer that no window takes at once: most of it is written behind the moves.</summary>
    private const int Large = 2 * 1024 * 1024;

    private readonly string _state = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    /// <summary>What the handler of the events is to say, on whichever node it runs.</summary>
    private readonly Channel<string> _events = Channel.CreateUnbounded<string>();
    private readonly TaskCompletionSource _serves = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _handshakes;

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    public void Dispose()
    {
        if (Directory.Exists(_state))
        {
            Directory.Delete(_state, recursive: true);
        }
    }

    /// <summary>
    /// Goal: streams of gRPC, both ways, server-sent events and a large answer outlive two moves and the drain of the node that they run on, on one
    /// connection and without a message that is lost or comes twice; what comes after a move is answered by the application there; and the node ends once
    /// its requests have, not before.
    /// </summary>
    [TestMethod]
    [Timeout(120_000, CooperativeCancellation = true)]
    public async Task Streams_outlive_two_moves_and_a_drain()
    {
        await using IngressHost ingress = await IngressHost.StartAsync(
            new()
            {
                Listen = new(IPAddress.Loopback, 0),
                Control = new(IPAddress.Loopback, 0),
                StateDirectory = _state,
                DefaultComponent = "app",
                MemberCertificate = TestFederation.Instance.Member("ingress"),
                FederationRoots = TestFederation.Instance.Roots,
                // Where the machine is busy, silence says nothing of death.
                FailureTimeout = TimeSpan.FromMinutes(2),
            },
            Stop);
        KestrelComponent one = new(), two = new();
        await using WebApplication first = await AppAsync("a", one), second = await AppAsync("b", two);
        await using NodeHost a = await NodeAsync(ingress, "a", one);
        await using ControlClient command =
            await ControlClient.ConnectAsync(ingress.ControlEndPoint, TestFederation.Instance.Member("admin"), TestFederation.Instance.Roots, Stop);
        await _serves.Task.WaitAsync(Stop);

        await using NodeHost b = await NodeAsync(ingress, "b", two);
        Uri address = new($"https://localhost:{ingress.PublicEndPoint.Port}");
        using Http3Handler handler = new() { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy() } };
        using HttpClient http = new(handler, disposeHandler: false)
        {
            BaseAddress = address,
            Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestVersion = HttpVersion.Version30,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using GrpcChannel channel = GrpcChannel.ForAddress(
            address, new() { HttpHandler = handler, HttpVersion = HttpVersion.Version30, HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact });
        Words.WordsClient words = new(channel);
        Assert.AreEqual("a", await http.GetStringAsync(new Uri("/node", UriKind.Relative), Stop));
        Assert.AreEqual(IPAddress.Loopback.ToString(), await http.GetStringAsync(new Uri("/client", UriKind.Relative), Stop));

        using AsyncServerStreamingCall<Number> counting = words.CountTo(new() { Value = 300 }, cancellationToken: Stop);
        using AsyncDuplexStreamingCall<Word, Word> talk = words.Talk(cancellationToken: Stop);
        using StreamReader events = new(await http.GetStreamAsync(new Uri("/events", UriKind.Relative), Stop), Encoding.UTF8);
        await using Stream large = await http.GetStreamAsync(new Uri("/large", UriKind.Relative), Stop);
        await ReadAsync(large, 128 * 1024);
        long last = await CountAsync(counting, 0, 100);
        await TalkAsync(talk, 3);
        await HearAsync(events, "1");

        MigrateReport there = await command.MigrateAsync("app", "b", TimeSpan.FromSeconds(60), Stop);
        Assert.IsTrue(there.Moved, there.Message);
        Assert.AreEqual(1u, there.Connections);
        last = await CountAsync(counting, last, 200);
        await ReadAsync(large, 640 * 1024);
        await TalkAsync(talk, 3);
        await HearAsync(events, "2");
        Assert.AreEqual("b", await http.GetStringAsync(new Uri("/node", UriKind.Relative), Stop), "a new request has not");
        using AsyncDuplexStreamingCall<Word, Word> other = words.Talk(cancellationToken: Stop);
        await TalkAsync(other, 3);

        MigrateReport back = await command.MigrateAsync("app", "a", TimeSpan.FromSeconds(60), Stop);
        Assert.IsTrue(back.Moved, back.Message);
        Assert.AreEqual("a", await http.GetStringAsync(new Uri("/node", UriKind.Relative), Stop));
        await TalkAsync(other, 3);
        await TalkAsync(talk, 3);

        Task<IReadOnlyList<string>> leaving = a.StopAsync(TimeSpan.FromSeconds(100), Stop);
        while (await http.GetStringAsync(new Uri("/node", UriKind.Relative), Stop) != "b")
        {
            // Until the drain has got to it.
        }

        await TalkAsync(other, 3);
        await TalkAsync(talk, 3);
        await HearAsync(events, "3");
        last = await CountAsync(counting, last, 300);
        await ReadAsync(large, Large - (768 * 1024));
        Assert.AreEqual(0, await large.ReadAsync(new byte[1], Stop));
        Assert.IsFalse(await counting.ResponseStream.MoveNext(Stop));
        Assert.AreEqual(StatusCode.OK, counting.GetStatus().StatusCode);
        await EndAsync(other);
        await EndAsync(talk);
        Assert.IsFalse(a.Completion.IsCompleted, "the events still run there");
        _events.Writer.Complete();
        Assert.IsNull(await events.ReadLineAsync(Stop));
        Assert.IsEmpty(await leaving);
        await a.Completion.WaitAsync(Stop);
        Assert.AreEqual("b", await http.GetStringAsync(new Uri("/node", UriKind.Relative), Stop));
        Assert.AreEqual(1, _handshakes, "one connection did it all");
    }

    private async Task ReadAsync(Stream stream, int length)
    {
        byte[] bytes = new byte[length];
        await stream.ReadExactlyAsync(bytes, Stop);
        Assert.AreEqual(-1, bytes.AsSpan().IndexOfAnyExcept((byte)'a'));
    }

    private async Task<long> CountAsync(AsyncServerStreamingCall<Number> call, long last, long to)
    {
        while (last < to && await call.ResponseStream.MoveNext(Stop))
        {
            Assert.AreEqual(++last, call.ResponseStream.Current.Value);
        }

        return last;
    }

    private async Task TalkAsync(AsyncDuplexStreamingCall<Word, Word> call, int times)
    {
        for (int i = 0; i < times; i++)
        {
            await call.RequestStream.WriteAsync(new() { Text = $"x{i}y" }, Stop);
            Assert.IsTrue(await call.ResponseStream.MoveNext(Stop));
            Assert.StartsWith("y", call.ResponseStream.Current.Text);
        }
    }

    private async Task EndAsync(AsyncDuplexStreamingCall<Word, Word> call)
    {
        await call.RequestStream.CompleteAsync();
        Assert.IsFalse(await call.ResponseStream.MoveNext(Stop));
        Assert.AreEqual(StatusCode.OK, call.GetStatus().StatusCode);
    }

    /// <summary>The handler has stayed where it began.</summary>
    private async Task HearAsync(StreamReader events, string line)
    {
        Assert.IsTrue(_events.Writer.TryWrite(line));
        Assert.AreEqual($"a {line}", await events.ReadLineAsync(Stop));
    }

    /// <summary>An application that knows its name.</summary>
    private async Task<WebApplication> AppAsync(string name, KestrelComponent component)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().UseManagedQuic(component);
        builder.WebHost.ConfigureKestrel(server => server.Listen(IPAddress.Loopback, 4433, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http3;
            endpoint.UseHttps(TestPki.Instance.Server);
        }));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(new WordsService());
        WebApplication app = builder.Build();
        app.MapGrpcService<WordsService>();
        app.MapGet("/client", (HttpContext context) => $"{context.Connection.RemoteIpAddress}");
        app.MapGet("/node", () => name);
        app.MapGet("/large", (HttpContext context) =>
            context.Response.Body.WriteAsync(Encoding.ASCII.GetBytes(new string(name[0], Large)), context.RequestAborted).AsTask());
        app.MapGet("/events", async (HttpContext context) =>
        {
            context.Response.ContentType = "text/event-stream";
            await context.Response.Body.FlushAsync(context.RequestAborted);
            await foreach (string line in _events.Reader.ReadAllAsync(context.RequestAborted))
            {
                await context.Response.WriteAsync($"{name} {line}\n", context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }
        });
        await app.StartAsync(Stop);
        return app;
    }

    private Task<NodeHost> NodeAsync(IngressHost ingress, string name, KestrelComponent component) => NodeHost.StartAsync(
        new()
        {
            Name = name,
            Log = line =>
            {
                if (line.StartsWith("serves", StringComparison.Ordinal))
                {
                    _serves.TrySetResult();
                }
            },
            Join = ingress.ControlEndPoint,
            Components = [new("app", component) { HandshakeCompleted = () => Interlocked.Increment(ref _handshakes) }],
            ServerCertificate = TestPki.Instance.Server,
            MemberCertificate = TestFederation.Instance.Member(name),
            FederationRoots = TestFederation.Instance.Roots,
        },
        Stop);
}
