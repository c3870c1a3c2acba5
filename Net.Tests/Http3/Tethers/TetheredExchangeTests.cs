using System.Text;
using Net.Core.Wire;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Tethers;
using Net.Http3.Wire;
using Net.Tests.Http3.Server;

namespace Net.Tests.Http3.Tethers;

/// <summary>What a handler can do with an exchange whose connection has moved away, and what it cannot.</summary>
[TestClass]
public sealed class TetheredExchangeTests
{
    private readonly DirectCarrier _carrier = new();

    /// <summary>One for each waiter: several waiters of one would not all go on in this thread.</summary>
    private readonly List<TaskCompletionSource> _moved = [];

    /// <summary>Goal: all parts of a message go through: interim responses, head, body, trailers, both ways; the client's credit holds the handler back.</summary>
    [TestMethod]
    public void A_whole_message_goes_through()
    {
        byte[] upload = [.. Enumerable.Range(0, 40_000).Select(i => (byte)(i * 7))];
        string? trailer = null;
        HostWorld world = World(async (exchange, _) =>
        {
            await MovedAsync();
            Assert.IsTrue(exchange.IsTethered);
            await exchange.RespondInterimAsync(103, ("link", "</style.css>"));
            await exchange.RespondAsync(200, ("x-kind", "tethered"));
            byte[] buffer = new byte[3000];
            for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
            {
                await exchange.WriteAsync(buffer.AsMemory(0, count));
            }

            trailer = exchange.RequestTrailers?["x-end"];
            exchange.SetTrailers(("x-sum", "42"));
        });
        world.Link.Window = 9_000;
        StreamId id = world.Request("POST", hasBody: true);
        int sent = 0;
        bool isEnded = false;
        Run(world, () =>
        {
            sent += world.Client.Write(id, upload.AsSpan(sent));
            if (sent == upload.Length && !isEnded)
            {
                isEnded = world.Client.TryFinish(id, new(("x-end", "yes")));
            }
        });
        Assert.AreEqual("yes", trailer);
        CollectionAssert.AreEqual(new[] { 103 }, world.Interim);
        Assert.AreEqual("tethered", world.Responses[id].Headers["x-kind"]);
        CollectionAssert.AreEqual(upload, world.Body(id));
        Assert.AreEqual("42", world.Trailers[id]["x-sum"]);
        Assert.IsTrue(world.Connection.IsIdle);
        Assert.AreEqual(0, _carrier.Stayed);
    }

    /// <summary>Goal: a response that has begun before the move goes on behind it; its length is still held to.</summary>
    [TestMethod]
    [DataRow(10, false)]
    [DataRow(9, true)]
    public void A_begun_response_goes_on(int length, bool isReset)
    {
        Exception? fault = null;
        HostWorld world = World(async (exchange, _) =>
        {
            await exchange.RespondAsync(200, ("content-length", "10"));
            await exchange.WriteAsync("01234"u8.ToArray());
            await MovedAsync();
            fault = await Assert.ThrowsAsync<InvalidOperationException>(async () => await exchange.WriteAsync(new byte[6]));
            await exchange.WriteAsync(Encoding.ASCII.GetBytes("56789"[..(length - 5)]));
        });
        StreamId id = world.Request();
        Run(world);
        Assert.IsNotNull(fault);
        Assert.AreEqual(isReset, world.Aborted.ContainsKey(id));
        // A reset overtakes what was not read.
        Assert.AreEqual(isReset ? "01234" : "0123456789", Encoding.ASCII.GetString(world.Body(id)));
        Assert.AreEqual(0, _carrier.Stayed);
    }

    /// <summary>Goal: a handler that fails is answered for as anywhere: 500 before a response, a reset of it after; HEAD has no body.</summary>
    [TestMethod]
    public void A_handler_that_fails_is_answered_for()
    {
        List<Exception> faults = [];
        HostWorld world = World(
            async (exchange, _) =>
            {
                if (exchange.Path == "/late")
                {
                    await exchange.RespondAsync(200);
                }

                await MovedAsync();
                if (exchange.Method == "HEAD")
                {
                    await exchange.RespondAsync(200, ("content-length", "4"));
                    await exchange.WriteAsync(new byte[4]);
                    return;
                }

                throw new NotSupportedException();
            },
            faults.Add);
        StreamId early = world.Request(), late = world.Request(path: "/late"), head = world.Request("HEAD");
        Run(world);
        Assert.AreEqual(500, world.Responses[early].Status);
        Assert.Contains(early, world.Ended);
        Assert.AreEqual((ulong)Http3ErrorCode.InternalError, world.Aborted[late]);
        Assert.AreEqual("4", world.Responses[head].Headers["content-length"]);
        Assert.Contains(head, world.Ended);
        Assert.HasCount(2, faults);
        Assert.AreEqual(0, _carrier.Stayed);
    }

