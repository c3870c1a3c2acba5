using System.Net.Security;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Net.Core.Io;
using Net.Http3.Client.Hosting;
using Net.Http3.Server;
using Net.Http3.Wire;
using Net.Tests.Core.Io;
using Net.Tests.Http3;

namespace Net.Tests.Kestrel;

/// <summary>How requests, connections and servers end before their time.</summary>
[TestClass]
public sealed class EndTests
{
    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>
    /// Goal: a request that the client gives up is cancelled in the application, also when the request itself was complete before; the
    /// connection serves on.
    /// </summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_request_that_is_given_up_is_cancelled(bool hasBody)
    {
        TaskCompletionSource cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using AppServer server = await AppServer.StartAsync(
            app =>
            {
                app.Map("/wait", async (HttpContext context) =>
                {
                    using CancellationTokenRegistration registration = context.RequestAborted.Register(cancelled.SetResult);
                    await context.Response.Body.FlushAsync();
                    await cancelled.Task;
                });
                app.MapGet("/", () => "still here");
            },
            cancellationToken: Stop);
        await using Http3Client client = await server.ConnectAsync(Stop);
        ClientExchange exchange = await client.OpenAsync("POST", "/wait", hasBody);
        await exchange.ReadHeadAsync();
        exchange.Cancel();
        await cancelled.Task.WaitAsync(Stop);
        Assert.AreEqual("still here", Encoding.UTF8.GetString((await client.GetAsync("/")).Body));
        Assert.IsEmpty(server.Faults, string.Join('\n', server.Faults));
    }

    /// <summary>Goal: an application that aborts resets the stream with HTTP/3's code and not the connection.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task An_abort_by_the_application_resets_the_stream()
    {
        await using AppServer server = await AppServer.StartAsync(
            app =>
            {
                app.MapGet("/abort", async (HttpContext context) =>
                {
                    await context.Response.WriteAsync("half of");
                    await context.Response.Body.FlushAsync();
                    context.Abort();
                });
                app.MapGet("/reset", (HttpContext context) => context.Features.GetRequiredFeature<IHttpResetFeature>().Reset((int)Http3ErrorCode.RequestRejected));
                app.MapGet("/", () => "still here");
            },
            cancellationToken: Stop);
        await using Http3Client client = await server.ConnectAsync(Stop);
        Http3RequestAbortedException abort = await Assert.ThrowsExactlyAsync<Http3RequestAbortedException>(() => client.GetAsync("/abort"));
        Assert.AreEqual(Http3ErrorCode.InternalError, abort.ErrorCode);
        Http3RequestAbortedException reset = await Assert.ThrowsExactlyAsync<Http3RequestAbortedException>(() => client.GetAsync("/reset"));
        Assert.AreEqual(Http3ErrorCode.RequestRejected, reset.ErrorCode);
        Assert.AreEqual("still here", Encoding.UTF8.GetString((await client.GetAsync("/")).Body));
        Assert.IsEmpty(server.Faults, string.Join('\n', server.Faults));
    }

    /// <summary>Goal: a body that the application does not read ends in order: its answer comes, the client is told that the rest is not wanted.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_body_that_nobody_reads_is_refused_in_order()
    {
        await using AppServer server = await AppServer.StartAsync(app => app.MapPost("/", () => "enough"), cancellationToken: Stop);
        await using Http3Client client = await server.ConnectAsync(Stop);
        ClientExchange exchange = await client.OpenAsync("POST", "/", hasBody: true);
        Task sending = SendAsync();
        Assert.AreEqual("enough", Encoding.UTF8.GetString(await exchange.ReadAllAsync()));
        await sending;
        Assert.AreEqual("enough", Encoding.UTF8.GetString(await (await client.OpenAsync("POST", "/", hasBody: false)).ReadAllAsync()));

        async Task SendAsync()
        {
            // More than all windows and buffers together; what is no longer wanted is dropped.
            byte[] part = new byte[100_000];
            for (int i = 0; i < 60; i++)
            {
                await exchange.WriteAsync(part);
            }
        }
    }

