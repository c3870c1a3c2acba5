using Net.Core.Wire;
using Net.Http3.Client;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Client;

/// <summary>Connections that take no more requests while some of theirs run.</summary>
[TestClass]
public sealed class ConnectionPoolTests
{
    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: the end of a handler is the end of all its connections, also of those that have left the pool by GOAWAY or by their age while in use.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task The_end_of_a_handler_ends_what_has_left_the_pool(bool goAway)
    {
        byte[] begun = [.. Frames.Headers((":status", "200")), .. Frames.Data(1)];
        TaskCompletionSource closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ClientSite site = new((number, connection, id) =>
        {
            if (number > 0 || id.Index == 0)
            {
                connection.Write(id, begun, fin: number > 0);
            }

            if (number == 0 && id.Index == 0 && goAway)
            {
                // Request 4 and those behind it are refused: the first one goes on.
                connection.Write(StreamId.Of(0, serverInitiated: true, unidirectional: true), Frames.Frame(Http3FrameType.GoAway, 4), fin: false);
            }
        })
        {
            OnClosed = () => closed.TrySetResult(),
        };
        ManualTime time = new();
        Http3Handler handler = ClientSite.NewHandler();
        handler.TimeProvider = time;
        handler.PooledConnectionLifetime = TimeSpan.FromSeconds(10);
        using HttpMessageInvoker invoker = new(handler);
        using HttpResponseMessage response = await invoker.SendAsync(Http3HandlerTests.Request(HttpMethod.Get, site.At("/")), Stop);
        await using Stream body = await response.Content.ReadAsStreamAsync(Stop);
        await body.ReadExactlyAsync(new byte[1], Stop);
        if (goAway)
        {
            using HttpResponseMessage next = await invoker.SendAsync(Http3HandlerTests.Request(HttpMethod.Get, site.At("/")), Stop);
            await next.Content.ReadAsByteArrayAsync(Stop);
            Assert.AreEqual(2, site.Connections);
        }
        else
        {
            time.Advance(TimeSpan.FromSeconds(10));
        }

        Assert.AreEqual(goAway ? 1 : 0, handler.Connections);
        Task<int> rest = body.ReadAsync(new byte[1], CancellationToken.None).AsTask();
        handler.Dispose();
        await Assert.ThrowsAsync<IOException>(() => rest.WaitAsync(Stop));
        await closed.Task.WaitAsync(Stop);
    }
}
