using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Server;

/// <summary>Each limit of <see cref="Http3ServerLimits"/> is hit, and what keeps just within it is served; on a clock that the test turns.</summary>
[TestClass]
public sealed class LimitsTests
{
    private static readonly DataRate s_rate = new(100, TimeSpan.FromSeconds(5));

    /// <summary>Goal: a head that does not come is answered with 408, however many bytes trickle in (S60); another request is not disturbed.</summary>
    [TestMethod]
    public void S60_a_slow_head_is_timed_out()
    {
        HostWorld world = World(new Handler(ReadAllAsync), new() { RequestHeadersTimeout = TimeSpan.FromSeconds(10) });
        byte[] head = Frames.Request("GET", ("x", new string('y', 100)));
        StreamId slow = world.Link.Client.Send(unidirectional: false, head.AsSpan(0, 1));
        world.Run();
        for (int i = 1; i <= 9; i++)
        {
            world.Link.Client.Write(slow, head.AsSpan(i, 1), fin: false);
            Advance(world, 1);
            Assert.IsFalse(world.Link.Server.Sending[slow].FinSent, $"after {i} s");
        }

        StreamId other = world.Request();
        Advance(world, 2);
        Assert.IsTrue(world.Link.Server.Sending[slow].FinSent, "an answer and its end");
        Assert.AreEqual((ulong)Http3ErrorCode.NoError, world.Link.Client.Sending[slow].StopCode);
        Assert.AreEqual(200, world.Responses[other].Status);
        Assert.IsFalse(world.Connection.HasRequests);
    }

    /// <summary>Goal: a body for which the component waits is to come at a certain rate; else 408, or a reset when the response has begun (S60).</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void S60_a_slow_body_is_timed_out(bool hasResponded)
    {
        Http3ErrorCode? seen = null;
        HostWorld world = World(
            new Handler(async (exchange, _) =>
            {
                if (hasResponded)
                {
                    await exchange.RespondAsync(200);
                }

                seen = (await Assert.ThrowsExactlyAsync<Http3RequestAbortedException>(async () =>
                {
                    while (await exchange.ReadAsync(new byte[1000]) > 0)
                    {
                    }
                })).ErrorCode;
            }),
            new() { MinRequestBodyRate = s_rate });
        StreamId id = world.Request("POST", hasBody: true);
        world.Run();
        for (int i = 0; i < 20; i++)
        {
            Assert.AreEqual(110, world.Client.Write(id, new byte[110]), "fast enough");
            Advance(world, 1);
        }

        Assert.IsNull(seen);
        for (int i = 0; i < 12; i++)
        {
            // Not a byte less is sent, but too late: what comes in the last second does not make up for the others.
            world.Client.Write(id, new byte[30]);
            Advance(world, 1);
        }

        Assert.AreEqual(Http3ErrorCode.ExcessiveLoad, seen);
        if (hasResponded)
        {
            Assert.AreEqual((ulong)Http3ErrorCode.ExcessiveLoad, world.Aborted[id]);
        }
        else
        {
            Assert.AreEqual(408, world.Responses[id].Status);
        }

        Assert.IsTrue(world.Connection.IsIdle);
    }

    /// <summary>Goal: a component that does not read cannot be let wait; time in which it is held for a move counts for nobody.</summary>
    [TestMethod]
    public void Only_waiting_for_the_client_counts()
    {
        TaskCompletionSource mayRead = new();
        HostWorld world = World(
            new ResumableHandler(async (exchange, token) =>
            {
                await mayRead.Task;
                await ReadAllAsync(exchange, token);
            }),
            new() { MinRequestBodyRate = s_rate });
        StreamId id = world.Request("POST", hasBody: true);
        Advance(world, 30);
        mayRead.SetResult();
        Advance(world, 3);
        world.Host.Hold();
        Assert.IsTrue(world.Host.Deadline.IsNever);
        world.Now += TimeSpan.FromSeconds(100);
        world.Host.Release(world.Now);
        Advance(world, 1);
        Assert.IsTrue(world.Client.TryFinish(id));
        world.Run();
        Assert.AreEqual(200, world.Responses[id].Status);
        Assert.IsFalse(world.Aborted.ContainsKey(id));
    }

