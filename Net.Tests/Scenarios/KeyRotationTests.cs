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

    /// <summary>
    /// Goal: a transfer goes on through every step of a rotation and a move in the midst of it; a connection that begins in the first step has an ID that an ingress which has not
    /// heard yet can read; and a generation of keys from before IDs were encrypted serves its connections to their end, next to new ones.
    /// </summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Connections_keep_their_IDs_while_keys_rotate(bool encryptsIds)
    {
        Federation federation = new(2, configure: f => f.EncryptsIds = encryptsIds);
        SimulatedClient client = federation.AddClient();
        Assert.IsNull(Answer(federation, client).Error);
        ClientView transfer = client.Request("GET", "/bytes/1000000");
        FederationKeys first = federation.Keys.BeginRotation(Enumerable.Repeat((byte)1, FederationKeys.EntropyLength).ToArray());
        Rotate(federation, first, federation.Keys);
        SimulatedClient between = federation.AddClient();
        Assert.IsNull(Answer(federation, between).Error, "the ingress has not heard");

        FederationKeys second = first.NextStep()!;
        Rotate(federation, first);
        Move move = federation.Migrate("beta");
        Rotate(federation, second);
        SimulatedClient young = federation.AddClient();
        federation.RunUntil(() => move.IsOver && transfer.IsOver, s_limit, "moved");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
        Assert.IsNull(transfer.Error);
        Rotate(federation, second.NextStep()!);
        foreach (SimulatedClient each in (SimulatedClient[])[client, between, young])
        {
            Assert.IsNull(Answer(federation, each).Error);
        }

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

    /// <param name="ofIngress">Null: the same.</param>
    private static void Rotate(Federation federation, FederationKeys keys, FederationKeys? ofIngress = null)
    {
        federation.Ingress.UseKeys((ofIngress ?? keys).ForRouters());
        foreach (ComponentShard shard in new[] { federation.Alpha.Shard, federation.Beta.Shard }.OfType<ComponentShard>())
        {
            shard.Run(at => shard.UseKeys(keys, at));
        }

        federation.Run(TimeSpan.FromMilliseconds(100));
    }
}
