using System.Net;
using System.Security.Authentication;
using Net.Core.Connections;
using Net.Core.Wire;
using Net.Http3.Client;
using Net.Http3.Server;
using Net.Http3.Wire;
using Net.Tests.Core.Io;
using Net.Tests.Http3.Server;

namespace Net.Tests.Http3.Client;

/// <summary>What a caller sees of servers that refuse, reset, go away, lie or are not there; and of its own cancellation.</summary>
[TestClass]
public sealed class Http3HandlerFailureTests
{
    private static readonly byte[] s_ok = [.. Frames.Headers((":status", "200")), .. Frames.Data(1, 2, 3)];

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: cancellation before, during the wait for the head, and inside the body ends with the caller's token, and the server learns of it.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Cancellation_at_every_stage()
    {
        SemaphoreSlim arrived = new(0), gone = new(0);
        await using ClientSite site = new(new Handler(async (exchange, token) =>
        {
            using CancellationTokenRegistration registration = token.Register(() => gone.Release());
            if (exchange.Path == "/body")
            {
                await exchange.RespondAsync(200);
                await exchange.WriteAsync(new byte[10]);
            }

            arrived.Release();
            await Never.EndsAsync(token);
        }));
        using HttpClient client = ClientSite.NewClient();
        using CancellationTokenSource early = new();
        await early.CancelAsync();
        await AssertCancelledAsync(client.GetAsync(site.At("/"), early.Token), early.Token);

        using CancellationTokenSource waiting = new();
        using HttpMessageInvoker invoker = new(ClientSite.NewHandler());
        Task<HttpResponseMessage> head = invoker.SendAsync(Http3HandlerTests.Request(HttpMethod.Get, site.At("/")), waiting.Token);
        await arrived.WaitAsync(Stop);
        await waiting.CancelAsync();
        await AssertCancelledAsync(head, waiting.Token);
        await gone.WaitAsync(Stop);

        using CancellationTokenSource reading = new();
        using HttpResponseMessage response = await client.GetAsync(site.At("/body"), HttpCompletionOption.ResponseHeadersRead, Stop);
        await using Stream body = await response.Content.ReadAsStreamAsync(Stop);
        await body.ReadExactlyAsync(new byte[10], Stop);
        Task<int> read = body.ReadAsync(new byte[1], reading.Token).AsTask();
        await reading.CancelAsync();
        await AssertCancelledAsync(read, reading.Token);
        await gone.WaitAsync(Stop);
    }

    /// <summary>Goal: disposing a response that is not read to its end cancels the rest at the server.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Disposing_cancels_the_rest()
    {
        TaskCompletionSource gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ClientSite site = new(new Handler(async (exchange, token) =>
        {
            await exchange.RespondAsync(200);
            try
            {
                for (; ; )
                {
                    await exchange.WriteAsync(new byte[100_000]);
                }
            }
            catch (Http3RequestAbortedException error)
            {
                Assert.AreEqual(Http3ErrorCode.RequestCancelled, error.ErrorCode);
                gone.SetResult();
            }
        }));
        using HttpClient client = ClientSite.NewClient();
        using (await client.GetAsync(site.At("/"), HttpCompletionOption.ResponseHeadersRead, Stop))
        {
        }

        await gone.Task.WaitAsync(Stop);
    }

    /// <summary>Goal: a reset before the head is a protocol error with the server's code, and one inside the body reaches its reader.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Resets_carry_their_code()
    {
        await using ClientSite site = new((number, connection, id) =>
        {
            if (id.Index > 0)
            {
                connection.Write(id, s_ok, fin: false);
                return;
            }

            connection.Reset(id, (ulong)Http3ErrorCode.InternalError);
        });
        using HttpClient client = ClientSite.NewClient();
        HttpRequestException error = await Assert.ThrowsExactlyAsync<HttpRequestException>(() => client.GetAsync(site.At("/"), Stop));
        Assert.AreEqual(HttpRequestError.HttpProtocolError, error.HttpRequestError);
        Assert.AreEqual(0x102, Assert.IsInstanceOfType<HttpProtocolException>(error.InnerException).ErrorCode);

        await using ClientSite second = new((_, connection, id) =>
        {
            connection.Write(id, [.. s_ok, .. Frames.Frame(Http3FrameType.Settings)], fin: false);
        });
        using HttpResponseMessage response = await client.GetAsync(second.At("/"), HttpCompletionOption.ResponseHeadersRead, Stop);
        await using Stream body = await response.Content.ReadAsStreamAsync(Stop);
        HttpProtocolException inside = await Assert.ThrowsExactlyAsync<HttpProtocolException>(async () => await body.CopyToAsync(Stream.Null, Stop));
        Assert.AreEqual(0x105, inside.ErrorCode);
    }