    /// <summary>Goal: a component that reads ahead of who wants the body is let wait: a stream of gRPC may be silent for long.</summary>
    [TestMethod]
    public void A_component_that_paces_requests_itself_is_let_wait()
    {
        HostWorld world = World(new PacedHandler(ReadAllAsync), new() { MinRequestBodyRate = s_rate });
        StreamId id = world.Request("POST", hasBody: true);
        Advance(world, 30);
        Assert.IsTrue(world.Client.TryFinish(id));
        world.Run();
        Assert.AreEqual(200, world.Responses[id].Status);
    }

    /// <summary>
    /// Goal: a response that is not taken is reset, also when its handler has long ended and nothing but buffers is left of it (S59); one that is taken
    /// slowly but steadily arrives.
    /// </summary>
    [TestMethod]
    [DataRow(10_000)]
    [DataRow(900)]
    public void S59_a_response_that_nobody_takes_is_dropped(int size)
    {
        Http3RequestAbortedException? abort = null;
        HostWorld world = World(
            new Handler(async (exchange, _) =>
            {
                try
                {
                    await exchange.RespondAsync(200);
                    await exchange.WriteAsync(new byte[size]);
                }
                catch (Http3RequestAbortedException error)
                {
                    abort = error;
                }
            }),
            new() { MinResponseRate = s_rate });
        world.Link.Window = 1000;
        world.ReadsAtMost = 0;
        StreamId stalled = world.Request();
        Advance(world, 4);
        Assert.IsFalse(world.Aborted.ContainsKey(stalled));
        Advance(world, 3);
        Assert.AreEqual((ulong)Http3ErrorCode.ExcessiveLoad, world.Aborted[stalled]);
        Assert.AreEqual(size > 1000, abort is not null);
        Assert.IsTrue(world.Connection.IsIdle);

        StreamId slow = world.Request();
        world.ReadsAtMost = 150;
        for (int i = 0; i < 200 && !world.Ended.Contains(slow); i++)
        {
            Advance(world, 1);
        }

        Assert.IsFalse(world.Aborted.ContainsKey(slow));
        Assert.AreEqual(size, world.Body(slow).Length);
    }

    /// <summary>
    /// Goal: requests that are made and dropped at a rate that no user has close the connection (S53), by one frame or by two; slower ones do not.
    /// </summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void S53_rapid_reset_closes_the_connection(bool hasBody)
    {
        HostWorld world = World(new Handler((exchange, _) => exchange.DelayAsync(TimeSpan.FromDays(1))), new() { MaxCancelledRequests = 50, MaxRunningHandlers = 5 });
        for (int i = 0; i < 200; i++)
        {
            Cancel(world);
            if (i % 20 == 0)
            {
                Advance(world, 1);
            }
        }

        Advance(world, 10);
        for (int i = 0; i < 51; i++)
        {
            Assert.IsNull(world.Link.Server.Closed);
            Cancel(world);
        }

        Assert.AreEqual((ulong)Http3ErrorCode.ExcessiveLoad, world.Link.Server.Closed);

        void Cancel(HostWorld world)
        {
            StreamId id = hasBody ? world.Request("POST", hasBody: true) : world.Request();
            world.Run();
            if (hasBody)
            {
                // Both frames came in one packet: the transport tells of both, whatever is done about the first.
                world.Connection.OnReset(id, (ulong)Http3ErrorCode.RequestCancelled);
                world.Connection.OnStopped(id, (ulong)Http3ErrorCode.RequestCancelled);
            }
            else
            {
                world.Client.Abort(id, Http3ErrorCode.RequestCancelled);
            }

            world.Run();
        }
    }

