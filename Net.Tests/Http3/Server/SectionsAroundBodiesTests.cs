using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Wire;

namespace Net.Tests.Http3.Server;

/// <summary>What stands before and behind bodies: interim responses, 100 (Continue), trailers, and what statuses permit (RFC 9110).</summary>
[TestClass]
public sealed class SectionsAroundBodiesTests
{
    /// <summary>Goal: a component's trailers follow the body, the last ones that it set, and travel when they were set before a safe point.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Trailers_of_a_response_arrive(bool moves)
    {
        IComponent component = new ResumableHandler(async (exchange, _) =>
        {
            if (!exchange.IsResumed)
            {
                exchange.SetTrailers(new Field("x-sum", "1"));
                exchange.SetTrailers(new("x-sum", "2"), new("x-other", "3"));
                await exchange.RespondAsync(200, new Field("trailer", "x-sum"));
                await exchange.WriteAsync("body"u8.ToArray());
            }

            await exchange.ReadAsync(new byte[1]);
        });
        HostWorld world = new(component);
        StreamId id = world.Request("POST", hasBody: true);
        world.Run();
        if (moves)
        {
            world.Host.Hold();
            world.Run();
            world.Move(component);
        }

        Assert.IsFalse(world.Trailers.ContainsKey(id));
        world.Client.TryFinish(id);
        world.Run(3);
        Assert.Contains(id, world.Ended);
        CollectionAssert.AreEqual("body"u8.ToArray(), world.Body(id));
        CollectionAssert.AreEqual(new Field[] { new("x-sum", "2"), new("x-other", "3") }, world.Trailers[id].ToArray());
    }

    /// <summary>Goal: trailers that wait for the window, behind the end of their handler, are not lost when their connection moves.</summary>
    [TestMethod]
    public void Trailers_wait_for_the_window_and_move()
    {
        IComponent component = new ResumableHandler(async (exchange, _) =>
        {
            exchange.SetTrailers(new Field("x-long", new string('t', 300)));
            await exchange.RespondAsync(200);
        });
        HostWorld world = new(component);
        world.Link.Window = 40;
        StreamId id = world.Request();
        int step = 0;
        world.Between = () =>
        {
            if (step++ == 6)
            {
                world.Host.Hold();
                world.Move(component);
            }
        };
        world.Run(10);
        Assert.IsGreaterThan(6, step);
        Assert.Contains(id, world.Ended);
        Assert.AreEqual(300, world.Trailers[id]["x-long"]!.Length);
    }

    /// <summary>Goal: a client's trailers are there once the body was read, and still are after a move between their arrival and the end.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Trailers_of_a_request_are_readable(bool moves)
    {
        string? seen = null;
        IComponent component = new ResumableHandler(async (exchange, _) =>
        {
            if (!exchange.IsResumed)
            {
                Assert.IsNull(exchange.RequestTrailers);
                Assert.AreEqual(3, await exchange.ReadAsync(new byte[10]));
            }

            await exchange.DelayAsync(TimeSpan.FromSeconds(1));
            Assert.AreEqual(0, await exchange.ReadAsync(new byte[10]));
            seen = exchange.RequestTrailers?["x-sum"];
            await exchange.RespondAsync(200);
        });
        HostWorld world = new(component);
        StreamId id = world.Request("POST", hasBody: true);
        world.Client.Write(id, "abc"u8);
        world.Client.TryFinish(id, new(new Field("x-sum", "7")));
        world.Run();
        if (moves)
        {
            world.Host.Hold();
            world.Run();
            world.Move(component);
            world.Run();
        }

        world.RunToDeadline();
        Assert.AreEqual("7", seen);
        Assert.AreEqual(200, world.Responses[id].Status);
    }