    /// <summary>Goal: a body shorter than its content-length ends with ResponseEnded, for a reader and for a buffered content.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_body_that_is_too_short()
    {
        await using ClientSite site = new((_, connection, id) =>
            connection.Write(id, [.. Frames.Headers((":status", "200"), ("content-length", "9")), .. Frames.Data(1, 2)], fin: true));
        using HttpClient client = ClientSite.NewClient();
        HttpRequestException error = await Assert.ThrowsExactlyAsync<HttpRequestException>(() => client.GetAsync(site.At("/"), Stop));
        Assert.AreEqual(HttpRequestError.ResponseEnded, error.HttpRequestError);
    }

    /// <summary>Goal: interim responses are skipped, and trailers are there at the end of the body, not before.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Interim_responses_and_trailers()
    {
        await using ClientSite site = new((_, connection, id) => connection.Write(
            id, [.. Frames.Headers((":status", "103"), ("link", "</x>")), .. s_ok, .. Frames.Headers(("x-sum", "6"), ("x-more", "7"))], fin: true));
        using HttpClient client = ClientSite.NewClient();
        using HttpResponseMessage response = await client.GetAsync(site.At("/"), HttpCompletionOption.ResponseHeadersRead, Stop);
        Assert.IsEmpty(response.TrailingHeaders);
        CollectionAssert.AreEqual(new byte[] { 1, 2, 3 }, await response.Content.ReadAsByteArrayAsync(Stop));
        Assert.AreEqual("6", response.TrailingHeaders.GetValues("x-sum").Single());
        Assert.AreEqual("7", response.TrailingHeaders.GetValues("x-more").Single());
        Assert.IsFalse(response.Headers.Contains("link"));
    }

