using Net.Core.Wire;
using Net.Http3.Client;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Client;

/// <summary>Responses without a body whose stream does not end: nobody waits for that, and nothing is held for it.</summary>
[TestClass]
public sealed class ResponseEndTests
{
    private readonly TaskCompletionSource<ulong> _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: such a response is given up after 2 seconds; its connection is free again then.</summary>
    [TestMethod]
    [DataRow("HEAD", "200")]
    [DataRow("GET", "204")]
    [DataRow("GET", "304")]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task An_end_that_does_not_come_is_given_up(string method, string status)
    {
        TaskCompletionSource closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ClientSite site = NewSite(status);
        site.OnClosed = () => closed.TrySetResult();
        ManualTime time = new();
        Http3Handler handler = ClientSite.NewHandler();
        handler.TimeProvider = time;
        // A connection without requests closes at this age: so the server sees that it was given back. Not before it has seen the rest.
        handler.PooledConnectionLifetime = TimeSpan.FromSeconds(3);
        using HttpMessageInvoker invoker = new(handler);
        using HttpResponseMessage response = await invoker.SendAsync(Http3HandlerTests.Request(new(method), site.At("/")), Stop);
        Assert.IsEmpty(await response.Content.ReadAsByteArrayAsync(Stop));
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.AreEqual((ulong)Http3ErrorCode.RequestCancelled, await _stopped.Task.WaitAsync(Stop));
        time.Advance(TimeSpan.FromSeconds(1));
        await closed.Task.WaitAsync(Stop);
    }

    /// <summary>
    /// Goal: a server that has answered may wait for the rest of the request with the end of its response, for as long as the request takes; when
    /// the response is disposed the server has 2 more seconds.
    /// </summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_request_under_way_is_not_given_up()
    {
        await using ClientSite site = NewSite("204");
        TaskCompletionSource waits = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ManualTime time = new()
        {
            OnTimer = due =>
            {
                if (due == TimeSpan.FromSeconds(2))
                {
                    waits.TrySetResult();
                }
            },
        };
        Http3Handler handler = ClientSite.NewHandler();
        handler.TimeProvider = time;
        using HttpMessageInvoker invoker = new(handler);
        TaskCompletionSource late = new(), over = new(), sent = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using HttpRequestMessage request = Http3HandlerTests.Request(HttpMethod.Post, site.At("/"));
        request.Content = new DuplexContent(async body =>
        {
            await late.Task;
            try
            {
                await body.WriteAsync(new byte[] { 1, 2, 3 }, Stop);
                sent.SetResult();
            }
            catch (Exception error)
            {
                sent.SetException(error);
            }

            await over.Task;
        });
        using HttpResponseMessage response = await invoker.SendAsync(request, Stop);
        time.Advance(TimeSpan.FromSeconds(10));
        late.SetResult();
        await sent.Task.WaitAsync(Stop);
        Assert.IsFalse(waits.Task.IsCompleted);
        response.Dispose();
        await waits.Task.WaitAsync(Stop);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.AreEqual((ulong)Http3ErrorCode.RequestCancelled, await _stopped.Task.WaitAsync(Stop));
        over.SetResult();
    }

    /// <summary>A server that sends the head of its responses, and no end.</summary>
    private ClientSite NewSite(string status) => new((_, connection, id) => connection.Write(id, Frames.Headers((":status", status)), fin: false))
    {
        OnStopped = (_, code) => _stopped.TrySetResult(code),
    };
}
