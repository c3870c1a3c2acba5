using Net.Core.Wire;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Wire;
using Net.Tests.Http3.Tethers;

namespace Net.Tests.Http3.Server;

/// <summary>One connection while its component goes back: which requests go on, which are reset, and what becomes of their handlers.</summary>
[TestClass]
public sealed class RollBackTests
{
    private readonly Dictionary<string, TaskCompletionSource> _signals = [];
    private readonly List<string> _log = [];

    /// <summary>Goal: a handler that was reset, or begins again, never runs on where it was; a request without a handler yet waits, and is handled.</summary>
    [TestMethod]
    public void Handlers_that_are_resumed_begin_again_and_others_are_left()
    {
        HostWorld world = new(new ResumableHandler(async (exchange, _) =>
        {
            string saved = System.Text.Encoding.ASCII.GetString(exchange.SavedState.Span);
            _log.Add($"{exchange.Path} begins at '{saved}'");
            for (int step = saved.Length; ; step++)
            {
                await exchange.DelayAsync(TimeSpan.FromTicks(10));
                _log.Add($"{exchange.Path} runs");
                exchange.SaveState(new byte[step + 1].Select(_ => (byte)'x').ToArray());
                if (exchange.Path == "/writes")
                {
                    await (exchange.ResponseStarted ? exchange.WriteAsync(new byte[1]) : exchange.RespondAsync(200));
                }
            }
        }));
        StreamId quiet = world.Request(path: "/quiet"), writes = world.Request(path: "/writes");
        world.Run();
        world.RunToDeadline();
        ConnectionCheckpoint checkpoint = Take(world, Hold(world));
        Release(world);
        StreamId since = world.Request(path: "/since");
        world.Run();
        world.RunToDeadline();
        world.RunToDeadline();
        Hold(world);
        StreamId unhandled = world.Request(path: "/unhandled");
        world.Run();
        _log.Clear();
        Assert.AreEqual((1, 2), RollBack(world, checkpoint));
        Release(world);
        CollectionAssert.AreEqual(new[] { "/quiet begins at 'x'", "/unhandled begins at ''" }, _log.Where(line => line.Contains("begins", StringComparison.Ordinal)).ToArray());
        Assert.AreEqual((ulong)Http3ErrorCode.InternalError, world.Aborted[writes]);
        Assert.AreEqual((ulong)Http3ErrorCode.InternalError, world.Aborted[since]);
        Assert.HasCount(2, world.Connection.Exchanges);
        Assert.IsFalse(world.Aborted.ContainsKey(quiet) || world.Aborted.ContainsKey(unhandled));
        for (int i = 0; i < 4; i++)
        {
            world.RunToDeadline();
        }

        Assert.IsFalse(_log.Contains("/writes runs") || _log.Contains("/since runs"), "nothing of the others runs on");
        Assert.Contains("/quiet runs", _log);
        CollectionAssert.AreEquivalent(new[] { quiet, unhandled }, world.Link.Server.Held.ToArray(), "their streams are given back");
    }

    /// <summary>Goal: a whole response that was answered since and has not arrived is reset, one of before is not, nor one that has arrived.</summary>
    [TestMethod]
    public void Whole_responses_that_have_not_arrived_are_reset()
    {
        HostWorld world = new(new ResumableHandler(async (exchange, _) =>
        {
            await exchange.RespondAsync(200);
            await exchange.WriteAsync(new byte[20]);
        }));
        StreamId arrived = world.Request();
        world.Run();
        world.ReadsAtMost = 0;
        StreamId before = world.Request();
        world.Run();
        ConnectionCheckpoint checkpoint = Take(world, Hold(world));
        Release(world);
        StreamId since = world.Request();
        world.Run();
        Hold(world);
        ulong unread = world.Link.Server.Unacknowledged(since);
        Assert.IsGreaterThan(0ul, unread);
        (int resumed, int reset) = RollBack(world, checkpoint);
        Release(world);
        Assert.AreEqual((0, 1), (resumed, reset));
        Assert.AreEqual((ulong)Http3ErrorCode.InternalError, world.Aborted[since]);
        Assert.IsFalse(world.Aborted.ContainsKey(before) || world.Aborted.ContainsKey(arrived));
    }

    /// <summary>Goal: what handlers save cannot make a checkpoint too large: what has no room is left out, and is reset by a roll-back.</summary>
    [TestMethod]
    public void A_connection_has_its_share_of_a_checkpoint()
    {
        HostWorld world = new(new ResumableHandler(async (exchange, _) =>
        {
            exchange.SaveState(new byte[ConnectionCheckpoint.MaxLength / 2]);
            await exchange.DelayAsync(TimeSpan.FromDays(1));
        }));
        _ = world.Request();
        _ = world.Request();
        world.Run();
        ConnectionCheckpoint checkpoint = Take(world, Hold(world));
        Assert.HasCount(1, checkpoint.Exchanges);
        Assert.IsLessThanOrEqualTo(ConnectionCheckpoint.MaxLength, checkpoint.Length);
        Assert.AreEqual((1, 1), RollBack(world, checkpoint));
    }

