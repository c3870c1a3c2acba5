using System.Globalization;
using System.Text;
using Net.Core.Connections;
using Net.Http3.Client.Hosting;
using Net.Http3.Server;
using Net.Http3.Wire;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios;

/// <summary>Checkpoints and roll-backs in the whole federation: the component's state goes back, its connections never do.</summary>
[TestClass]
public sealed class RollBackTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>Goal: a checkpoint at every step changes nothing of what the client sees.</summary>
    [TestMethod]
    [DataRow(ScenarioKind.Download)]
    [DataRow(ScenarioKind.Upload)]
    [DataRow(ScenarioKind.Echo)]
    [DataRow(ScenarioKind.Counter)]
    public void A_checkpoint_at_every_step_is_not_seen(ScenarioKind kind)
    {
        Federation still = new(1);
        Scenario expected = new(still, kind);
        long first = still.Events;
        still.RunUntil(() => expected.IsOver, s_limit, "over");
        long events = still.Events - first;
        for (long k = 0; k < events; k += Depth.Stride(events, 8))
        {
            Federation federation = new(1);
            Scenario scenario = new(federation, kind);
            scenario.RunEvents(k);
            CheckpointReport report = federation.Done(federation.Checkpoint());
            Assert.AreEqual((1ul, 1ul), (report.Number, report.Epoch));
            federation.RunUntil(() => scenario.IsOver, s_limit, "over");
            Assert.AreEqual(expected.ToString(), scenario.ToString(), $"checkpoint at event {k}");
            federation.AssertOneOwner();
        }
    }

    /// <summary>
    /// Goal: a roll-back at every step leaves the connection and its other requests whole, on a bad network too: a request that has gone on since the
    /// checkpoint is reset with H3_INTERNAL_ERROR, what was finished and has arrived is not.
    /// </summary>
    [TestMethod]
    [Seeds(32)]
    public void A_roll_back_resets_what_depended_and_nothing_else(ulong seed)
    {
        Federation federation = new(seed, seed % 2 == 0 ? Federation.Lossy : null);
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        ClientView early = scenario.Client.Request("GET", "/bytes/100");
        federation.RunUntil(() => early.IsOver, s_limit, "the small one is over");
        scenario.RunEvents(federation.World.Random.Below(60));
        _ = federation.Done(federation.Checkpoint());
        long counted = federation.Alpha.Component.Count;
        scenario.RunEvents(federation.World.Random.Below(60));
        bool wasOver = scenario.IsOver;
        CheckpointReport report = federation.Done(federation.RollBack());
        long back = federation.Alpha.Component.Count;
        Assert.AreEqual((1ul, 1ul, 1u), (report.Number, report.Epoch, report.Connections));
        ClientView late = scenario.Client.Request("GET", "/bytes/20000");
        federation.RunUntil(() => scenario.IsOver && late.IsOver, s_limit, "over");

        Assert.IsTrue(early.IsComplete && early.Received == 100, early.ToString());
        Assert.IsTrue(late.IsComplete && late.Received == 20_000, $"{late}\n{federation.Describe()}");
        Assert.IsTrue(scenario.Client.IsOpen);
        if (wasOver || scenario.View.Error is null)
        {
            scenario.AssertRight();
        }
        else
        {
            StringAssert.Contains(scenario.View.Error, nameof(Http3ErrorCode.InternalError), scenario.View.Error);
            Assert.AreEqual(1u, report.Reset, report.ToString());
            Assert.AreEqual(back, federation.Alpha.Component.Count, "nothing of it runs on");
            Assert.IsTrue(back <= counted, $"{back} {counted}");
        }

        federation.Run(TimeSpan.FromSeconds(1));
        Assert.AreEqual(0, federation.Alpha.Shard!.Shard.Endpoint.Connections.Single().OpenStreams.Count(id => id.IsBidirectional), "every stream is given back");
        federation.AssertOneOwner();
        Assert.AreEqual(1ul, federation.Record.Epoch, "nobody else owns it now");
    }

    /// <summary>Goal: a request of which nothing has gone either way since the checkpoint goes on, from there, and comes to its right end.</summary>
    [TestMethod]
    public void A_request_that_stood_still_goes_on()
    {
        Federation federation = new(3);
        SimulatedClient client = federation.AddClient();
        byte[] upload = TestComponent.Download(20_000);
        ClientExchange exchange = client.Owner.Http3.NewExchange();
        ClientView view = new("upload", federation.World);
        _ = BeginAsync(exchange, upload.AsMemory(0, 5000));
        federation.Run(TimeSpan.FromSeconds(1));
        _ = federation.Done(federation.Checkpoint());
        ClientView counter = client.Request("GET", "/counter/3");
        federation.RunUntil(() => counter.IsOver, s_limit, "counted");
        // Until the client has acknowledged it.
        federation.Run(TimeSpan.FromSeconds(1));
        for (int times = 0; times < 2; times++)
        {
            CheckpointReport report = federation.Done(federation.RollBack());
            Assert.AreEqual((1u, 0u), (report.Resumed, report.Reset), report.ToString());
            Assert.AreEqual(0, federation.Alpha.Component.Count);
        }

        _ = EndAsync(exchange, upload.AsMemory(5000));
        _ = view.ReadAsync(exchange);
        federation.RunUntil(() => view.IsOver, s_limit, "over");
        ClientView whole = client.Request("POST", "/hash", upload);
        federation.RunUntil(() => whole.IsOver, s_limit, "uploaded anew");
        Assert.AreEqual(Encoding.ASCII.GetString(whole.Body), Encoding.ASCII.GetString(view.Body), view.ToString());
    }

    /// <summary>Goal: roll back twice, move, roll back there to what was kept before the move, move back, and again; each new request sees the old state.</summary>
    [TestMethod]
    [Seeds(6)]
    public void Checkpoints_travel(ulong seed)
    {
        Federation federation = new(seed, seed % 2 == 0 ? Federation.Lossy : null);
        SimulatedClient client = federation.AddClient();
        Assert.AreEqual(5, Count(federation, client, 5));
        Assert.AreEqual(1ul, federation.Done(federation.Checkpoint()).Number);
        Assert.AreEqual(9, Count(federation, client, 4));
        CheckpointReport second = federation.Done(federation.Checkpoint());
        CollectionAssert.AreEqual((ulong[])[1, 2], second.Kept.ToArray());
        Assert.AreEqual(12, Count(federation, client, 3));
        Assert.AreEqual(2ul, federation.Done(federation.RollBack()).Number);
        Assert.AreEqual(10, Count(federation, client, 1));
        Assert.AreEqual(2ul, federation.Done(federation.RollBack()).Number);
        Assert.AreEqual(10, Count(federation, client, 1));

        Moved(federation, "beta");
        Assert.AreEqual(11, Count(federation, client, 1));
        CheckpointReport there = federation.Done(federation.RollBack(1));
        Assert.AreEqual(("beta", 1ul, 2ul), (there.Owner, there.Number, there.Epoch));
        CollectionAssert.AreEqual((ulong[])[1], there.Kept.ToArray(), "what came later was discarded with it");
        Assert.AreEqual(6, Count(federation, client, 1));
        Assert.AreEqual(3ul, federation.Done(federation.Checkpoint()).Number, "no number is used twice");
        Assert.AreEqual(7, Count(federation, client, 1));

        Moved(federation, "alpha");
        Assert.AreEqual(3ul, federation.Done(federation.RollBack()).Number);
        Assert.AreEqual(7, Count(federation, client, 1));
        CheckpointCommand unknown = federation.RollBack(2);
        federation.RunUntil(() => unknown.IsOver, s_limit, "answered");
        Assert.AreEqual((MigrateCode.UnknownCheckpoint, "web has no checkpoint 2: it has 1, 3"), (unknown.Report!.Code, unknown.Report.Message));
        Assert.IsTrue(client.IsOpen);
        federation.AssertOneOwner();
        Assert.AreEqual(0u, federation.Beta.Shard!.Checkpoints.Count, "who owns it no more keeps nothing of it");
    }

    /// <summary>Goal: requests that run while a component moves and goes back: resumed at the destination, and reset or right in the end.</summary>
    [TestMethod]
    [Seeds(4)]
    public void A_request_of_before_a_move_is_known_after_it(ulong seed)
    {
        Federation federation = new(seed);
        SimulatedClient client = federation.AddClient();
        byte[] upload = TestComponent.Download(20_000);
        ClientExchange exchange = client.Owner.Http3.NewExchange();
        ClientView stalled = new("upload", federation.World);
        _ = BeginAsync(exchange, upload.AsMemory(0, 5000));
        federation.Run(TimeSpan.FromSeconds(1));
        SimulatedClient other = federation.AddClient();
        ClientView running = other.Request("GET", "/counter/400");
        federation.RunUntil(() => running.Received > 50, s_limit, "under way");
        _ = federation.Done(federation.Checkpoint());
        Moved(federation, "beta");
        CheckpointReport report = federation.Done(federation.RollBack());
        Assert.AreEqual((1u, 1u), (report.Resumed, report.Reset), $"{report}\n{federation.Describe()}");
        _ = EndAsync(exchange, upload.AsMemory(5000));
        _ = stalled.ReadAsync(exchange);
        federation.RunUntil(() => running.IsOver && stalled.IsOver, s_limit, "over");
        StringAssert.Contains(running.Error, nameof(Http3ErrorCode.InternalError), running.Error);
        ClientView whole = other.Request("POST", "/hash", upload);
        federation.RunUntil(() => whole.IsOver, s_limit, "uploaded anew");
        Assert.AreEqual(Encoding.ASCII.GetString(whole.Body), Encoding.ASCII.GetString(stalled.Body), stalled.ToString());
        Assert.IsTrue(client.IsOpen && other.IsOpen);
    }

    /// <summary>Goal: a component that does not take its former state goes on with its newest, and no request is touched.</summary>
    [TestMethod]
    public void A_roll_back_that_fails_leaves_the_newest_state()
    {
        Federation federation = new(5);
        SimulatedClient client = federation.AddClient();
        Assert.AreEqual(2, Count(federation, client, 2));
        _ = federation.Done(federation.Checkpoint());
        ClientView running = client.Request("GET", "/counter/60");
        federation.RunUntil(() => running.Received > 80, s_limit, "under way");
        federation.Alpha.Component.Refuses = 2;
        CheckpointCommand refused = federation.RollBack();
        federation.RunUntil(() => refused.IsOver, s_limit, "answered");
        Assert.AreEqual((MigrateCode.Refused, 0ul, 0u), (refused.Report!.Code, refused.Report.Number, refused.Report.Reset), refused.Report.ToString());
        StringAssert.Contains(refused.Report.Message, "its newest state goes on");
        federation.RunUntil(() => running.IsOver, s_limit, "over");
        Assert.IsTrue(running.IsComplete && running.Received == 60 * 8, running.ToString());
        Assert.AreEqual(62, federation.Alpha.Component.Count);
        federation.Alpha.Component.Refuses = null;
        _ = federation.Done(federation.RollBack());
        Assert.AreEqual(3, Count(federation, client, 1));
    }

    /// <summary>Goal: neither is done during a move, and no move begins during either: each says so, and the other comes to its end.</summary>
    [TestMethod]
    [Seeds(16)]
    public void A_move_and_a_checkpoint_keep_out_of_each_others_way(ulong seed)
    {
        Federation federation = new(seed);
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        _ = federation.Done(federation.Checkpoint());
        Move move;
        CheckpointCommand command;
        if (seed % 2 == 0)
        {
            move = federation.Migrate("beta");
            federation.RunUntil(() => federation.Links.Any(l => l.Joins(federation.Alpha.Machine, federation.Beta.Machine)), s_limit, "begun");
            scenario.RunEvents(federation.World.Random.Below(4));
            command = seed % 4 == 0 ? federation.Checkpoint() : federation.RollBack();
        }
        else
        {
            command = seed % 4 == 1 ? federation.Checkpoint() : federation.RollBack();
            move = federation.Migrate("beta");
        }

        federation.RunUntil(() => move.IsOver && command.IsOver, s_limit, "both answered");
        bool isDone = command.Report!.Code == MigrateCode.None;
        Assert.IsTrue(isDone || command.Report.Code == MigrateCode.Conflict, command.Report.ToString());
        Assert.IsTrue(move.Report!.Moved || (move.Report.Code == MigrateCode.Conflict && isDone), $"{move.Report} {command.Report}");
        federation.RunUntil(() => scenario.IsOver, s_limit, "over");
        Assert.IsTrue(scenario.IsRight || scenario.View.Error is not null);
        federation.AssertOneOwner();
    }

    /// <summary>Goal: checkpoints end with an owner that ends without a hand-over, and no number of theirs ever means another one.</summary>
    [TestMethod]
    public void A_crash_ends_the_checkpoints_but_not_their_numbers()
    {
        Federation federation = new(8);
        SimulatedClient client = federation.AddClient();
        Assert.AreEqual(2, Count(federation, client, 2));
        Assert.AreEqual(1ul, federation.Done(federation.Checkpoint()).Number);
        federation.Crash(federation.Alpha.Machine);
        federation.RunUntil(() => federation.Beta.IsServing, s_limit, "beta serves");
        CheckpointCommand gone = federation.RollBack(1);
        federation.RunUntil(() => gone.IsOver, s_limit, "answered");
        Assert.AreEqual((MigrateCode.UnknownCheckpoint, "web has no checkpoint 1: make one with continuum checkpoint"), (gone.Report!.Code, gone.Report.Message));
        Assert.AreEqual(CheckpointStore.NumbersPerEpoch + 1, federation.Done(federation.Checkpoint()).Number);
    }

    /// <summary>Goal: an owner that crashes, or loses its component, while requests are held for a roll-back answers or is answered for; nothing stays held.</summary>
    [TestMethod]
    [Seeds(8)]
    public void A_crash_in_the_middle_is_an_answer_too(ulong seed)
    {
        Federation federation = new(seed);
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        _ = federation.Done(federation.Checkpoint());
        CheckpointCommand command = federation.RollBack();
        scenario.RunEvents(federation.World.Random.Below(12));
        federation.Crash(federation.Alpha.Machine);
        federation.RunUntil(() => command.IsOver && federation.Beta.IsServing, s_limit, "answered");
        Assert.IsTrue(command.Report!.Code is MigrateCode.None or MigrateCode.Unreachable, command.Report.ToString());
        SimulatedClient next = federation.AddClient();
        Assert.AreEqual(3, Count(federation, next, 3));
        Assert.AreEqual(1u, federation.Done(federation.Checkpoint()).Connections);
    }

    /// <summary>Goal: handlers that have to end come to no safe point in time: that is said, nobody stays held, and afterwards it can be done.</summary>
    [TestMethod]
    public void Handlers_that_do_not_end_are_a_timeout()
    {
        Federation federation = new(11, configure: f => f.Running = RunningRequests.Drain);
        SimulatedClient client = federation.AddClient();
        ClientView running = client.Request("GET", "/counter/1500");
        federation.RunUntil(() => running.Received > 50, s_limit, "under way");
        CheckpointCommand command = federation.Checkpoint();
        federation.RunUntil(() => command.IsOver, s_limit, "answered");
        Assert.AreEqual((MigrateCode.Timeout, 0ul), (command.Report!.Code, command.Report.Number));
        Assert.IsFalse(running.IsOver);
        ClientView next = client.Request("GET", "/bytes/10");
        federation.RunUntil(() => next.IsOver, TimeSpan.FromMilliseconds(100), "nobody waits any more");
        federation.RunUntil(() => running.IsOver, s_limit, "over");
        Assert.IsTrue(running.IsComplete, running.ToString());
        _ = federation.Done(federation.Checkpoint());
        Assert.AreEqual(0u, federation.Done(federation.RollBack()).Resumed);
        Assert.AreEqual(1501, Count(federation, client, 1));
    }

    /// <summary>Goal: components of an aggregate go back together, and another component of the node does not.</summary>
    [TestMethod]
    public void An_aggregate_goes_back_whole_and_alone()
    {
        Federation federation = new(9, configure: f => f.HasShop = true);
        federation.RunUntil(() => federation.Ingress.Directory.Records.Count == 2, s_limit, "both records made");
        SimulatedClient shopper = federation.AddClient("cart.test"), other = federation.AddClient();
        Assert.AreEqual(3, Count(federation, shopper, 3));
        Assert.AreEqual(2, Count(federation, shopper, 2, "orders.test"));
        Assert.AreEqual(4, Count(federation, other, 4));
        _ = federation.Done(federation.Checkpoint("shop"));
        Assert.AreEqual(5, Count(federation, shopper, 2));
        Assert.AreEqual(5, Count(federation, shopper, 3, "orders.test"));
        Assert.AreEqual(5, Count(federation, other, 1));
        // The second one does not take its state: the first, which has, goes forward again.
        federation.Alpha.Orders.Refuses = 2;
        CheckpointCommand refused = federation.RollBack(component: "shop");
        federation.RunUntil(() => refused.IsOver, s_limit, "answered");
        Assert.AreEqual(MigrateCode.Refused, refused.Report!.Code);
        Assert.AreEqual((5, 5), (federation.Alpha.Cart.Count, federation.Alpha.Orders.Count));
        federation.Alpha.Orders.Refuses = null;
        _ = federation.Done(federation.RollBack(component: "shop"));
        Assert.AreEqual((4, 3, 6), (Count(federation, shopper, 1), Count(federation, shopper, 1, "orders.test"), Count(federation, other, 1)));
    }

    /// <summary>
    /// Goal: a request whose handler has stayed behind goes on when the checkpoint is younger than the move that left it, and is reset when it is older.
    /// </summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void A_tethered_request_is_judged_by_the_move_that_left_its_handler(bool isOlder)
    {
        Federation federation = new(10, configure: f => f.Running = RunningRequests.Tether);
        SimulatedClient client = federation.AddClient();
        ClientView running = client.Request("GET", "/counter/200");
        federation.RunUntil(() => running.Received > 50, s_limit, "under way");
        if (isOlder)
        {
            _ = federation.Done(federation.Checkpoint());
        }

        Moved(federation, "beta");
        if (!isOlder)
        {
            _ = federation.Done(federation.Checkpoint());
        }

        federation.RunUntil(() => running.Received > 200, s_limit, "tethered");
        CheckpointReport report = federation.Done(federation.RollBack());
        Assert.AreEqual(isOlder ? 1u : 0, report.Reset, report.ToString());
        federation.RunUntil(() => running.IsOver, s_limit, "over");
        Assert.AreEqual(isOlder, running.Error?.Contains(nameof(Http3ErrorCode.InternalError), StringComparison.Ordinal) ?? false, running.ToString());
        Assert.AreEqual(!isOlder, running.IsComplete && running.Received == 200 * 8);
        Assert.IsTrue(client.IsOpen);
        federation.Run(TimeSpan.FromSeconds(2));
        Assert.AreEqual((0, 0), (federation.Alpha.Shard!.Tethers.Count, federation.Beta.Shard!.Tethers.Count));
    }

    private static async Task BeginAsync(ClientExchange exchange, ReadOnlyMemory<byte> bytes)
    {
        await exchange.SendAsync(new("POST", "https", "web.test", "/hash", new()), hasBody: true);
        await exchange.WriteAsync(bytes);
    }

    private static async Task EndAsync(ClientExchange exchange, ReadOnlyMemory<byte> bytes)
    {
        await exchange.WriteAsync(bytes);
        await exchange.FinishAsync();
    }

    private static void Moved(Federation federation, string to)
    {
        Move move = federation.Migrate(to);
        federation.RunUntil(() => move.IsOver, s_limit, $"moved to {to}");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}\n{federation.Describe()}");
    }

    /// <returns>What the component has counted to, for so many lines more.</returns>
    private static long Count(Federation federation, SimulatedClient client, int lines, string? authority = null)
    {
        ClientView view = client.Request("GET", $"/counter/{lines}", authority: authority);
        federation.RunUntil(() => view.IsOver, s_limit, "counted");
        Assert.IsTrue(view.IsComplete && view.Received == lines * 8, $"{view}\n{federation.Describe()}");
        return long.Parse(Encoding.ASCII.GetString(view.Body).Split('\n')[^2], CultureInfo.InvariantCulture);
    }
}
