using Net.Core.Connections;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Scenarios.Machines;

namespace Net.Tests.Scenarios;

/// <summary>Connections that are older than the federation's keys.</summary>
[TestClass]
public sealed class KeyRotationTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Goal: a connection outlives rotations, and moves, while its keys are in the ring; then it is closed, since nobody could restore it, and its
    /// component still moves with those that came later.
    /// </summary>
    [TestMethod]
    public void A_connection_ends_with_its_keys_and_keeps_nothing_from_moving()
    {
        Federation federation = new(1, configure: f => f.ClientConnections = f.ServerConnections = ConnectionOptions.Default with { IdleTimeout = TimeSpan.FromMinutes(10) });
        SimulatedClient old = federation.AddClient();
        Assert.IsNull(Answer(federation, old).Error);
        FederationKeys keys = federation.Keys;
        for (byte rotation = 1; rotation < KeyRing.MaxKeys; rotation++)
        {
            Rotate(federation, keys = Next(keys, rotation));
        }

        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver && federation.Beta.IsServing, s_limit, "moved");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
        Assert.AreEqual(1u, move.Report.Connections);
        SimulatedClient young = federation.AddClient();
        Assert.IsNull(Answer(federation, young).Error);
        Assert.AreEqual(2u, federation.Beta.Shard!.ConnectionCount);

        Rotate(federation, Next(keys, KeyRing.MaxKeys));
        federation.RunUntil(() => federation.Beta.Shard.ConnectionCount == 1, s_limit, "closed");
        Move again = federation.Migrate("alpha");
        federation.RunUntil(() => again.IsOver && federation.Alpha.IsServing, s_limit, "moved");
        Assert.IsTrue(again.Report!.Moved, $"{again.Report}");
        Assert.IsNull(Answer(federation, young).Error);
        federation.AssertOneOwner();
    }

    private static ClientView Answer(Federation federation, SimulatedClient client)
    {
        ClientView view = client.Request("GET", "/bytes/1000");
        federation.RunUntil(() => view.IsOver, s_limit, "answered");
        return view;
    }

    /// <summary>Tags stay: their rotation is of no matter here, and has its own tests.</summary>
    private static FederationKeys Next(FederationKeys keys, byte rotation) =>
        keys.BeginRotation(Enumerable.Repeat(rotation, FederationKeys.EntropyLength).ToArray()) with { Tag = keys.Tag };

    private static void Rotate(Federation federation, FederationKeys keys)
    {
        foreach (ComponentShard shard in new[] { federation.Alpha.Shard, federation.Beta.Shard }.OfType<ComponentShard>())
        {
            shard.Run(at => shard.UseKeys(keys, at));
        }

        federation.Run(TimeSpan.FromMilliseconds(100));
    }
}