    /// <summary>
    /// Goal: what is told in any case is told without room, and a request that says more than may be read back is left out: neither fails a roll-back or a move.
    /// Method: a client that waits for 100 (Continue), whose handler has sent as many interim responses as there may be before it reads.
    /// </summary>
    [TestMethod]
    public void What_cannot_be_read_back_is_not_kept()
    {
        HostWorld world = new(new ResumableHandler(async (exchange, _) =>
        {
            for (int i = 0; i < Http3Limits.MaxInterimResponses; i++)
            {
                await exchange.RespondInterimAsync(103);
            }

            await exchange.ReadAsync(new byte[1]);
        }));
        StreamId id = world.Request("POST", hasBody: true, headers: ("expect", "100-continue"));
        world.Run();
        Assert.AreEqual(Http3Limits.MaxInterimResponses, world.Connection.Exchanges.Single().State.Interim, "there is no room for one more");
        Assert.HasCount(1, Take(world, Hold(world)).Exchanges);
        ConnectionCheckpoint without = world.Connection.TakeCheckpoint();
        world.Connection.AddExchanges(without, room: 10, world.Now);
        Assert.IsTrue(without.IsEmpty);
        Assert.AreEqual((0, 1), RollBack(world, without));
        Release(world);
        Assert.AreEqual((ulong)Http3ErrorCode.InternalError, world.Aborted[id]);
    }

    /// <summary>Goal: a roll-back of many requests is not counted as a client that gives many up.</summary>
    [TestMethod]
    public void Resets_are_not_the_clients()
    {
        HostWorld world = new(
            new ResumableHandler(async (exchange, _) => await exchange.DelayAsync(TimeSpan.FromDays(1))),
            new() { Inline = true, Limits = new() { MaxCancelledRequests = 3 } });
        for (int i = 0; i < 10; i++)
        {
            _ = world.Request();
        }

        world.Run();
        Hold(world);
        Assert.AreEqual((0, 10), RollBack(world, new()));
        Release(world);
        Assert.HasCount(10, world.Aborted);
        Assert.IsNull(world.Link.Server.Closed);
    }

    /// <summary>
    /// Goal: of handlers of ordinary code, those that have entered the state since are told and get in no more, also when they waited at the door; others
    /// go on.
    /// </summary>
    [TestMethod]
    public void Handlers_that_have_entered_the_state_are_barred()
    {
        List<string> refused = [];
        HostWorld world = new(
            new GatedHandler(async (exchange, _) =>
            {
                foreach (string step in exchange.Path[1..].Split('/'))
                {
                    if (step.StartsWith("wait", StringComparison.Ordinal))
                    {
                        await Signal(step).Task;
                        continue;
                    }

                    try
                    {
                        using (await exchange.EnterStateAsync())
                        {
                            _log.Add(step);
                        }
                    }
                    catch (Http3RequestAbortedException e)
                    {
                        Assert.AreEqual(Http3ErrorCode.InternalError, e.ErrorCode);
                        refused.Add(step);
                    }
                }

                await exchange.RespondAsync(204);
            }),
            new() { Inline = true, Running = RunningRequests.Tether, Tethers = new DirectCarrier() });
        StreamId never = world.Request(path: "/wait1"), before = world.Request(path: "/early/wait2");
        world.Run();
        Hold(world);
        world.Host.State.Checkpoint = 1;
        ConnectionCheckpoint checkpoint = Take(world, world.Connection);
        Release(world);
        StreamId since = world.Request(path: "/late/wait3/again"), fresh = world.Request(path: "/wait4/first");
        world.Run();
        Hold(world);
        // They stand at the door.
        Signal("wait3").SetResult();
        Signal("wait4").SetResult();
        world.Run();
        Assert.AreEqual((0, 1), RollBack(world, checkpoint));
        Release(world);
        Signal("wait1").SetResult();
        Signal("wait2").SetResult();
        world.Run();
        CollectionAssert.AreEqual(new[] { "again" }, refused);
        CollectionAssert.AreEquivalent(new[] { "early", "late", "first" }, _log);
        Assert.AreEqual((ulong)Http3ErrorCode.InternalError, world.Aborted[since]);
        foreach (StreamId id in (StreamId[])[never, before, fresh])
        {
            Assert.AreEqual(204, world.Responses[id].Status);
        }
    }

    /// <summary>Goal: without a gate nothing says what a handler has seen: every one that runs is reset.</summary>
    [TestMethod]
    public void Handlers_without_a_gate_are_all_reset()
    {
        HostWorld world = new(
            new Handler(async (exchange, _) =>
            {
                await Signal("wait").Task;
                await Assert.ThrowsAsync<Http3RequestAbortedException>(async () => await exchange.RespondAsync(204));
                _log.Add("told");
            }),
            new() { Inline = true, Running = RunningRequests.Tether, Tethers = new DirectCarrier() });
        StreamId id = world.Request();
        world.Run();
        Hold(world);
        Assert.AreEqual((0, 1), RollBack(world, Take(world, world.Connection)));
        Release(world);
        Signal("wait").SetResult();
        world.Run();
        Assert.AreEqual((ulong)Http3ErrorCode.InternalError, world.Aborted[id]);
        CollectionAssert.AreEqual(new[] { "told" }, _log);
    }

    private TaskCompletionSource Signal(string name)
    {
        if (!_signals.TryGetValue(name, out TaskCompletionSource? signal))
        {
            _signals.Add(name, signal = new());
        }

        return signal;
    }

    private static ConnectionCheckpoint Take(HostWorld world, ServerConnection connection)
    {
        ConnectionCheckpoint checkpoint = connection.TakeCheckpoint();
        connection.AddExchanges(checkpoint, ConnectionCheckpoint.MaxLength, world.Now);
        return checkpoint;
    }

    private static (int Resumed, int Reset) RollBack(HostWorld world, ConnectionCheckpoint kept) =>
        world.Connection.RollBack(kept.Settled, kept.Restore(world.Now), 1);

    private static ServerConnection Hold(HostWorld world)
    {
        world.Host.Hold();
        world.Run();
        Assert.IsTrue(world.Host.IsQuiet);
        return world.Connection;
    }

    private static void Release(HostWorld world)
    {
        world.Host.Release(world.Now);
        world.Run();
    }

    private sealed class GatedHandler(Func<Http3Exchange, CancellationToken, ValueTask> handle) : Handler(handle), ITetheredComponent;
}
