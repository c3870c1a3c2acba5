using System.Net;
using Grpc.Core;
using Grpc.Net.Client;
using KestrelSample;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Net.Http3.Client;
using Net.Tests.Core.Io;

namespace Net.Tests.Kestrel;

/// <summary>Grpc.Net.Client on our handler against Grpc.AspNetCore on our transport: the sample's service, in each of gRPC's four kinds.</summary>
[TestClass]
public sealed class GrpcTests
{
    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: one question and one answer, also of 1 MB; a refusal arrives as its status, with its words.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Unary()
    {
        await using AppServer server = await StartAsync(new WordsService());
        using GrpcChannel channel = Open(server);
        Words.WordsClient words = new(channel);
        Assert.AreEqual("cba", (await words.ReverseAsync(new() { Text = "abc" }, cancellationToken: Stop)).Text);
        Word large = new() { Text = new string('x', 1_000_000) + "y" };
        Assert.StartsWith("yx", (await words.ReverseAsync(large, cancellationToken: Stop)).Text);
        RpcException refusal = await Assert.ThrowsExactlyAsync<RpcException>(async () => await words.ReverseAsync(new(), cancellationToken: Stop));
        Assert.AreEqual(StatusCode.InvalidArgument, refusal.StatusCode);
        Assert.AreEqual("an empty word has no other end", refusal.Status.Detail);
        Assert.IsEmpty(server.Faults, string.Join('\n', server.Faults));
    }

    /// <summary>Goal: 5,000 messages arrive in order, and the call ends well.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Server_streaming()
    {
        await using AppServer server = await StartAsync(new WordsService());
        using GrpcChannel channel = Open(server);
        using AsyncServerStreamingCall<Number> call = new Words.WordsClient(channel).CountTo(new() { Value = 5000 }, cancellationToken: Stop);
        long last = 0;
        await foreach (Number number in call.ResponseStream.ReadAllAsync(Stop))
        {
            Assert.AreEqual(++last, number.Value);
        }

        Assert.AreEqual(5000, last);
        Assert.AreEqual(StatusCode.OK, call.GetStatus().StatusCode);
    }

    /// <summary>Goal: 5,000 messages go up; the answer comes with trailers of the service's own.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Client_streaming()
    {
        await using AppServer server = await StartAsync(new WordsService());
        using GrpcChannel channel = Open(server);
        using AsyncClientStreamingCall<Number, Number> call = new Words.WordsClient(channel).Sum(cancellationToken: Stop);
        for (int i = 1; i <= 5000; i++)
        {
            await call.RequestStream.WriteAsync(new() { Value = i }, Stop);
        }

        await call.RequestStream.CompleteAsync();
        Assert.AreEqual(5000L * 5001 / 2, (await call.ResponseAsync).Value);
        Assert.AreEqual("no", call.GetTrailers().GetValue("sum-is-odd"));
    }

    /// <summary>Goal: a dialogue, in which each word depends on the answer to the one before; 20 of them at a time on one connection.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Duplex_streaming()
    {
        await using AppServer server = await StartAsync(new WordsService());
        using Http3Handler handler = Handler();
        using GrpcChannel channel = Open(server, handler);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async number =>
        {
            using AsyncDuplexStreamingCall<Word, Word> call = new Words.WordsClient(channel).Talk(cancellationToken: Stop);
            string text = $"{number}:";
            for (int i = 0; i < 20; i++)
            {
                await call.RequestStream.WriteAsync(new() { Text = text }, Stop);
                Assert.IsTrue(await call.ResponseStream.MoveNext(Stop));
                CollectionAssert.AreEqual(text.Reverse().ToArray(), call.ResponseStream.Current.Text.ToCharArray());
                text = call.ResponseStream.Current.Text + i;
            }

            await call.RequestStream.CompleteAsync();
            Assert.IsFalse(await call.ResponseStream.MoveNext(Stop));
        }));
        Assert.AreEqual(1, handler.Connections);
        Assert.IsEmpty(server.Faults, string.Join('\n', server.Faults));
    }

    /// <summary>Goal: a call that its caller gives up, or whose time is over, ends at the service as well.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_call_that_is_given_up_ends_on_both_sides(bool byDeadline)
    {
        Silence service = new();
        await using AppServer server = await StartAsync(service);
        using GrpcChannel channel = Open(server);
        using CancellationTokenSource cancel = new();
        CallOptions options = byDeadline ? new(deadline: DateTime.UtcNow.AddMilliseconds(500)) : new(cancellationToken: cancel.Token);
        using AsyncServerStreamingCall<Number> call = new Words.WordsClient(channel).CountTo(new() { Value = 1 }, options);
        Task<bool> reading = call.ResponseStream.MoveNext(CancellationToken.None);
        if (!byDeadline)
        {
            await service.Begun.Task.WaitAsync(Stop);
            await cancel.CancelAsync();
        }

        RpcException end = await Assert.ThrowsExactlyAsync<RpcException>(() => reading);
        Assert.AreEqual(byDeadline ? StatusCode.DeadlineExceeded : StatusCode.Cancelled, end.StatusCode);
        await service.Ended.Task.WaitAsync(Stop);
    }

    private static Http3Handler Handler() => new() { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy() } };

    private static GrpcChannel Open(AppServer server, Http3Handler? handler = null) => GrpcChannel.ForAddress(
        $"https://localhost:{server.Address.Port}",
        new()
        {
            HttpHandler = handler ?? Handler(),
            DisposeHttpClient = true,
            HttpVersion = HttpVersion.Version30,
            HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        });

    private Task<AppServer> StartAsync<TService>(TService service) where TService : class => AppServer.StartAsync(
        app => app.MapGrpcService<TService>(),
        services: services =>
        {
            services.AddGrpc();
            services.AddSingleton(service);
        },
        cancellationToken: Stop);

    /// <summary>Says nothing until its caller is gone.</summary>
    private sealed class Silence : Words.WordsBase
    {
        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override async Task CountTo(Number request, IServerStreamWriter<Number> responseStream, ServerCallContext context)
        {
            using CancellationTokenRegistration registration = context.CancellationToken.Register(Ended.SetResult);
            Begun.SetResult();
            await Ended.Task;
        }
    }
}
