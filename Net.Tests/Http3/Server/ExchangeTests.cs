using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Server;

[TestClass]
public sealed class ExchangeTests
{
    /// <summary>Goal: request and response arrive as they were sent, whatever the size of the pieces.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(7)]
    [DataRow(int.MaxValue)]
    public void A_request_is_answered(int pieces)
    {
        HostWorld world = new(new Handler(async (exchange, _) =>
        {
            Assert.AreEqual(("PUT", "https", "web.test", "/a?b", 3L), (exchange.Method, exchange.Scheme, exchange.Authority, exchange.Path, exchange.ContentLength));
            Assert.AreEqual("z", exchange.Headers["y"]);
            byte[] buffer = new byte[2];
            int total = 0;
            for (int count; (count = await exchange.ReadAsync(buffer)) > 0; total += count)
            {
            }

            Assert.AreEqual(3, total);
            Assert.AreEqual(3, exchange.RequestOffset);
            Assert.IsFalse(exchange.ResponseStarted);
            await exchange.RespondAsync(201, new("x-a", "b"), new("content-length", "4"));
            Assert.IsTrue(exchange.ResponseStarted);
            await exchange.WriteAsync("done"u8.ToArray());
            Assert.AreEqual(4, exchange.ResponseOffset);
        }));
        StreamId id = world.Request("PUT", "/a?b", hasBody: true, "web.test", new("y", "z"), new("content-length", "3"));
        world.Client.Write(id, [1, 2, 3]);
        world.Client.TryFinish(id);
        world.Run(pieces);
        Assert.AreEqual(201, world.Responses[id].Status);
        Assert.AreEqual("b", world.Responses[id].Headers["x-a"]);
        CollectionAssert.AreEqual("done"u8.ToArray(), world.Body(id));
        Assert.Contains(id, world.Ended);
        Assert.IsTrue(world.Connection.IsIdle);
    }

    /// <summary>Goal: the answer to HEAD has head and no body; what the handler writes is discarded, and counts.</summary>
    [TestMethod]
    public void Head_gets_no_body()
    {
        HostWorld world = new(new Handler(async (exchange, _) =>
        {
            await exchange.RespondAsync(200, new Field("content-length", "4"));
            await exchange.WriteAsync("done"u8.ToArray());
            Assert.AreEqual(4, exchange.ResponseOffset);
        }));
        StreamId id = world.Request("HEAD");
        world.Run();
        Assert.AreEqual(4, world.Responses[id].ContentLength);
        Assert.IsEmpty(world.Body(id));
        Assert.Contains(id, world.Ended);
    }

    /// <summary>Goal: bodies of 0 bytes, announced or not, end cleanly on both sides.</summary>
    [TestMethod]
    [DataRow("0")]
    [DataRow(null)]
    public void Empty_bodies_end(string? length)
    {
        Field[] headers = length is null ? [] : [new("content-length", length)];
        HostWorld world = new(new Handler(async (exchange, _) =>
        {
            Assert.AreEqual(0, await exchange.ReadAsync(new byte[1]));
            Assert.AreEqual(0, await exchange.ReadAsync(new byte[1]));
            await exchange.RespondAsync(200, new FieldSection(headers));
            await exchange.WriteAsync(default);
        }));
        StreamId id = world.Request("POST", hasBody: true, headers: headers);
        world.Client.TryFinish(id);
        world.Run();
        Assert.AreEqual(200, world.Responses[id].Status);
        Assert.Contains(id, world.Ended);
    }

    /// <summary>Goal: whatever escapes a handler ends its own request alone: 500 before the head, H3_INTERNAL_ERROR after it.</summary>
    [TestMethod]
    public void Faults_of_handlers_stay_theirs()
    {
        List<Exception> faults = [];
        HostWorld world = new(
            new Handler(async (exchange, _) =>
            {
                if (exchange.Path == "/throw")
                {
                    throw new InvalidDataException("x");
                }

                if (exchange.Path == "/late")
                {
                    await exchange.RespondAsync(200);
                    throw new InvalidDataException("y");
                }

                if (exchange.Path == "/short")
                {
                    await exchange.RespondAsync(200, new Field("content-length", "2"));
                    await exchange.WriteAsync(new byte[1]);
                }
            }),
            new() { Inline = true, OnFault = faults.Add });
        StreamId early = world.Request(path: "/throw"), late = world.Request(path: "/late"), silent = world.Request(path: "/silent"), tooShort = world.Request(path: "/short");
        world.Run();
        Assert.AreEqual(500, world.Responses[early].Status);
        Assert.AreEqual(500, world.Responses[silent].Status);
        Assert.AreEqual((ulong)Http3ErrorCode.InternalError, world.Aborted[late]);
        Assert.AreEqual((ulong)Http3ErrorCode.InternalError, world.Aborted[tooShort]);
        Assert.HasCount(2, faults);
        Assert.IsFalse(world.Connection.Session.Error.IsError);
        Assert.IsTrue(world.Connection.IsIdle);
    }

