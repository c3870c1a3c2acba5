using Net.Core.Wire;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios;

/// <summary>Nodes that are emptied while their clients are served.</summary>
[TestClass]
public sealed class DrainTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>Goal: a drain moves every component, one after the other, and no client sees it; the node gets nothing back by itself.</summary>
    [TestMethod]
    [Seeds(20)]
    public void A_drained_node_has_nothing_and_nobody_noticed(ulong seed)
    {
        Federation federation = new(seed, seed % 2 == 0 ? Federation.Lossy : null, f => f.HasShop = true);
        federation.RunUntil(() => federation.Ingress.Directory.Records.Count == 2, s_limit, "both records made");
        SimulatedNode gamma = federation.AddNode("gamma");
        federation.Run(TimeSpan.FromMilliseconds(50));
        Scenario web = new(federation, (ScenarioKind)(seed % 4));
        ClientView shop = federation.AddClient("cart.test").Request("GET", "/counter/60");
        federation.RunUntil(() => web.IsConfirmed && shop.Received > 16, s_limit, "under way");

        Drained drained = Drain(federation, "alpha");
        federation.RunUntil(() => drained.Report is not null, s_limit, "drained");
        Assert.AreEqual((MigrateCode.None, 0), (drained.Report!.Code, drained.Report.Remaining.Count), drained.Report.ToString());
        Assert.AreEqual("shop,web", string.Join(',', drained.Report.Moves.Where(m => m.Moved).Select(m => m.Component).Order()));
        // Whoever has least gets the next.
        Assert.AreEqual("beta,gamma", string.Join(',', federation.Ingress.Directory.Records.Select(r => r.Owner.Name).Order()));
        federation.RunUntil(() => web.IsOver && shop.IsOver, s_limit, "over");
        web.AssertRight();
        Assert.AreEqual(60 * 8, shop.Received, federation.Describe());

        // The next one to be emptied has one place to go to: the first is drained still.
        Drained next = Drain(federation, "gamma");
        federation.RunUntil(() => next.Report is not null, s_limit, "drained");
        Assert.AreEqual("beta", federation.Ingress.Directory.Records.Select(r => r.Owner.Name).Distinct().Single());
        Assert.IsFalse(gamma.IsServing);
        Assert.IsEmpty(federation.Faults);
    }

    /// <summary>Goal: a drain whose destination dies on the way tries the next one, and ends with everything served by somebody.</summary>
    [TestMethod]
    [Seeds(20)]
    public void A_destination_that_dies_is_replaced(ulong seed)
    {
        Federation federation = new(seed);
        federation.AddNode("gamma");
        federation.Run(TimeSpan.FromMilliseconds(50));
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        Drained drained = Drain(federation, "alpha");
        scenario.RunEvents(federation.World.Random.Below(40));
        if (federation.Record.Owner == federation.Alpha.Member)
        {
            federation.Crash(federation.Beta.Machine);
        }

        federation.RunUntil(() => drained.Report is not null && scenario.IsOver, TimeSpan.FromSeconds(120), "drained");
        federation.Run(TimeSpan.FromSeconds(8));
        federation.AssertOneOwner();
        Assert.AreNotEqual("alpha", federation.Record.Owner.Name, $"{drained.Report}");
        Assert.IsTrue(federation.Record.Owner.Name == "beta" || scenario.IsRight, $"{scenario}\n{federation.Describe()}");
    }

    private static Drained Drain(Federation federation, string node)
    {
        Drained drained = new();
        federation.Ingress.Ask(drained, new DrainMessage(1, node, "", TimeSpan.FromSeconds(60)));
        return drained;
    }

    /// <summary>A `continuum drain` that waits for its answer.</summary>
    private sealed class Drained : IControlPeer
    {
        public DrainReport? Report { get; private set; }

        public string Name => "command";

        public UdpAddress DataAddress => default;

        public void Send(LinkMessage message) => Report = (message as DrainReplyMessage)?.Report ?? Report;

        public void Close()
        {
        }
    }
}