    /// <summary>Goal: the same for responses whose handlers are quick (S53): what is left of them is the transport's alone, and has not arrived.</summary>
    [TestMethod]
    public void S53_rapid_reset_of_what_is_answered_closes_the_connection()
    {
        HostWorld world = World(
            new Handler(async (exchange, _) =>
            {
                await exchange.RespondAsync(200);
                await exchange.WriteAsync(new byte[900]);
            }),
            new() { MaxCancelledRequests = 50 });
        world.Link.Window = 1000;
        world.ReadsAtMost = 0;
        for (int i = 0; i < 51; i++)
        {
            Assert.IsNull(world.Link.Server.Closed);
            StreamId id = world.Request();
            world.Run();
            Assert.IsFalse(world.Connection.HasRequests);
            world.Client.Abort(id, Http3ErrorCode.RequestCancelled);
            world.Run();
        }

        Assert.AreEqual((ulong)Http3ErrorCode.ExcessiveLoad, world.Link.Server.Closed);
    }

    /// <summary>Goal: what the server does not go on with is not held against the client: handlers that fail, and requests that it refuses.</summary>
    [TestMethod]
    [DataRow("throws")]
    [DataRow("short")]
    [DataRow("refused")]
    public void What_the_server_gives_up_does_not_count(string how)
    {
        HostWorld world = World(
            new Handler(async (exchange, _) =>
            {
                switch (how)
                {
                    case "throws":
                        await exchange.RespondAsync(200);
                        throw new InvalidOperationException();
                    case "short":
                        await exchange.RespondAsync(200, ("content-length", "10"));
                        break;
                    default:
                        await exchange.DelayAsync(TimeSpan.FromDays(1));
                        break;
                }
            }),
            new() { MaxCancelledRequests = 3, MaxRunningHandlers = 1 });
        for (int i = 0; i < 20; i++)
        {
            _ = world.Request();
            world.Run();
        }

        Assert.HasCount(how == "refused" ? 19 : 20, world.Aborted);
        Assert.IsNull(world.Link.Server.Closed);
    }

    /// <summary>Goal: the same when it is the server that has to reset (S54), while handlers still run.</summary>
    [TestMethod]
    public void S54_faults_count_as_resets()
    {
        int running = 0;
        HostWorld world = World(
            new Handler((_, _) =>
            {
                running++;
                return new(Never.EndsAsync(CancellationToken.None));
            }),
            new() { MaxCancelledRequests = 50, MaxRunningHandlers = 5 });
        for (int i = 0; i < 50; i++)
        {
            Assert.IsNull(world.Link.Server.Closed);
            world.Link.Client.Send(unidirectional: false, Frames.Request("GET", ("connection", "close")));
            if (i < 5)
            {
                world.Link.Client.Send(unidirectional: false, [.. Frames.Request("POST", ("content-length", "1")), .. Frames.Data(1)]);
            }

            world.Run();
        }

        world.Link.Client.Send(unidirectional: false, Frames.Request("GET", ("connection", "close")));
        world.Run();
        Assert.AreEqual((ulong)Http3ErrorCode.ExcessiveLoad, world.Link.Server.Closed);
        Assert.AreEqual(5, running);
    }

    /// <summary>Goal: a body beyond the limit is 413, before the component sees it if it was announced, else when it has come.</summary>
    [TestMethod]
    [DataRow("1001", 413)]
    [DataRow(null, 413)]
    [DataRow("1000", 200)]
    public void A_large_body_is_refused(string? length, int status)
    {
        bool called = false;
        List<Exception> faults = [];
        HostWorld world = World(
            new Handler((exchange, token) =>
            {
                called = true;
                return ReadAllAsync(exchange, token);
            }),
            new() { MaxRequestBodySize = 1000 },
            faults.Add);
        StreamId id = world.Request("POST", "/", hasBody: true, "web.test", length is null ? [] : [("content-length", length)]);
        world.Run();
        world.Client.Write(id, new byte[length == "1000" ? 1000 : 1001]);
        world.Run();
        world.Client.TryFinish(id);
        world.Run();
        Assert.AreEqual(status, world.Responses[id].Status);
        Assert.AreEqual(length != "1001", called);
        Assert.IsEmpty(faults);
    }