    /// <summary>Goal: a handler that waits for content still has 100 (Continue) sent.</summary>
    [TestMethod]
    public void Content_that_waits_is_asked_for()
    {
        HostWorld world = World(async (exchange, _) =>
        {
            await MovedAsync();
            int count = await exchange.ReadAsync(new byte[10]);
            await exchange.RespondAsync(200, ("x-count", $"{count}"));
        });
        StreamId id = world.Request("POST", hasBody: true, headers: [("expect", "100-continue")]);
        bool isSent = false;
        Run(world, () =>
        {
            if (!isSent && world.Interim.Contains(100))
            {
                world.Client.Write(id, new byte[4]);
                isSent = world.Client.TryFinish(id);
            }
        });
        Assert.AreEqual("4", world.Responses[id].Headers["x-count"]);
    }

    /// <summary>Goal: a client that gives up is told to the handler by its token and its operations, wherever that is.</summary>
    [TestMethod]
    public void A_client_that_gives_up_is_told()
    {
        bool wasCancelled = false;
        HostWorld world = World(async (exchange, cancellation) =>
        {
            await MovedAsync();
            await Assert.ThrowsAsync<Http3RequestAbortedException>(async () => await exchange.ReadAsync(new byte[10]));
            wasCancelled = cancellation.IsCancellationRequested;
        });
        StreamId id = world.Request("POST", hasBody: true);
        Run(world);
        world.Client.Abort(id, Http3ErrorCode.RequestCancelled);
        Settle(world);
        Assert.IsTrue(wasCancelled);
        Assert.AreEqual(0, _carrier.Stayed);
        Assert.IsTrue(world.Connection.IsIdle);
    }

    /// <summary>
    /// Goal: a body for which the handler waits has to come as fast after the move as before it (S60): else 408, or a reset when the response has begun. One
    /// that comes fast enough is left alone, and so is one for which nobody waits.
    /// </summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void S60_a_slow_body_is_timed_out(bool hasResponded)
    {
        Http3ErrorCode? seen = null;
        TaskCompletionSource mayRead = new();
        Http3ServerLimits limits = new() { MinRequestBodyRate = new(100, TimeSpan.FromSeconds(5)) };
        HostWorld world = World(
            async (exchange, _) =>
            {
                if (hasResponded)
                {
                    await exchange.RespondAsync(200);
                }

                await mayRead.Task;
                seen = (await Assert.ThrowsExactlyAsync<Http3RequestAbortedException>(async () =>
                {
                    while (await exchange.ReadAsync(new byte[1000]) > 0)
                    {
                    }
                })).ErrorCode;
            },
            limits: limits);
        StreamId id = world.Request("POST", hasBody: true);
        Run(world);
        Advance(world, id, seconds: 30, bytes: 0);
        mayRead.SetResult();
        Advance(world, id, seconds: 20, bytes: 110);
        Assert.IsNull(seen);
        Advance(world, id, seconds: 12, bytes: 30);
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
        Assert.AreEqual(0, _carrier.Stayed);
    }

    /// <summary>Goal: a handler's node that gives it up tells the owner at once, or with the next link: the request does not wait for a patience to end.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void A_handler_that_is_given_up_is_told_to_the_client(bool betweenLinks)
    {
        TaskCompletionSource never = new();
        HostWorld world = World(async (_, cancellation) => await never.Task.WaitAsync(cancellation));
        StreamId id = world.Request();
        Run(world);
        TetherServer server = _carrier.Servers.Single();
        server.GiveUp(Http3ErrorCode.InternalError);
        if (betweenLinks)
        {
            // What it says now is lost.
            Assert.IsTrue(server.TryTake(out _));
            _carrier.Attach(world.Connection);
        }
        else
        {
            _carrier.OnChanged(server);
        }

        while (_carrier.Run())
        {
            world.Run();
        }

        world.Run();
        Assert.AreEqual((ulong)Http3ErrorCode.InternalError, world.Aborted[id]);
        Assert.IsTrue(world.Connection.IsIdle);
    }

    /// <summary>Goal: fields larger than what a tether may hold go through, however little that is.</summary>
    [TestMethod]
    public void A_large_head_goes_through_a_small_window()
    {
        string large = new('x', 60_000);
        HostWorld world = World(async (exchange, _) =>
        {
            await MovedAsync();
            await exchange.RespondAsync(200, ("x-large", large));
            await exchange.WriteAsync(new byte[100_000]);
            exchange.SetTrailers(("x-end", large));
        });
        StreamId id = world.Request();
        world.Run();
        world.Host.Hold();
        world.Move(new Handler((_, _) => throw new InvalidOperationException("nothing begins here")));
        world.Connection.Tethers.Single().Window = TetherLimits.MinWindow;
        _carrier.Attach(world.Connection);
        _moved.ForEach(moved => moved.SetResult());
        Settle(world);
        Assert.AreEqual(large, world.Responses[id].Headers["x-large"]);
        Assert.HasCount(100_000, world.Body(id));
        Assert.AreEqual(large, world.Trailers[id]["x-end"]);
        Assert.IsTrue(_carrier.Said.OfType<TetherAttach>().First().Limit <= TetherLimits.MinWindow);
    }

