using Net.Core.Wire;
using Net.Http3.Server.Hosting;
using Net.Migration.Hosting;
using Net.Tests.Core.Connections;
using Net.Tests.Http3;
using Net.Tests.Http3.Server;

namespace Net.Tests.Migration.Hosting;

/// <summary>What a checkpoint has room for.</summary>
[TestClass]
public sealed class CheckpointTests
{
    private readonly ResumableHandler _reads = new(static async (exchange, _) => await exchange.ReadAsync(new byte[1]));

    /// <summary>Goal: connections without requests take nobody's room, however many come first: a bystander's download is told of as long as there is any.</summary>
    [TestMethod]
    public void Idle_connections_take_no_room()
    {
        using ExchangeHost exchanges = new(_reads, new FakeQueue(), new() { Inline = true });
        ConnectionPair answered = ConnectionPair.Confirmed();
        // Nothing of it has arrived.
        Assert.AreEqual(1, answered.Server.Write(Open(answered, [0]), [0], fin: true));
        ServerOwner last = new(exchanges, answered.Server);
        ServerOwner[] owners = [.. Enumerable.Range(10, 5).Select(seed => new ServerOwner(exchanges, ConnectionPair.Confirmed(seed: (ulong)seed).Server)), last];
        Checkpoint checkpoint = new(1, 1, answered.Now, [], owners, room: 80);
        Assert.HasCount(1, checkpoint.Of(last.Connection)!.Settled);
        Assert.IsTrue(owners[..^1].All(idle => checkpoint.Of(idle.Connection) is null));
        Assert.IsLessThanOrEqualTo(80, checkpoint.Length);
        Assert.IsNull(new Checkpoint(1, 1, answered.Now, [], owners, room: 71).Of(last.Connection), "it takes its own");
    }

    /// <summary>Goal: a connection that only has a request that could go on pays for itself, too, to the byte; behind one that has no room others have theirs.</summary>
    [TestMethod]
    public void A_request_takes_its_connections_room()
    {
        using ExchangeHost exchanges = new(_reads, new FakeQueue(), new() { Inline = true });
        ServerOwner[] owners = [Asking(exchanges, seed: 20), Asking(exchanges, seed: 21)];
        long both = Take(owners, 100_000).Length;
        Checkpoint checkpoint = Take(owners, both);
        Assert.IsTrue(owners.All(owner => checkpoint.Of(owner.Connection)!.Exchanges.Count == 1));
        checkpoint = Take(owners, both - 1);
        Assert.HasCount(1, checkpoint.Of(owners[0].Connection)!.Exchanges);
        Assert.IsNull(checkpoint.Of(owners[1].Connection));
        Assert.AreEqual(both / 2, checkpoint.Length);
    }

    private static Checkpoint Take(ServerOwner[] owners, long room) => new(1, 1, new(TimeSpan.TicksPerDay), [], owners, room);

    private static ServerOwner Asking(ExchangeHost exchanges, ulong seed)
    {
        ConnectionPair pair = ConnectionPair.Confirmed(seed: seed);
        ServerOwner owner = new(exchanges, pair.Server);
        owner.Http3.Start();
        StreamId id = Open(pair, Frames.Request("POST"));
        owner.Http3.OnReadable(id);
        Assert.HasCount(1, owner.Http3.Exchanges);
        return owner;
    }

    private static StreamId Open(ConnectionPair pair, byte[] bytes)
    {
        Assert.IsTrue(pair.Client.TryOpen(unidirectional: false, out StreamId id));
        Assert.AreEqual(bytes.Length, pair.Client.Write(id, bytes, fin: false));
        pair.Settle();
        return id;
    }
}