    /// <summary>Goal: heads that end a response drop the trailers (RFC 9110, sections 9.3.2, 15.3.5 and 15.4.5).</summary>
    [TestMethod]
    [DataRow("HEAD", 200)]
    [DataRow("GET", 204)]
    [DataRow("GET", 304)]
    [DataRow("CONNECT", 200)]
    public void Responses_that_end_with_their_head_have_no_trailers(string method, int status)
    {
        HostWorld world = new(new Handler((exchange, _) =>
        {
            exchange.SetTrailers(new Field("x", "y"));
            return exchange.RespondAsync(status);
        }));
        StreamId id = method == "CONNECT" ? Connect(world) : world.Request(method);
        world.Run();
        Assert.AreEqual(status, world.Responses[id].Status);
        Assert.Contains(id, world.Ended);
        Assert.IsEmpty(world.Trailers);
    }

    /// <summary>Goal: malformed trailers are the component's mistake at once; those that the client does not take end the response with an error, not as if it were whole.</summary>
    [TestMethod]
    public void Trailers_have_rules_and_limits()
    {
        HostWorld world = new(new Handler((exchange, _) =>
        {
            Assert.ThrowsExactly<ArgumentException>(() => exchange.SetTrailers(new Field(":status", "200")));
            Assert.ThrowsExactly<ArgumentException>(() => exchange.SetTrailers(new Field("Upper", "x")));
            Assert.ThrowsExactly<ArgumentException>(() => exchange.SetTrailers(new Field("x", new string('x', Http3Limits.MaxFieldSectionSize))));
            exchange.SetTrailers(new Field("x", new string('x', 1000)));
            return exchange.RespondAsync(200);
        }));
        world.Run();
        world.Connection.Session.State.PeerSettings = world.Connection.Session.State.PeerSettings with { MaxFieldSectionSize = 500 };
        StreamId id = world.Request();
        world.Run();
        Assert.AreEqual((ulong)Http3ErrorCode.InternalError, world.Aborted[id]);
    }

    /// <summary>Goal: hints come before the response, in order; how many, and when, is limited, and the count travels.</summary>
    [TestMethod]
    public void Interim_responses_come_first()
    {
        int checks = 0;
        IComponent component = new ResumableHandler(async (exchange, _) =>
        {
            if (!exchange.IsResumed)
            {
                await Assert.ThrowsExactlyAsync<ArgumentOutOfRangeException>(async () => await exchange.RespondInterimAsync(200));
                await Assert.ThrowsExactlyAsync<ArgumentException>(async () => await exchange.RespondInterimAsync(101));
                await Assert.ThrowsExactlyAsync<ArgumentException>(async () => await exchange.RespondInterimAsync(103, new Field("content-length", "0")));
                await exchange.RespondInterimAsync(103, new Field("link", "</a.css>; rel=preload"));
                await exchange.RespondInterimAsync(102);
            }

            await exchange.ReadAsync(new byte[1]);
            for (int i = 2; i < Http3Limits.MaxInterimResponses; i++)
            {
                await exchange.RespondInterimAsync(102);
            }

            await Assert.ThrowsExactlyAsync<InvalidOperationException>(async () => await exchange.RespondInterimAsync(103));
            await exchange.RespondAsync(200);
            await Assert.ThrowsExactlyAsync<InvalidOperationException>(async () => await exchange.RespondInterimAsync(103));
            checks++;
        });
        HostWorld world = new(component);
        StreamId id = world.Request("POST", hasBody: true);
        world.Run();
        CollectionAssert.AreEqual(new[] { 103, 102 }, world.Interim);
        Assert.IsFalse(world.Responses.ContainsKey(id));
        world.Host.Hold();
        world.Run();
        world.Move(component);
        world.Client.TryFinish(id);
        world.Run();
        Assert.AreEqual(1, checks);
        Assert.HasCount(Http3Limits.MaxInterimResponses, world.Interim);
        Assert.AreEqual(200, world.Responses[id].Status);
    }