    /// <summary>Goal: with Expect: 100-continue the content waits for 100, and is not sent at all when an error comes instead.</summary>
    [TestMethod]
    [DataRow("100", true)]
    [DataRow("417", false)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Expect_continue(string status, bool isSent)
    {
        await using ClientSite site = new((_, connection, id) =>
        {
            bool isFinal = status != "100";
            connection.Write(id, Frames.Headers((":status", status)), fin: isFinal);
            if (!isFinal)
            {
                connection.Write(id, s_ok, fin: true);
            }
        });
        Http3Handler handler = ClientSite.NewHandler();
        // A clock that stands still: only the server's answer ends the wait.
        handler.TimeProvider = new ManualTime();
        using HttpClient client = ClientSite.NewClient(handler);
        using HttpRequestMessage request = Http3HandlerTests.Request(HttpMethod.Post, site.At("/"));
        request.Headers.ExpectContinue = true;
        TaskCompletionSource begun = new();
        request.Content = new DuplexContent(_ =>
        {
            begun.SetResult();
            return Task.CompletedTask;
        });
        using HttpResponseMessage response = await client.SendAsync(request, Stop);
        Assert.AreEqual(isSent ? HttpStatusCode.OK : HttpStatusCode.ExpectationFailed, response.StatusCode);
        if (isSent)
        {
            await begun.Task.WaitAsync(Stop);
        }

        Assert.AreEqual(isSent, begun.Task.IsCompleted);
    }

    /// <summary>Goal: an answer that is complete before the request is, and was buffered and let go, does not end the request's content.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Content_goes_on_after_an_early_answer(bool hasBody)
    {
        await using ClientSite site = new((_, connection, id) => connection.Write(id, hasBody ? s_ok : Frames.Headers((":status", "204")), fin: true));
        using HttpClient client = ClientSite.NewClient();
        TaskCompletionSource answered = new();
        TaskCompletionSource sent = new();
        using HttpRequestMessage request = Http3HandlerTests.Request(HttpMethod.Post, site.At("/"));
        request.Content = new DuplexContent(async body =>
        {
            await answered.Task;
            try
            {
                await body.WriteAsync(new byte[] { 1, 2, 3 }, Stop);
                sent.SetResult();
            }
            catch (Exception error)
            {
                sent.SetException(error);
            }
        });
        using HttpResponseMessage response = await client.SendAsync(request, Stop);
        response.Dispose();
        answered.SetResult();
        await sent.Task.WaitAsync(Stop);
    }

    /// <summary>Goal: what a GOAWAY or H3_REQUEST_REJECTED leaves unprocessed is sent again; after a GOAWAY on another connection.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Refused_requests_are_sent_again(bool goAway)
    {
        int requests = 0;
        await using ClientSite site = new((number, connection, id) =>
        {
            if (Interlocked.Increment(ref requests) > 1)
            {
                connection.Write(id, s_ok, fin: true);
            }
            else if (goAway)
            {
                // The server's first unidirectional stream is its control stream; GOAWAY with request 0: none was processed.
                connection.Write(StreamId.Of(0, serverInitiated: true, unidirectional: true), Frames.Frame(Http3FrameType.GoAway, 0), fin: false);
            }
            else
            {
                connection.Reset(id, (ulong)Http3ErrorCode.RequestRejected);
            }
        });
        using HttpClient client = ClientSite.NewClient();
        using HttpResponseMessage response = await client.PostAsync(site.At("/"), new ByteArrayContent([1]), Stop);
        CollectionAssert.AreEqual(new byte[] { 1, 2, 3 }, await response.Content.ReadAsByteArrayAsync(Stop));
        Assert.AreEqual(2, requests);
        Assert.AreEqual(goAway ? 2 : 1, site.Connections);
    }

    /// <summary>Goal: a server that refuses again and again is given up after three retries, and a content that cannot be repeated is begun once.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Retries_end()
    {
        int requests = 0;
        await using ClientSite site = new((_, connection, id) =>
        {
            Interlocked.Increment(ref requests);
            connection.Reset(id, (ulong)Http3ErrorCode.RequestRejected);
        });
        using HttpClient client = ClientSite.NewClient();
        HttpRequestException error = await Assert.ThrowsExactlyAsync<HttpRequestException>(() => client.GetAsync(site.At("/"), Stop));
        Assert.AreEqual(0x10B, Assert.IsInstanceOfType<HttpProtocolException>(error.InnerException).ErrorCode);
        Assert.AreEqual(4, requests);
        // A refusal that comes before the content is asked for its bytes permits another attempt; one that comes later does not.
        int begun = 0;
        DuplexContent content = new(stream =>
        {
            Interlocked.Increment(ref begun);
            return stream.WriteAsync(new byte[1], Stop).AsTask();
        });
        await Assert.ThrowsExactlyAsync<HttpRequestException>(() => client.PostAsync(site.At("/"), content, Stop));
        Assert.IsLessThanOrEqualTo(1, begun);
    }

    /// <summary>Goal: a content that fails fails its request, with its own exception inside.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_content_that_fails()
    {
        await using ClientSite site = new(new Handler(Http3HandlerTests.EchoAsync));
        using HttpMessageInvoker invoker = new(ClientSite.NewHandler());
        using HttpRequestMessage request = Http3HandlerTests.Request(HttpMethod.Post, site.At("/"));
        request.Content = new DuplexContent(_ => throw new FormatException("the content's fault"));
        // The server answers the head at once: the fault is found by whoever reads first.
        Exception error = await Assert.ThrowsAsync<Exception>(async () =>
        {
            using HttpResponseMessage response = await invoker.SendAsync(request, Stop);
            await response.Content.ReadAsByteArrayAsync(Stop);
        });
        Assert.IsTrue(Causes(error).Any(cause => cause is FormatException), error.ToString());
    }

    /// <summary>Goal: an untrusted certificate, a wrong name, an unknown name and silence each have their own error.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Connecting_fails_with_the_reason()
    {
        await using ClientSite site = new(new Handler(Http3HandlerTests.EchoAsync));
        using HttpClient distrusting = ClientSite.NewClient(new());
        HttpRequestException untrusted = await Assert.ThrowsExactlyAsync<HttpRequestException>(() => distrusting.GetAsync(site.At("/"), Stop));
        Assert.AreEqual(HttpRequestError.SecureConnectionError, untrusted.HttpRequestError);
        Assert.IsInstanceOfType<AuthenticationException>(untrusted.InnerException);

        Http3Handler handler = ClientSite.NewHandler();
        handler.Resolve = static (host, _) => host == "unknown.test"
            ? throw new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.HostNotFound)
            : Task.FromResult<IPAddress[]>([IPAddress.Loopback]);
        using HttpClient client = ClientSite.NewClient(handler);
        HttpRequestException wrongName = await Assert.ThrowsExactlyAsync<HttpRequestException>(() => client.GetAsync(site.At("/", "wrong.test"), Stop));
        Assert.AreEqual(HttpRequestError.SecureConnectionError, wrongName.HttpRequestError);
        HttpRequestException unknown = await Assert.ThrowsExactlyAsync<HttpRequestException>(() => client.GetAsync(site.At("/", "unknown.test"), Stop));
        Assert.AreEqual(HttpRequestError.NameResolutionError, unknown.HttpRequestError);
        await client.GetStringAsync(site.At("/", "localhost"), Stop);
    }