    /// <summary>Goal: one whose stream was reset before the move is told to end, and nobody is tied to it.</summary>
    [TestMethod]
    public void A_handler_without_a_request_is_told_to_end()
    {
        bool wasCancelled = false;
        HostWorld world = World(async (exchange, cancellation) =>
        {
            await MovedAsync();
            wasCancelled = cancellation.IsCancellationRequested;
        });
        StreamId id = world.Request("POST", hasBody: true);
        world.Run();
        world.Client.Abort(id, Http3ErrorCode.RequestCancelled);
        Run(world);
        Assert.IsTrue(wasCancelled);
        Assert.IsEmpty(_carrier.Said);
    }

    /// <summary>Goal: requests whose handler had not begun are handled at the destination, from their first byte.</summary>
    [TestMethod]
    public void What_has_not_begun_begins_elsewhere()
    {
        int here = 0, there = 0;
        HostWorld world = World((_, _) =>
        {
            here++;
            return default;
        });
        world.Host.Hold();
        StreamId id = world.Request();
        world.Run();
        world.Move(new Handler(async (exchange, _) =>
        {
            there++;
            Assert.IsFalse(exchange.IsResumed);
            await exchange.RespondAsync(204);
        }));
        world.Run();
        Assert.AreEqual((0, 1), (here, there));
        Assert.AreEqual(204, world.Responses[id].Status);
    }

    /// <summary>Goal: state is left before it is written down, waited for while a move is decided, and refused when it has gone.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void State_is_entered_while_it_is_here(bool moves)
    {
        TaskCompletionSource leave = new(), enter = new();
        List<string> log = [];
        HostWorld world = World(async (exchange, _) =>
        {
            using (await exchange.EnterStateAsync())
            {
                log.Add("inside");
                await leave.Task;
            }

            await enter.Task;
            try
            {
                using StateLease lease = await exchange.EnterStateAsync();
                log.Add("again");
            }
            catch (ComponentMovedException)
            {
                log.Add("moved");
            }

            await exchange.RespondAsync(200);
        });
        StreamId id = world.Request();
        world.Run();
        world.Host.Hold();
        Assert.IsFalse(world.Host.IsQuiet, "somebody is inside");
        leave.SetResult();
        Assert.IsTrue(world.Host.IsQuiet);
        enter.SetResult();
        CollectionAssert.AreEqual(new[] { "inside" }, log, "nobody enters meanwhile");
        if (moves)
        {
            world.Move(new Handler((_, _) => default));
            _carrier.Attach(world.Connection);
        }
        else
        {
            world.Host.Release(world.Now);
        }

        Settle(world);
        CollectionAssert.AreEqual(new[] { "inside", moves ? "moved" : "again" }, log);
        Assert.AreEqual(200, world.Responses[id].Status);
    }

    /// <summary>Goal: a handler that ends while it is held is written down as one that runs, and its response is completed from where it is.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void A_handler_may_end_in_a_freeze(bool moves)
    {
        TaskCompletionSource end = new();
        HostWorld world = World(async (exchange, _) =>
        {
            await exchange.RespondAsync(200);
            await exchange.WriteAsync("text"u8.ToArray());
            await end.Task;
        });
        StreamId id = world.Request();
        world.Run();
        world.Host.Hold();
        end.SetResult();
        world.Run();
        Assert.DoesNotContain(id, world.Ended, "held");
        if (moves)
        {
            world.Move(new Handler((_, _) => default));
            _carrier.Attach(world.Connection);
        }
        else
        {
            world.Host.Release(world.Now);
        }

        Settle(world);
        Assert.Contains(id, world.Ended);
        Assert.AreEqual("text", Encoding.ASCII.GetString(world.Body(id)));
        Assert.AreEqual(0, _carrier.Stayed);
    }

    private HostWorld World(Func<Http3Exchange, CancellationToken, ValueTask> handle, Action<Exception>? onFault = null, Http3ServerLimits? limits = null) =>
        new(new Handler(handle), new() { Inline = true, Running = RunningRequests.Tether, Tethers = _carrier, OnFault = onFault, Limits = limits });

    private void Advance(HostWorld world, StreamId id, int seconds, int bytes)
    {
        for (int i = 0; i < seconds; i++)
        {
            world.Client.Write(id, new byte[bytes]);
            Settle(world);
            _carrier.Watch(TimeSpan.FromSeconds(1));
            Settle(world);
        }
    }

    private Task MovedAsync()
    {
        _moved.Add(new());
        return _moved[^1].Task;
    }

    /// <summary>Moves the connection away from its handlers, and lets them know.</summary>
    private void Run(HostWorld world, Action? between = null)
    {
        world.Run();
        world.Host.Hold();
        world.Move(new Handler((_, _) => throw new InvalidOperationException("nothing begins here")));
        _carrier.Attach(world.Connection);
        world.Between = between ?? world.Between;
        Settle(world);
        foreach (TaskCompletionSource moved in _moved.ToArray())
        {
            moved.SetResult();
        }

        Settle(world);
    }

    private void Settle(HostWorld world)
    {
        do
        {
            world.Run();
        }
        while (_carrier.Run());
    }
}
