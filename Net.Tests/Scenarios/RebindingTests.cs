using Net.Core.Wire;
using Net.Migration.Ingress;
using Net.Tests.Scenarios.Machines;
using Net.Tests.Simulation;

namespace Net.Tests.Scenarios;

/// <summary>Clients whose address changes in the middle of a move, before the product's own router and hand-over.</summary>
[TestClass]
public sealed class RebindingTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Goal: wherever in a move a NAT gives the client another port or another address, it is found there: the request goes on with every byte, on its one
    /// connection, and the new owner knows the new address. Method: one run for each step from the command until well behind the commit; the
    /// ingress has held datagrams of the new address in some, and in others the move was done before.
    /// </summary>
    [TestMethod]
    [DataRow(ScenarioKind.Download, "10.0.2.9:50000")]
    [DataRow(ScenarioKind.Download, "10.0.3.9:50000")]
    [DataRow(ScenarioKind.Upload, "10.0.3.9:50000")]
    [DataRow(ScenarioKind.Echo, "10.0.3.9:50000")]
    public void A_rebinding_at_every_step_of_a_move_is_followed(ScenarioKind kind, string address)
    {
        const int Behind = 40;
        int steps = Perform(kind, address, rebindAt: int.MaxValue, out _) + Behind, stride = Depth.Stride(steps, 60);
        int held = 0, done = 0;
        for (int step = 0; step < steps; step += stride)
        {
            _ = Perform(kind, address, step, out Moment moment);
            held += moment is Moment.Held ? 1 : 0;
            done += moment is Moment.Done ? 1 : 0;
        }

        Assert.IsTrue(held > 0 && done > 0, $"{steps} steps: held in {held}, done before in {done}");
    }

    /// <summary>Goal: the same over a bad network, with a rebinding at random before, during and behind a move, and another one after it.</summary>
    [TestMethod]
    [Seeds(40)]
    public void Rebindings_around_a_move_over_a_bad_network_are_followed(ulong seed)
    {
        Federation federation = new(seed, Federation.Lossy, f => f.Inside = seed % 2 == 0 ? Federation.LossyInside : f.Inside);
        Scenario scenario = new(federation, (ScenarioKind)(seed % 4));
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        scenario.RunEvents(federation.World.Random.Below(60));
        Move move = federation.Migrate("beta");
        foreach (string next in (ReadOnlySpan<string>)["10.0.2.9:50000", "10.0.3.9:50001"])
        {
            scenario.RunEvents(federation.World.Random.Below(60));
            scenario.Client.Rebind(Address(next));
        }

        federation.RunUntil(() => scenario.IsOver && move.IsOver, s_limit, "over");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}\n{federation.Describe()}");
        scenario.AssertRight();
        federation.AssertOneOwner();
    }

    /// <summary>When the first datagram from the new address came to the ingress.</summary>
    private enum Moment
    {
        Before,

        /// <summary>The ingress held it.</summary>
        Held,

        /// <summary>The move was committed.</summary>
        Done,
    }

    /// <returns>Steps from the command until it was answered.</returns>
    private static int Perform(ScenarioKind kind, string address, int rebindAt, out Moment moment)
    {
        Federation federation = new(1);
        Scenario scenario = new(federation, kind);
        federation.RunUntil(() => scenario.IsConfirmed, s_limit, "connected");
        scenario.RunEvents(30);
        Assert.IsFalse(scenario.IsOver);
        Moment? first = null;
        federation.Ingress.OnRouted = (from, verdict) =>
        {
            if (from == Address(address))
            {
                first ??= verdict is RouteVerdict.Held ? Moment.Held : federation.Record.Epoch > 1 ? Moment.Done : Moment.Before;
            }
        };
        Move move = federation.Migrate("beta");
        int steps = 0;
        for (int step = 0; !(move.IsOver && scenario.IsOver); step++)
        {
            if (step == rebindAt)
            {
                Assert.IsFalse(scenario.IsOver, $"{kind} ends at step {step}, before it is rebound");
                scenario.Client.Rebind(Address(address));
            }

            steps += move.IsOver ? 0 : 1;
            Assert.IsTrue(federation.TryStep(federation.World.Now + s_limit), $"{kind}, rebound at step {rebindAt}: it never ends\n{federation.Describe()}");
        }

        string where = $"{kind}, rebound at step {rebindAt}\n{federation.Describe()}";
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}, {where}");
        Assert.IsTrue(scenario.IsRight, $"{scenario}, {where}");
        Assert.IsTrue(scenario.Client.IsOpen, where);
        Assert.AreEqual(1u, federation.Beta.Shard!.ConnectionCount, where);
        if (rebindAt != int.MaxValue)
        {
            Assert.AreEqual(Address(address), federation.Beta.Shard.Shard.Endpoint.Connections.Single().Path.Remote, where);
        }

        federation.AssertOneOwner();
        moment = first ?? Moment.Before;
        return steps;
    }

    private static UdpAddress Address(string text) => UdpAddress.TryParse(text, out UdpAddress address) ? address : throw new ArgumentException(text);
}