    /// <summary>Goal: a handler's own mistakes are told to it, and it can go on.</summary>
    [TestMethod]
    public void Mistakes_of_handlers_are_exceptions()
    {
        int checks = 0;
        HostWorld world = new(new Handler(async (exchange, _) =>
        {
            await Assert.ThrowsExactlyAsync<InvalidOperationException>(async () => await exchange.WriteAsync(new byte[1]));
            await Assert.ThrowsExactlyAsync<ArgumentException>(async () => await exchange.RespondAsync(200, new Field("Upper", "x")));
            await Assert.ThrowsExactlyAsync<ArgumentException>(async () => await exchange.RespondAsync(200, new Field("x", "a\nb")));
            await Assert.ThrowsExactlyAsync<ArgumentException>(async () => await exchange.RespondAsync(200, new Field("connection", "close")));
            await Assert.ThrowsExactlyAsync<ArgumentException>(async () => await exchange.RespondAsync(200, new Field("x", new string('x', 70_000))));
            await Assert.ThrowsExactlyAsync<ArgumentOutOfRangeException>(async () => await exchange.RespondAsync(100));
            await Assert.ThrowsExactlyAsync<ArgumentException>(async () => await exchange.ReadAsync(default));
            Assert.ThrowsExactly<ArgumentException>(() => exchange.SaveState(new byte[Http3Limits.MaxSavedState + 1]));
            await exchange.RespondAsync(200, new Field("content-length", "2"));
            await Assert.ThrowsExactlyAsync<InvalidOperationException>(async () => await exchange.RespondAsync(200));
            await Assert.ThrowsExactlyAsync<InvalidOperationException>(async () => await exchange.WriteAsync(new byte[3]));
            await exchange.WriteAsync(new byte[2]);
            checks++;
        }));
        StreamId id = world.Request();
        world.Run();
        Assert.AreEqual(1, checks);
        Assert.HasCount(2, world.Body(id));
    }

    /// <summary>Goal: other authorities get 421 and no handler.</summary>
    [TestMethod]
    public void Foreign_authorities_are_misdirected()
    {
        HostWorld world = new(new Handler((exchange, _) => exchange.RespondAsync(200)), new() { Inline = true, Serves = authority => authority == "web.test" });
        StreamId own = world.Request(), foreign = world.Request(authority: "other.test");
        world.Run();
        Assert.AreEqual(200, world.Responses[own].Status);
        Assert.AreEqual(421, world.Responses[foreign].Status);
    }

    /// <summary>Goal: a client that gives up cancels the token and ends pending operations with its code.</summary>
    [TestMethod]
    public void An_abort_reaches_the_handler()
    {
        Http3ErrorCode? seen = null;
        bool cancelled = false;
        HostWorld world = new(new Handler(async (exchange, token) =>
        {
            using CancellationTokenRegistration registration = token.Register(() => cancelled = true);
            await exchange.RespondAsync(200);
            try
            {
                await exchange.ReadAsync(new byte[1]);
            }
            catch (Http3RequestAbortedException abort)
            {
                seen = abort.ErrorCode;
                await Assert.ThrowsExactlyAsync<Http3RequestAbortedException>(async () => await exchange.WriteAsync(new byte[1]));
                throw;
            }
        }));
        StreamId id = world.Request("POST", hasBody: true);
        world.Run();
        world.Client.Abort(id, Http3ErrorCode.RequestCancelled);
        world.Run();
        Assert.AreEqual(Http3ErrorCode.RequestCancelled, seen);
        Assert.IsTrue(world.Connection.IsIdle);
        Assert.IsTrue(cancelled);
    }

    /// <summary>Goal: the same when the connection is lost, or closed for an error of the peer.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void A_lost_connection_reaches_the_handler(bool byError)
    {
        Http3ErrorCode? seen = null;
        HostWorld world = new(new Handler(async (exchange, _) =>
            seen = (await Assert.ThrowsExactlyAsync<Http3RequestAbortedException>(async () => await exchange.ReadAsync(new byte[1]))).ErrorCode));
        world.Request("POST", hasBody: true);
        world.Run();
        if (byError)
        {
            world.Link.Client.Send(true, Frames.Control());
        }
        else
        {
            world.Connection.OnClosed(Http3ErrorCode.NoError);
        }

        world.Run();
        Assert.AreEqual(byError ? Http3ErrorCode.StreamCreationError : Http3ErrorCode.NoError, seen);
    }

    /// <summary>Goal: a handler that does not read makes the client wait, one that cannot write waits: bounded memory both ways.</summary>
    [TestMethod]
    public void Back_pressure_holds_both_ways()
    {
        TaskCompletionSource go = new();
        HostWorld world = new(new Handler(async (exchange, _) =>
        {
            await go.Task;
            await exchange.RespondAsync(200);
            byte[] buffer = new byte[1000];
            for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
            {
                await exchange.WriteAsync(buffer.AsMemory(0, count));
            }
        }));
        world.Link.Window = 500;
        StreamId id = world.Request("POST", hasBody: true);
        byte[] upload = [.. Enumerable.Range(0, 20_000).Select(i => (byte)(i * 7))];
        int sent = 0;
        world.Between = () =>
        {
            sent += world.Client.Write(id, upload.AsSpan(sent));
            if (sent == upload.Length)
            {
                world.Client.TryFinish(id);
            }
        };
        world.Run();
        Assert.IsLessThanOrEqualTo(520, sent);
        go.SetResult();
        world.Run();
        CollectionAssert.AreEqual(upload, world.Body(id));
        Assert.Contains(id, world.Ended);
    }