    /// <summary>Goal: 100 (Continue) is sent when the handler wants content that has not come, once, also across a move (RFC 9110, section 10.1.1).</summary>
    [TestMethod]
    public void Continue_is_sent_when_content_is_wanted()
    {
        IComponent component = new ResumableHandler(async (exchange, _) =>
        {
            if (!exchange.IsResumed)
            {
                await exchange.DelayAsync(TimeSpan.FromSeconds(1));
            }

            await exchange.ReadAsync(new byte[1]);
            await exchange.RespondAsync(200);
        });
        HostWorld world = new(component);
        StreamId id = world.Request("POST", hasBody: true, headers: new Field("expect", "100-Continue"));
        world.Run();
        Assert.IsEmpty(world.Interim);
        world.RunToDeadline();
        CollectionAssert.AreEqual(new[] { 100 }, world.Interim);
        world.Host.Hold();
        world.Run();
        world.Move(component);
        world.Run();
        world.Client.Write(id, "x"u8);
        world.Client.TryFinish(id);
        world.Run();
        CollectionAssert.AreEqual(new[] { 100 }, world.Interim);
        Assert.AreEqual(200, world.Responses[id].Status);
    }

    /// <summary>Goal: no 100 where it is of no use: the content is there, it is not wanted, or nobody has asked.</summary>
    [TestMethod]
    [DataRow("100-continue", true, true)]
    [DataRow("100-continue", false, false)]
    [DataRow(null, true, false)]
    public void Continue_is_not_sent_for_nothing(string? expect, bool reads, bool sends)
    {
        HostWorld world = new(new Handler(async (exchange, _) =>
        {
            if (reads)
            {
                await exchange.ReadAsync(new byte[1]);
            }

            await exchange.RespondAsync(413);
        }));
        StreamId id = world.Request("POST", hasBody: true, headers: expect is null ? [] : [new("expect", expect)]);
        if (sends)
        {
            world.Client.Write(id, "x"u8);
        }

        world.Run();
        Assert.IsEmpty(world.Interim);
        Assert.AreEqual(reads && !sends, !world.Responses.ContainsKey(id));
    }

    /// <summary>Goal: lengths where none may be announced are refused (RFC 9110, sections 8.6 and 15.3.6), and content where there is none.</summary>
    [TestMethod]
    [DataRow("GET", 204, "0")]
    [DataRow("GET", 205, "1")]
    [DataRow("CONNECT", 200, "5")]
    public void Statuses_without_content_announce_none(string method, int status, string length)
    {
        int checks = 0;
        HostWorld world = new(new Handler(async (exchange, _) =>
        {
            await Assert.ThrowsExactlyAsync<ArgumentException>(async () => await exchange.RespondAsync(status, new Field("content-length", length)));
            await exchange.RespondAsync(status);
            if (method == "GET")
            {
                await Assert.ThrowsExactlyAsync<InvalidOperationException>(async () => await exchange.WriteAsync(new byte[1]));
            }

            checks++;
        }));
        StreamId id = method == "GET" ? world.Request() : Connect(world);
        world.Run();
        Assert.AreEqual(1, checks);
        Assert.AreEqual(status, world.Responses[id].Status);
    }

    /// <summary>Goal: a 304 may tell the length of what it does not send (RFC 9110, section 8.6).</summary>
    [TestMethod]
    public void Not_modified_may_tell_a_length()
    {
        HostWorld world = new(new Handler((exchange, _) => exchange.RespondAsync(304, new Field("content-length", "9"))));
        StreamId id = world.Request();
        world.Run();
        Assert.AreEqual("9", world.Responses[id].Headers["content-length"]);
        Assert.Contains(id, world.Ended);
    }