    /// <summary>Goal: where the system hears that nobody listens, the attempt ends at once with ConnectionError, or with the fallback's response: no timeout is needed.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_dead_port_is_refused()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Inconclusive("other systems do not tell");
        }

        using DeadPort dead = new();
        Uri nobody = new($"https://{dead.EndPoint}/");
        // The clock stands still: no time but that of the handshake itself can end the attempt, and that has an error of its own.
        using Http3Handler handler = new(new Http3HandlerTests.Fallback()) { TimeProvider = new ManualTime() };
        using HttpMessageInvoker invoker = new(handler);
        HttpRequestException error = await Assert.ThrowsExactlyAsync<HttpRequestException>(
            () => invoker.SendAsync(new(HttpMethod.Get, nobody) { Version = HttpVersion.Version30, VersionPolicy = HttpVersionPolicy.RequestVersionExact }, Stop));
        Assert.AreEqual(HttpRequestError.ConnectionError, error.HttpRequestError);
        StringAssert.Contains(error.InnerException?.Message, "nobody listens");
        HttpResponseMessage response = await invoker.SendAsync(
            new(HttpMethod.Get, nobody) { Version = HttpVersion.Version30, VersionPolicy = HttpVersionPolicy.RequestVersionOrLower }, Stop);
        Assert.AreEqual(HttpStatusCode.Ambiguous, response.StatusCode);
    }

    /// <summary>Goal: where nobody listens, ConnectTimeout ends the attempt with a TimeoutException, and the caller's token ends it before.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Nobody_listens()
    {
        ManualTime time = new();
        TaskCompletionSource trying = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Http3Handler handler = ClientSite.NewHandler();
        handler.TimeProvider = time;
        handler.ConnectTimeout = TimeSpan.FromSeconds(3);
        handler.Resolve = async (_, cancellationToken) =>
        {
            trying.TrySetResult();
            await Never.EndsAsync(cancellationToken);
            return [];
        };
        using HttpMessageInvoker invoker = new(handler);
        using CancellationTokenSource cancel = new();
        Task<HttpResponseMessage> first = invoker.SendAsync(Http3HandlerTests.Request(HttpMethod.Get, new("https://silent.test/")), cancel.Token);
        Task<HttpResponseMessage> second = invoker.SendAsync(Http3HandlerTests.Request(HttpMethod.Get, new("https://silent.test/")), Stop);
        await trying.Task.WaitAsync(Stop);
        await cancel.CancelAsync();
        await AssertCancelledAsync(first, cancel.Token);
        time.Advance(TimeSpan.FromSeconds(3));
        TaskCanceledException late = await Assert.ThrowsExactlyAsync<TaskCanceledException>(() => second);
        Assert.IsInstanceOfType<TimeoutException>(late.InnerException);
    }

    /// <summary>Goal: a connection that does not come about in time is a reason to use the fallback, where the policy permits that, and to leave HTTP/3 alone for a while.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Who_connects_for_too_long_falls_back(bool mayFallBack)
    {
        ManualTime time = new();
        int lookups = 0;
        TaskCompletionSource trying = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using Http3Handler handler = new(new Http3HandlerTests.Fallback())
        {
            TimeProvider = time,
            ConnectTimeout = TimeSpan.FromSeconds(3),
            Resolve = async (_, cancellationToken) =>
            {
                lookups++;
                trying.TrySetResult();
                await Never.EndsAsync(cancellationToken);
                return [];
            },
        };
        using HttpMessageInvoker invoker = new(handler, disposeHandler: false);
        Task<HttpResponseMessage> response = invoker.SendAsync(Request(), Stop);
        await trying.Task.WaitAsync(Stop);
        time.Advance(TimeSpan.FromSeconds(3));
        if (!mayFallBack)
        {
            await Assert.ThrowsExactlyAsync<TaskCanceledException>(() => response);
            return;
        }

        Assert.AreEqual(HttpStatusCode.Ambiguous, (await response).StatusCode);
        Assert.AreEqual(HttpStatusCode.Ambiguous, (await invoker.SendAsync(Request(), Stop)).StatusCode);
        Assert.AreEqual(1, lookups);

        HttpRequestMessage Request() => new(HttpMethod.Get, "https://silent.test/")
        {
            Version = HttpVersion.Version30,
            VersionPolicy = mayFallBack ? HttpVersionPolicy.RequestVersionOrLower : HttpVersionPolicy.RequestVersionExact,
        };
    }

    /// <summary>Goal: a content that has not the length that it announced fails its request, and never waits for ever.</summary>
    [TestMethod]
    [DataRow(3)]
    [DataRow(5)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_content_of_another_length(int length)
    {
        await using ClientSite site = new(new Handler(async (exchange, _) =>
        {
            while (await exchange.ReadAsync(new byte[100]) > 0)
            {
            }

            await exchange.RespondAsync(200);
        }));
        using HttpClient client = ClientSite.NewClient();
        DuplexContent content = new(stream => stream.WriteAsync(new byte[length], Stop).AsTask());
        content.Headers.ContentLength = 4;
        await Assert.ThrowsExactlyAsync<HttpRequestException>(() => client.PostAsync(site.At("/"), content, Stop));
        Assert.AreEqual(1, site.Connections);
    }

    /// <summary>Goal: when the first address is silent, the next one is tried beside it.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task The_next_address_is_tried()
    {
        await using ClientSite site = new(new Handler(Http3HandlerTests.EchoAsync));
        Http3Handler handler = ClientSite.NewHandler();
        handler.Resolve = static (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("127.0.0.2"), IPAddress.Loopback]);
        using HttpClient client = ClientSite.NewClient(handler);
        await client.GetStringAsync(site.At("/", "localhost"), Stop);
    }

    /// <summary>Goal: a server without our QUIC is a ConnectionError, or a reason to fall back when the policy permits it.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_server_of_another_version()
    {
        using System.Net.Sockets.UdpClient old = new(new IPEndPoint(IPAddress.Loopback, 0));
        _ = NegotiateAsync();
        Uri uri = new($"https://127.0.0.1:{((IPEndPoint)old.Client.LocalEndPoint!).Port}/");
        using Http3Handler handler = new(new Http3HandlerTests.Fallback());
        using HttpMessageInvoker invoker = new(handler);
        HttpRequestException error = await Assert.ThrowsExactlyAsync<HttpRequestException>(
            () => invoker.SendAsync(Http3HandlerTests.Request(HttpMethod.Get, uri), Stop));
        Assert.AreEqual(HttpRequestError.ConnectionError, error.HttpRequestError);
        using HttpRequestMessage lower = new(HttpMethod.Get, uri) { Version = HttpVersion.Version30 };
        using HttpResponseMessage response = await invoker.SendAsync(lower, Stop);
        Assert.AreEqual(HttpStatusCode.Ambiguous, response.StatusCode);

        // Version Negotiation (RFC 9000, section 17.2.1): the IDs change places, then the versions.
        async Task NegotiateAsync()
        {
            while (true)
            {
                System.Net.Sockets.UdpReceiveResult first = await old.ReceiveAsync(Stop);
                byte[] packet = first.Buffer;
                int destination = packet[5], source = packet[6 + destination];
                byte[] answer =
                    [0x80, 0, 0, 0, 0, .. packet.AsSpan(6 + destination, 1 + source), .. packet.AsSpan(5, 1 + destination), 0x0A, 0x0A, 0x0A, 0x0A];
                await old.SendAsync(answer, first.RemoteEndPoint, Stop);
            }
        }
    }

    private static async Task AssertCancelledAsync(Task task, CancellationToken token)
    {
        OperationCanceledException error = await Assert.ThrowsAsync<OperationCanceledException>(() => task);
        Assert.AreEqual(token, error.CancellationToken);
    }

    private static IEnumerable<Exception> Causes(Exception error)
    {
        for (Exception? cause = error; cause is not null; cause = cause.InnerException)
        {
            yield return cause;
        }
    }
}
