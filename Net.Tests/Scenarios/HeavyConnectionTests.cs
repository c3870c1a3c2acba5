using Net.Core.Connections;
using Net.Core.Streams;
using Net.Http3.Client.Hosting;
using Net.Http3.Server;
using Net.Http3.Tethers;
using Net.Migration.Envelope;
using Net.Tests.Scenarios.Machines;

namespace Net.Tests.Scenarios;

/// <summary>Clients that make their connections hold as much as they can: their component moves all the same.</summary>
[TestClass]
public sealed class HeavyConnectionTests
{
    private const int Kilo = 1024, BufferSize = 64 * Kilo;

    private const int Length = 200_000;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Goal: 40 large responses that their client does not read move, again and again, and arrive whole when it does read. What tethers hold keeps to the
    /// budget of their connection.
    /// </summary>
    [TestMethod]
    public void Responses_that_nobody_reads_move()
    {
        Federation federation = New(RunningRequests.Tether);
        SimulatedNode gamma = federation.AddNode("gamma");
        SimulatedClient client = federation.AddClient();
        ClientExchange[] exchanges = Open(client, 40, Length);
        federation.RunUntil(() => Held(federation.Alpha) >= 40 * BufferSize && gamma.Machine.IsUp, s_limit, "all is full");
        foreach ((string to, SimulatedNode node) in new[] { ("beta", federation.Beta), ("gamma", gamma) })
        {
            Move move = federation.Migrate(to);
            federation.RunUntil(() => move.IsOver, s_limit, $"moved to {to}");
            Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
            Assert.AreEqual((1u, 0u), (move.Report.Connections, move.Report.Abandoned));
            federation.Run(TimeSpan.FromSeconds(1));
            int held = node.Shard!.Tethers.Held;
            Assert.IsTrue(held > 30 * TetherLimits.Share(40) && held <= TetherLimits.Budget / 2, $"{held} bytes");
        }

        int received = 0;
        _ = ReadAsync(exchanges[20], count => received += count);
        federation.RunUntil(() => received == Length || !client.IsOpen, s_limit, "read");
        Assert.AreEqual(Length, received, $"{client.Connection.CloseReason}");
        Assert.IsTrue(client.IsOpen);
        federation.AssertOneOwner();
    }

    /// <summary>Goal: a connection that is larger than any may be, or than there is room for, stays behind; the others move, whoever was there first.</summary>
    [TestMethod]
    [DataRow(600, 100_000)]
    [DataRow(100_000, 1_000)]
    public void One_that_is_too_large_stays_behind_alone(int maxConnection, int max)
    {
        Federation federation = New(RunningRequests.Tether, f => f.Export = new() { MaxConnectionBytes = maxConnection * Kilo, MaxBytes = (long)max * Kilo });
        SimulatedClient heavy = federation.AddClient();
        _ = Open(heavy, 20, Length);
        federation.RunUntil(() => Held(federation.Alpha) >= 20 * BufferSize, s_limit, "all is full");
        SimulatedClient light = federation.AddClient();
        ClientView before = light.Request("GET", "/bytes/1000");
        federation.RunUntil(() => before.IsOver, s_limit, "answered");

        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver, s_limit, "moved");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
        Assert.AreEqual((1u, 1u), (move.Report.Connections, move.Report.Abandoned));
        ClientView after = light.Request("GET", "/bytes/1000");
        federation.RunUntil(() => after.IsOver, s_limit, "answered there");
        Assert.AreEqual(1000, after.Received);
        federation.AssertOneOwner();
    }

    /// <summary>
    /// Goal: of many that hold much, one is copied in a turn, so that clients of the others do not wait; and the copy waits for the link, not in memory. The
    /// destination knows how much it has to build in the freeze.
    /// </summary>
    [TestMethod]
    public void Many_are_copied_one_by_one_and_as_fast_as_the_link_takes_them()
    {
        const int clients = 12, held = 10 * BufferSize;
        Federation federation = New(RunningRequests.Resume);
        for (int i = 0; i < clients; i++)
        {
            _ = Open(federation.AddClient(), 10, Length);
        }

        federation.RunUntil(() => Held(federation.Alpha) >= clients * held, s_limit, "all is full");
        federation.LinkMinDelay = federation.LinkMaxDelay = TimeSpan.FromMilliseconds(20);
        Move move = federation.Migrate("beta");
        long most = 0, before = 0, grown = 0;
        bool Look(bool isEnough)
        {
            long waiting = federation.Links.Where(link => link.Joins(federation.Alpha.Machine, federation.Beta.Machine)).Sum(link => link.First.Waiting + link.Second.Waiting);
            (most, grown, before) = (long.Max(most, waiting), long.Max(grown, waiting - before), waiting);
            return isEnough;
        }

        federation.RunUntil(() => Look(federation.Beta.Shard!.RestoredAhead + federation.Beta.Shard.Standby.BytesNotAhead > 0), s_limit, "copied");
        Assert.IsGreaterThan(4 * Kilo * Kilo, most, "it makes use of the link");
        Assert.IsLessThan((4 * Kilo * Kilo) + (2 * held), most);
        Assert.IsLessThan(2 * held, grown, "one in a turn");
        federation.RunUntil(() => federation.Beta.Shard!.Standby.BytesNotAhead >= clients * held * 3 / 4 || move.IsOver, s_limit, "all of it");
        Assert.IsFalse(move.IsOver);
        (most, grown) = (0, 0);
        federation.RunUntil(() => Look(move.IsOver), s_limit, "moved");
        Assert.IsGreaterThan(1400 * Kilo, most, "there is more than that");
        Assert.IsLessThan(1100 * Kilo, grown, "a megabyte in a turn");
        Assert.AreEqual((true, (uint)clients), (move.Report!.Moved, move.Report.Connections));
        Assert.AreEqual(0, federation.Beta.Shard!.Standby.BytesNotAhead);
        federation.AssertOneOwner();
    }

    private static Federation New(RunningRequests running, Action<Federation>? configure = null) => new(1, configure: f =>
    {
        f.Running = running;
        StreamOptions small = new() { StreamWindow = 20_000, ConnectionWindow = 4_000_000 };
        f.ClientConnections = ConnectionOptions.Default with { Streams = small };
        f.ServerConnections = ConnectionOptions.Default with { Streams = new() { SendBuffer = BufferSize } };
        configure?.Invoke(f);
    });

    private static ClientExchange[] Open(SimulatedClient client, int count, int size) => [.. Enumerable.Range(0, count).Select(number =>
    {
        ClientExchange exchange = client.Owner.Http3.NewExchange();
        _ = exchange.SendAsync(new("GET", "https", "web.test", $"/bytes/{size}", new()), hasBody: false).AsTask();
        return exchange;
    })];

    private static long Held(SimulatedNode node) =>
        node.Shard!.Shard.Endpoint.Connections.Sum(connection => connection.Parts.Streams.Rented);

    private static async Task ReadAsync(ClientExchange exchange, Action<int> onRead)
    {
        await exchange.ReadHeadAsync();
        byte[] buffer = new byte[4000];
        for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
        {
            onRead(count);
        }
    }
}