    /// <summary>Goal: a server with a clock dates final responses, its own answers too, and leaves a component's date alone (RFC 9110, section 6.6.1).</summary>
    [TestMethod]
    public void Responses_have_a_date()
    {
        HostWorld world = new(
            new Handler(async (exchange, _) =>
            {
                await exchange.RespondInterimAsync(103);
                await exchange.RespondAsync(200, new FieldSection(exchange.Path == "/own" ? [new Field("date", "mine")] : []));
            }),
            new() { Inline = true, Date = () => "now", Serves = authority => authority != "other.test" });
        StreamId dated = world.Request(), own = world.Request(path: "/own"), refused = world.Request(authority: "other.test");
        world.Run();
        Assert.AreEqual(("now", "mine", "now"), (world.Responses[dated].Headers["date"], world.Responses[own].Headers["date"], world.Responses[refused].Headers["date"]));
    }

    /// <summary>Goal: the text is that of RFC 9110, section 5.6.7, and follows the clock.</summary>
    [TestMethod]
    public void A_date_is_written_as_the_rfc_says()
    {
        Clock clock = new();
        HttpDate date = new(clock);
        Assert.AreEqual("Sun, 06 Nov 1994 08:49:37 GMT", date.Text());
        Assert.AreSame(date.Text(), date.Text());
        clock.Now += TimeSpan.FromSeconds(1);
        Assert.AreEqual("Sun, 06 Nov 1994 08:49:38 GMT", date.Text());
    }

    /// <summary>Goal: a client's stream is its own again when the handler has ended, not when the client gave up (checklist S53, S54); a move forgets what still ran.</summary>
    [TestMethod]
    public void A_stream_is_held_until_its_handler_has_ended()
    {
        TaskCompletionSource work = new();
        IComponent component = new ResumableHandler(async (exchange, _) =>
        {
            if (exchange.Path == "/slow")
            {
                await work.Task;
            }

            await exchange.RespondAsync(200);
        });
        HostWorld world = new(component);
        StreamId slow = world.Request(path: "/slow"), fast = world.Request();
        world.Run();
        CollectionAssert.AreEqual(new[] { slow }, world.Link.Server.Held.ToArray());
        Assert.Contains(fast, world.Ended);
        world.Client.Abort(slow, Http3ErrorCode.RequestCancelled);
        world.Run();
        CollectionAssert.AreEqual(new[] { slow }, world.Link.Server.Held.ToArray());
        world.Host.Hold();
        StreamId waiting = world.Request();
        world.Run();
        CollectionAssert.AreEquivalent(new[] { slow, waiting }, world.Link.Server.Held.ToArray());
        world.Client.Abort(waiting, Http3ErrorCode.RequestCancelled);
        world.Run();
        CollectionAssert.AreEqual(new[] { slow }, world.Link.Server.Held.ToArray());
        world.Host.Release(world.Now);
        work.SetResult();
        world.Run();
        Assert.IsEmpty(world.Link.Server.Held);
    }

    /// <summary>Goal: what a move leaves behind does not hold streams at the destination.</summary>
    [TestMethod]
    public void A_move_lets_go_of_streams_whose_handlers_stay_behind()
    {
        IComponent component = new ResumableHandler(async (exchange, _) =>
        {
            await exchange.ReadAsync(new byte[1]);
            await exchange.RespondAsync(200);
        });
        HostWorld world = new(component);
        StreamId gone = world.Request("POST", hasBody: true), stays = world.Request("POST", hasBody: true);
        world.Run();
        world.Host.Hold();
        world.Client.Abort(gone, Http3ErrorCode.RequestCancelled);
        world.Run();
        CollectionAssert.AreEquivalent(new[] { gone, stays }, world.Link.Server.Held.ToArray());
        world.Move(component);
        CollectionAssert.AreEqual(new[] { stays }, world.Link.Server.Held.ToArray());
    }

    private static StreamId Connect(HostWorld world)
    {
        Assert.IsTrue(world.Client.TryOpenRequest(new("CONNECT", "", "web.test:443", "", []), hasBody: true, out StreamId id));
        return id;
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(1994, 11, 6, 8, 49, 37, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