    /// <summary>Goal: a server that stops lets requests under way come to their end, all bytes of them.</summary>
    /// <remarks>
    /// Over QUIC alone: Kestrel's first GOAWAY names 2^62-1, which is no client's stream (RFC 9114, section 5.2), and our client says so.
    /// </remarks>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_server_that_stops_drains_first()
    {
        TaskCompletionSource stopping = new(TaskCreationOptions.RunContinuationsAsynchronously);
        string text = new('x', 300_000);
        await using AppServer server = await AppServer.StartAsync(
            app => app.MapGet("/", async (HttpContext context) =>
            {
                await context.Response.Body.FlushAsync();
                await stopping.Task;
                await context.Response.WriteAsync(text);
            }),
            cancellationToken: Stop);
        await using QuicConnection client = await ConnectAsync(server);
        await using QuicStream request = await client.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, Stop);
        await request.WriteAsync(Frames.Request(), completeWrites: true, Stop);
        byte[] head = new byte[1];
        await request.ReadExactlyAsync(head, Stop);

        Task stop = server.App.StopAsync(Stop);
        stopping.SetResult();
        using MemoryStream answer = new();
        await request.CopyToAsync(answer, Stop);
        Assert.AreEqual(text.Length, Encoding.ASCII.GetString(answer.ToArray()).Count(c => c == 'x'));
        // Told by GOAWAY, a client closes when it has what it waits for; Kestrel waits for that, up to the host's shutdown timeout.
        await client.CloseAsync((long)Http3ErrorCode.NoError, Stop);
        await stop;
        Assert.IsEmpty(server.Faults, string.Join('\n', server.Faults));
    }

    /// <summary>Goal: a server that stops closes a connection without requests at once, with H3_NO_ERROR.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_server_that_stops_closes_idle_connections()
    {
        await using AppServer server = await AppServer.StartAsync(app => app.MapGet("/", () => "hello"), cancellationToken: Stop);
        await using QuicConnection client = await ConnectAsync(server);
        await using QuicStream control = await client.AcceptInboundStreamAsync(Stop);
        await server.App.StopAsync(Stop);
        QuicException end = await Assert.ThrowsExactlyAsync<QuicException>(async () => await client.AcceptInboundStreamAsync(Stop));
        Assert.AreEqual((QuicError.ConnectionAborted, (long)Http3ErrorCode.NoError), (end.QuicError, end.ApplicationErrorCode));
        Assert.IsEmpty(server.Faults, string.Join('\n', server.Faults));
    }

    /// <summary>Goal: a client that closes its connection ends its requests in the application, and the server serves the next client.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_connection_that_is_closed_ends_its_requests()
    {
        TaskCompletionSource cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using AppServer server = await AppServer.StartAsync(
            app =>
            {
                app.MapGet("/wait", async (HttpContext context) =>
                {
                    using CancellationTokenRegistration registration = context.RequestAborted.Register(cancelled.SetResult);
                    await context.Response.Body.FlushAsync();
                    await cancelled.Task;
                });
                app.MapGet("/", () => "next");
            },
            cancellationToken: Stop);
        await using (Http3Client client = await server.ConnectAsync(Stop))
        {
            await (await client.OpenAsync("GET", "/wait", hasBody: false)).ReadHeadAsync();
        }

        await cancelled.Task.WaitAsync(Stop);
        await using Http3Client next = await server.ConnectAsync(Stop);
        Assert.AreEqual("next", Encoding.UTF8.GetString((await next.GetAsync("/")).Body));
        Assert.IsEmpty(server.Faults, string.Join('\n', server.Faults));
    }

    private ValueTask<QuicConnection> ConnectAsync(AppServer server) => QuicConnection.ConnectAsync(
        new()
        {
            RemoteEndPoint = server.Address,
            MaxInboundUnidirectionalStreams = 3,
            ClientAuthenticationOptions = new()
            {
                ApplicationProtocols = [SslApplicationProtocol.Http3],
                TargetHost = "localhost",
                CertificateChainPolicy = TestPki.Instance.Policy(),
            },
        },
        Stop);
}