    /// <summary>Goal: delays end at their moment, on the clock that is given.</summary>
    [TestMethod]
    public void Delays_follow_the_clock()
    {
        HostWorld world = new(new Handler(async (exchange, _) =>
        {
            await exchange.DelayAsync(TimeSpan.FromSeconds(2));
            await exchange.RespondAsync(200);
        }));
        StreamId id = world.Request();
        world.Run();
        Assert.AreEqual(world.Now + TimeSpan.FromSeconds(2), world.Host.Deadline);
        world.Host.Tick(world.Now + TimeSpan.FromSeconds(1));
        world.Run();
        Assert.IsFalse(world.Responses.ContainsKey(id));
        world.RunToDeadline();
        Assert.AreEqual(200, world.Responses[id].Status);
        Assert.IsTrue(world.Host.Deadline.IsNever);
    }

    /// <summary>Goal: an early answer asks the client to stop, with H3_NO_ERROR, and the client still reads it all.</summary>
    [TestMethod]
    public void An_early_answer_stops_the_upload()
    {
        HostWorld world = new(new Handler((exchange, _) => exchange.RespondAsync(403, new Field("content-length", "0"))));
        StreamId id = world.Request("POST", hasBody: true);
        world.Run();
        Assert.AreEqual(403, world.Responses[id].Status);
        Assert.Contains(id, world.Ended);
        Assert.AreEqual((ulong)Http3ErrorCode.NoError, world.Link.Client.Sending[id].StopCode);
        Assert.IsEmpty(world.Client.Requests);
    }

    /// <summary>Goal: resetting requests does not buy more running handlers (S53, S54).</summary>
    [TestMethod]
    public void S54_reset_requests_count_while_their_handlers_run()
    {
        List<TaskCompletionSource> started = [];
        HostWorld world = new(new Handler(async (_, _) =>
        {
            started.Add(new());
            await started[^1].Task;
        }));
        for (int i = 0; i < Http3Limits.MaxRunningExchanges + 20; i++)
        {
            StreamId id = world.Request("POST", hasBody: true);
            world.Run();
            world.Client.Abort(id, Http3ErrorCode.RequestCancelled);
            world.Run();
        }

        Assert.AreEqual(Http3Limits.MaxRunningExchanges, started.Count);
        started.ForEach(handler => handler.SetResult());
        world.Run();
        Assert.IsTrue(world.Connection.IsIdle);
    }

    /// <summary>Goal: with handlers on the thread pool and the shard on another thread everything still arrives, delays included.</summary>
    [TestMethod]
    public void Handlers_run_on_the_thread_pool()
    {
        using ThreadedQueue queue = new();
        using ExchangeHost host = new(
            new Handler(async (exchange, _) =>
            {
                await exchange.DelayAsync(TimeSpan.FromMilliseconds(1));
                await exchange.RespondAsync(200);
                byte[] buffer = new byte[100];
                for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
                {
                    await exchange.WriteAsync(buffer.AsMemory(0, count));
                }
            }),
            queue,
            new());
        FakeLink link = new();
        ServerConnection server = new(host, link.Server);
        link.Server.Attach(server);
        server.Start();
        byte[] upload = [.. Enumerable.Range(0, 5000).Select(i => (byte)i)];
        StreamId[] ids = [.. Enumerable.Range(0, 10).Select(_ => link.Client.Send(false, [.. Frames.Request("POST"), .. Frames.Data(upload)], fin: true))];
        link.Run();
        while (server.HasRequests)
        {
            Assert.IsTrue(queue.RunOne(TimeSpan.FromSeconds(30)), "a handler is stuck");
            link.Run();
        }

        foreach (StreamId id in ids)
        {
            Assert.IsTrue(link.Server.Sending[id].FinDelivered);
            Assert.IsGreaterThan(upload.Length, link.Server.Sending[id].Delivered.Count);
        }
    }
}

/// <summary>Work from any thread, run by the thread of the test.</summary>
internal sealed class ThreadedQueue : Net.Http3.Sessions.IShardQueue, IDisposable
{
    private readonly System.Collections.Concurrent.BlockingCollection<Net.Core.Io.IShardWork> _work = [];
    private readonly System.Diagnostics.Stopwatch _clock = System.Diagnostics.Stopwatch.StartNew();

    public bool Post(Net.Core.Io.IShardWork work) => _work.TryAdd(work);

    public bool RunOne(TimeSpan patience)
    {
        bool any = _work.TryTake(out Net.Core.Io.IShardWork? work, patience);
        work?.Run(new(_clock.Elapsed.Ticks));
        return any;
    }

    public void Dispose() => _work.Dispose();
}