    /// <summary>Goal: a connection that only lives is ended; one with a request is not.</summary>
    [TestMethod]
    public void A_connection_without_requests_is_closed()
    {
        TaskCompletionSource end = new();
        HostWorld world = World(new Handler(async (exchange, _) => await end.Task), new() { KeepAliveTimeout = TimeSpan.FromSeconds(60) });
        Advance(world, 50);
        world.Request();
        Advance(world, 100);
        Assert.IsNull(world.Link.Server.Closed);
        end.SetResult();
        Advance(world, 50);
        Assert.IsNull(world.Link.Server.Closed);
        Advance(world, 12);
        Assert.AreEqual((ulong)Http3ErrorCode.NoError, world.Link.Server.Closed);
    }

    /// <summary>Goal: a response that is still on its way keeps its connection from being closed as one that does nothing, long after its handler has ended.</summary>
    [TestMethod]
    public void A_response_on_its_way_keeps_the_connection()
    {
        HostWorld world = World(
            new Handler(async (exchange, _) =>
            {
                await exchange.RespondAsync(200);
                await exchange.WriteAsync(new byte[900]);
            }),
            new() { KeepAliveTimeout = TimeSpan.FromSeconds(60), MinResponseRate = null });
        world.Link.Window = 1000;
        world.ReadsAtMost = 0;
        StreamId id = world.Request();
        Advance(world, 100);
        Assert.IsFalse(world.Connection.HasRequests);
        Assert.IsFalse(world.Connection.IsIdle, "a server that stops waits for it");
        Assert.IsNull(world.Link.Server.Closed);
        world.ReadsAtMost = int.MaxValue;
        Advance(world, 2);
        Assert.AreEqual(900, world.Body(id).Length);
        Assert.IsTrue(world.Connection.IsIdle);
        Assert.IsNull(world.Link.Server.Closed);
        Advance(world, 62);
        Assert.AreEqual((ulong)Http3ErrorCode.NoError, world.Link.Server.Closed);
    }

    [TestMethod]
    public void Limits_without_sense_are_the_callers_mistake()
    {
        Func<Http3ServerLimits>[] mistakes =
        [
            () => new() { MaxConnections = 0 }, () => new() { MaxConcurrentRequests = 0 }, () => new() { MaxRunningHandlers = -1 },
            () => new() { MaxCancelledRequests = -1 }, () => new() { MaxRequestBodySize = -1 }, () => new() { HandshakeTimeout = TimeSpan.Zero },
            () => new() { RequestHeadersTimeout = TimeSpan.FromSeconds(-1) }, () => new() { KeepAliveTimeout = TimeSpan.Zero },
            () => new() { MinRequestBodyRate = new(0, TimeSpan.FromSeconds(1)) }, () => new() { MinResponseRate = new(1, TimeSpan.Zero) },
        ];
        foreach (Func<Http3ServerLimits> mistake in mistakes)
        {
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => mistake());
        }

        Assert.IsNull(new Http3ServerLimits { MaxRequestBodySize = null, MinRequestBodyRate = null, MinResponseRate = null }.MinResponseRate);
    }

    private static HostWorld World(IComponent component, Http3ServerLimits limits, Action<Exception>? fault = null)
    {
        HostWorld world = new(component, new ExchangeHostOptions { Inline = true, Limits = limits, OnFault = fault });
        world.Host.Watch(world.Now);
        return world;
    }

    private static void Advance(HostWorld world, int seconds)
    {
        Instant until = world.Now + TimeSpan.FromSeconds(seconds);
        world.Run();
        while (world.Host.Deadline <= until)
        {
            world.RunToDeadline();
        }

        world.Now = until;
    }

    private static async ValueTask ReadAllAsync(Http3Exchange exchange, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[300];
        while (await exchange.ReadAsync(buffer) > 0)
        {
        }

        await exchange.RespondAsync(200);
    }
}
