using System.Runtime.CompilerServices;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Sessions;

namespace Net.Tests.Http3.Server;

/// <summary>Held handlers: a move that fails leaves no trace, one that succeeds runs each handler on elsewhere.</summary>
[TestClass]
public sealed class HoldTests
{
    private static readonly byte[] s_upload = [.. Enumerable.Range(0, 400).Select(i => (byte)(i * 3))];

    /// <summary>
    /// Goal: a duplex echo survives a move, or a move that fails, at every step.
    /// Method: at step k hold, run until quiet, then move (or release); then compare every byte, and the number of calls.
    /// </summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void An_echo_survives_a_move_at_every_step(bool succeeds)
    {
        int steps = EchoOnce(moveAt: -1, succeeds, out int calls);
        Assert.AreEqual(1, calls);
        Assert.IsGreaterThan(20, steps);
        int resumed = 0;
        for (int moveAt = 0; moveAt < steps; moveAt++)
        {
            EchoOnce(moveAt, succeeds, out calls);
            resumed += calls - 1;
        }

        // Nearly every step lies between the handler's begin and its end.
        Assert.IsTrue(succeeds ? resumed > steps / 2 : resumed == 0, $"{resumed} of {steps}");
    }

    private static int EchoOnce(int moveAt, bool succeeds, out int calls)
    {
        int called = 0, sent = 0, step = 0;
        IComponent echo = new ResumableHandler((exchange, _) =>
        {
            called++;
            return Echo(exchange);
        });
        HostWorld world = new(echo);
        world.Link.Window = 60;
        StreamId id = world.Request("POST", hasBody: true);
        world.Between = () =>
        {
            sent += world.Client.Write(id, s_upload.AsSpan(sent));
            if (sent == s_upload.Length)
            {
                world.Client.TryFinish(id);
            }

            if (step++ == moveAt)
            {
                world.Host.Hold();
            }
        };
        world.Run(23);
        if (world.Host.IsHeld)
        {
            Assert.IsTrue(world.Host.IsQuiet, $"step {moveAt}");
            if (succeeds)
            {
                world.Move(echo);
            }
            else
            {
                world.Host.Release(world.Now);
            }

            world.Run(23);
        }

        CollectionAssert.AreEqual(s_upload.Select(b => (byte)(b + 1)).ToArray(), world.Body(id), $"step {moveAt}");
        Assert.Contains(id, world.Ended);
        Assert.IsTrue(world.Connection.IsIdle);
        calls = called;
        return step;
    }

    /// <summary>
    /// Goal: a request in hand comes with one exchange, under its own number; anything else is refused, and nothing of it stands at the host.
    /// Method: sections are dropped, repeated, and put under another key.
    /// </summary>
    [TestMethod]
    public void A_request_in_hand_has_exactly_one_exchange()
    {
        IComponent echo = new ResumableHandler(static (exchange, _) => Echo(exchange));
        HostWorld world = new(echo);
        _ = world.Request("POST", hasBody: true);
        world.Run();
        world.Host.Hold();
        world.Run();
        List<SnapshotSection> sections = world.WriteDown();
        SnapshotSection exchange = sections.Single(static section => section.Number == SectionNumber.Http3Exchange);
        SnapshotSection[] others = [.. sections.Where(section => section != exchange)];
        using ExchangeHost host = world.NewHost(echo);
        IEnumerable<SnapshotSection>[] wrong =
        [
            others, [.. sections, exchange], [.. others, exchange with { Key = exchange.Key + 4 }],
            sections.Where(static section => section.Number != SectionNumber.Http3Request),
        ];
        foreach (IEnumerable<SnapshotSection> refused in wrong)
        {
            _ = Assert.ThrowsExactly<SnapshotException>(() => world.ReadBack(host, refused));
        }

        Assert.AreEqual(0, host.Connections.Count);
        _ = world.ReadBack(host, sections);
        Assert.AreEqual(1, host.Connections.Count);
    }

