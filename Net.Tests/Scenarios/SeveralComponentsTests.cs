using Net.Migration.Hosting;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios;

/// <summary>Nodes that host a component and an aggregate: what moves, moves alone, and an aggregate moves whole.</summary>
[TestClass]
public sealed class SeveralComponentsTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Goal: an aggregate moves with the state of all its components, while requests of another component of the same nodes go on where they are.
    /// Method: counters in both halves over one connection, which the halves' own counts tell apart; one move of the aggregate's record.
    /// </summary>
    [TestMethod]
    [Seeds(20)]
    public void An_aggregate_moves_whole_and_alone(ulong seed)
    {
        Federation federation = new(seed, seed % 2 == 0 ? Federation.Lossy : null, f => f.HasShop = true);
        federation.RunUntil(() => federation.Ingress.Directory.Records.Count == 2, s_limit, "both records made");
        Scenario web = new(federation, (ScenarioKind)(seed % 4));
        SimulatedClient shopper = federation.AddClient("cart.test");
        ClientView cart = shopper.Request("GET", "/counter/30");
        ClientView orders = shopper.Request("GET", "/counter/40", authority: "orders.test");
        federation.RunUntil(() => cart.Received > 40 && orders.Received > 40, s_limit, "both halves count");

        Move move = federation.Migrate("beta", component: "shop");
        federation.RunUntil(() => move.IsOver, s_limit, "moved");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}\n{federation.Describe()}");
        Assert.AreEqual(("beta", 2ul), (federation.RecordOf("shop").Owner.Name, federation.RecordOf("shop").Epoch));
        Assert.AreEqual(("alpha", 1ul), (federation.Record.Owner.Name, federation.Record.Epoch));
        Assert.AreEqual((DataMode.Serving, DataMode.Idle), (federation.Beta.Shards["shop"].Channel.Mode, federation.Alpha.Shards["shop"].Channel.Mode));
        Assert.AreEqual((DataMode.Idle, DataMode.Serving), (federation.Beta.Shards["web"].Channel.Mode, federation.Alpha.Shards["web"].Channel.Mode));

        federation.RunUntil(() => cart.IsOver && orders.IsOver && web.IsOver, s_limit, "over");
        web.AssertRight();
        // Each half has counted for one request alone, from 1, across the move.
        Assert.AreEqual(Lines(30), System.Text.Encoding.ASCII.GetString(cart.Body), federation.Describe());
        Assert.AreEqual(Lines(40), System.Text.Encoding.ASCII.GetString(orders.Body), federation.Describe());
        Assert.IsEmpty(federation.Faults);
    }

    /// <summary>Goal: a connection serves its own component, or aggregate, for ever: a request for another one is misdirected.</summary>
    [TestMethod]
    public void A_request_for_another_component_is_misdirected()
    {
        Federation federation = new(7, configure: f => f.HasShop = true);
        SimulatedClient client = federation.AddClient("web.test");
        ClientView mine = client.Request("GET", "/bytes/10");
        ClientView theirs = client.Request("GET", "/bytes/10", authority: "orders.test:4433");
        ClientView nobodys = client.Request("GET", "/bytes/10", authority: "unknown.test");
        federation.RunUntil(() => mine.IsOver && theirs.IsOver && nobodys.IsOver, s_limit, "over");
        Assert.AreEqual((200, 421, 200), (mine.Status, theirs.Status, nobodys.Status));
    }

    /// <summary>Goal: a move of each of two components at once: neither waits for the other.</summary>
    [TestMethod]
    [Seeds(20)]
    public void Two_components_move_at_once_in_opposite_directions(ulong seed)
    {
        Federation federation = new(seed, null, f => f.HasShop = true);
        federation.RunUntil(() => federation.Ingress.Directory.Records.Count == 2, s_limit, "both records made");
        Move first = federation.Migrate("beta", component: "shop");
        federation.RunUntil(() => first.IsOver, s_limit, "moved");
        Scenario web = new(federation, (ScenarioKind)(seed % 4));
        SimulatedClient shopper = federation.AddClient("orders.test");
        ClientView orders = shopper.Request("GET", "/counter/30");
        federation.RunUntil(() => orders.Received > 40, s_limit, "under way");
        Move shop = federation.Migrate("alpha", component: "shop");
        Move there = federation.Migrate("beta");
        federation.RunUntil(() => shop.IsOver && there.IsOver, s_limit, "moved");
        Assert.IsTrue(shop.Report!.Moved && there.Report!.Moved, $"{shop.Report}\n{there.Report}\n{federation.Describe()}");
        federation.RunUntil(() => orders.IsOver && web.IsOver, s_limit, "over");
        web.AssertRight();
        Assert.AreEqual(Lines(30), System.Text.Encoding.ASCII.GetString(orders.Body), federation.Describe());
    }

    private static string Lines(int count) => string.Concat(Enumerable.Range(1, count).Select(i => $"{i,7}\n"));
}