    /// <summary>Goal: after a move at one step nobody holds the abandoned handler: its memory goes.</summary>
    [TestMethod]
    public void Abandoned_handlers_are_collectible_and_never_go_on()
    {
        List<string> log = [];
        HostWorld world = new(new ResumableHandler((_, _) => default));
        WeakReference witness = Abandon(world, log);
        world.Run();
        for (int i = 0; i < 3 && witness.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.IsFalse(witness.IsAlive);
        CollectionAssert.AreEqual(new[] { "begin", "resumed" }, log);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Abandon(HostWorld world, List<string> log)
        {
            object treasure = new();
            HostWorld inner = new(new ResumableHandler(async (exchange, _) =>
            {
                object mine = treasure;
                log.Add("begin");
                try
                {
                    await exchange.ReadAsync(new byte[1]);
                    log.Add("went on");
                }
                finally
                {
                    log.Add($"finally {mine}");
                }
            }));
            inner.Request("POST", hasBody: true);
            inner.Run();
            inner.Host.Hold();
            inner.Run();
            inner.Move(new ResumableHandler(async (exchange, _) =>
            {
                log.Add("resumed");
                await exchange.RespondAsync(200);
            }));
            inner.Run();
            return new(treasure);
        }
    }

    /// <summary>Goal: requests that arrive while held wait; they run after a release, or at the destination as fresh ones.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Requests_that_arrive_while_held_wait(bool succeeds)
    {
        List<bool> resumed = [];
        IComponent component = new ResumableHandler((exchange, _) =>
        {
            resumed.Add(exchange.IsResumed);
            return exchange.RespondAsync(200);
        });
        HostWorld world = new(component);
        world.Host.Hold();
        StreamId id = world.Request(headers: new Field("x", "y"));
        world.Run();
        Assert.IsEmpty(resumed);
        Assert.IsTrue(world.Host.IsQuiet);
        if (succeeds)
        {
            world.Move(component);
        }
        else
        {
            world.Host.Release(world.Now);
        }

        world.Run();
        CollectionAssert.AreEqual(new[] { false }, resumed);
        Assert.AreEqual(200, world.Responses[id].Status);
    }

    /// <summary>Goal: a handler that works outside of an operation is not quiet; it is as soon as it awaits one.</summary>
    [TestMethod]
    public void Quiet_means_that_no_handler_runs()
    {
        TaskCompletionSource elsewhere = new();
        HostWorld world = new(new ResumableHandler(async (exchange, _) =>
        {
            await elsewhere.Task;
            await exchange.RespondAsync(200);
        }));
        StreamId id = world.Request();
        world.Run();
        world.Host.Hold();
        Assert.IsFalse(world.Host.IsQuiet);
        Assert.ThrowsExactly<InvalidOperationException>(() => world.Connection.Parts);
        elsewhere.SetResult();
        Assert.IsFalse(world.Host.IsQuiet, "the operation has not reached the shard yet");
        world.Run();
        Assert.IsTrue(world.Host.IsQuiet);
        Assert.IsFalse(world.Responses.ContainsKey(id));
        world.Host.Release(world.Now);
        world.Run();
        Assert.AreEqual(200, world.Responses[id].Status);
    }

    /// <summary>Goal: handlers of other components are not held: they end first, new ones wait.</summary>
    [TestMethod]
    public void Components_that_cannot_resume_must_end_first()
    {
        HostWorld world = new(new Handler(async (exchange, _) =>
        {
            await exchange.ReadAsync(new byte[1]);
            await exchange.RespondAsync(200);
        }));
        StreamId first = world.Request("POST", hasBody: true);
        world.Run();
        world.Host.Hold();
        StreamId second = world.Request("POST", hasBody: true);
        world.Client.TryFinish(second);
        world.Run();
        Assert.IsFalse(world.Host.IsQuiet);
        Assert.AreEqual(1, world.Host.RunningHandlers);
        world.Client.TryFinish(first);
        world.Run();
        Assert.AreEqual(200, world.Responses[first].Status);
        Assert.IsTrue(world.Host.IsQuiet);
        Assert.IsFalse(world.Responses.ContainsKey(second));
        world.Host.Release(world.Now);
        world.Run();
        Assert.AreEqual(200, world.Responses[second].Status);
    }

    /// <summary>Goal: a client that gives up while its handler is held is noticed after the release, and does not travel.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void An_abort_while_held_waits(bool succeeds)
    {
        List<string> log = [];
        IComponent component = new ResumableHandler(async (exchange, _) =>
        {
            log.Add(exchange.IsResumed ? "resumed" : "begun");
            try
            {
                await exchange.ReadAsync(new byte[1]);
            }
            catch (Http3RequestAbortedException)
            {
                log.Add("aborted");
            }
        });
        HostWorld world = new(component);
        StreamId id = world.Request("POST", hasBody: true);
        world.Run();
        world.Host.Hold();
        world.Client.Abort(id, Net.Http3.Wire.Http3ErrorCode.RequestCancelled);
        world.Run();
        Assert.HasCount(1, log);
        Assert.IsTrue(world.Host.IsQuiet);
        if (succeeds)
        {
            world.Move(component);
        }
        else
        {
            world.Host.Release(world.Now);
        }

        world.Run();
        CollectionAssert.AreEqual(succeeds ? ["begun"] : new[] { "begun", "aborted" }, log);
        Assert.IsTrue(world.Connection.IsIdle);
    }

    /// <summary>Goal: a delay that a move interrupts is not waited for twice.</summary>
    [TestMethod]
    public void A_delay_travels_with_what_is_left_of_it()
    {
        IComponent component = new ResumableHandler(async (exchange, _) =>
        {
            await exchange.DelayAsync(TimeSpan.FromSeconds(10));
            await exchange.RespondAsync(200);
            await exchange.DelayAsync(TimeSpan.FromSeconds(10));
        });
        HostWorld world = new(component);
        StreamId id = world.Request();
        world.Run();
        Instant begun = world.Now;
        world.Now += TimeSpan.FromSeconds(7);
        world.Host.Hold();
        Assert.IsTrue(world.Host.IsQuiet);
        Assert.IsTrue(world.Host.Deadline.IsNever);
        world.Move(component);
        world.Run();
        Assert.AreEqual(begun + TimeSpan.FromSeconds(10), world.Host.Deadline);
        world.RunToDeadline();
        Assert.AreEqual(200, world.Responses[id].Status);
        Assert.AreEqual(begun + TimeSpan.FromSeconds(20), world.Host.Deadline);
    }

    /// <summary>Goal: an exchange's state comes back with every field away from its default, and is refused when cut or contradictory.</summary>
    [TestMethod]
    public void An_exchange_comes_back_with_every_field()
    {
        Net.Http3.Wire.Http3Error error = RequestHead.TryRead(
            Messages.RequestHeadTests.Parse(":method=POST|:scheme=https|:authority=a|:path=/b?c|content-length=9|x=y"), out RequestHead? head);
        Assert.IsFalse(error.IsError);
        ExchangeState state = new(new(8), head!);
        state.OnStarted();
        state.OnRead(3);
        state.OnResponded(206);
        state.OnWritten(5);
        state.OnDelay(new(1234));
        state.Save([1, 2, 3]);
        state.KeepUnread(new byte[] { 7, 8 });
        state.OnInterim(100);
        state.OnInterim(103);
        state.OnTrailers(new(new Field("t", "1")));
        state.SetTrailers(new(new Field("u", "2")));
        Assert.AreEqual(11UL, state.Changes);
        SnapshotWriter writer = new(new Instant(1000));
        state.Export(writer);
        ExchangeState again = ExchangeState.Import(new(writer.Written, new Instant(5000)));
        Assert.AreEqual((8UL, "/b?c", 9L, true, true, 3L, 5L, 206, new Instant(5234)),
            (again.Id.Value, again.Head.Path, again.Head.ContentLength, again.HasRun, again.IsResumed, again.RequestOffset, again.ResponseOffset, again.ResponseStatus, again.DelayUntil));
        Assert.AreEqual("y", again.Head.Headers["x"]);
        CollectionAssert.AreEqual(new byte[] { 1, 2, 3 }, again.SavedState.ToArray());
        CollectionAssert.AreEqual(new byte[] { 7, 8 }, again.Unread.ToArray());
        Assert.AreEqual((2, true), (again.Interim, again.HasContinued));
        Assert.AreEqual(("1", "2"), (again.RequestTrailers!["t"], again.ResponseTrailers!["u"]));
        for (int cut = 0; cut < writer.Written.Length; cut++)
        {
            Assert.ThrowsExactly<SnapshotException>(() => ExchangeState.Import(new(writer.Written[..cut], default)));
        }
    }

    /// <summary>A duplex echo of bytes plus 1, as its contract asks: what was read and not yet taken by the transport is saved before each write.</summary>
    internal static async ValueTask Echo(Http3Exchange exchange)
    {
        byte[] buffer = new byte[40];
        if (!exchange.ResponseStarted)
        {
            await exchange.RespondAsync(200);
        }
        else if (exchange.SavedState.Length > 8)
        {
            // The saved state: the response offset at which its bytes begin, then the bytes.
            byte[] saved = exchange.SavedState.ToArray();
            int done = (int)(exchange.ResponseOffset - BitConverter.ToInt64(saved));
            if (done < saved.Length - 8)
            {
                await exchange.WriteAsync(saved.AsMemory(8 + done));
            }
        }

        for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
        {
            for (int i = 0; i < count; i++)
            {
                buffer[i]++;
            }

            exchange.SaveState([.. BitConverter.GetBytes(exchange.ResponseOffset), .. buffer.AsSpan(0, count)]);
            await exchange.WriteAsync(buffer.AsMemory(0, count));
        }
    }
}
