using Net.Core.Connections;
using Net.Core.Snapshots;
using Net.Http3.Sessions;
using Net.Migration.Envelope;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Scenarios.Machines;

namespace Net.Tests.Scenarios;

/// <summary>Connections that the destination builds before the freeze: none is served that is not the newest, and none outlives its attempt.</summary>
[TestClass]
public sealed class RestoreAheadTests
{
    private const int Clients = 10;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    /// <summary>Goal: what has changed after the copy is served as it is, what has not as it was; nobody notices.</summary>
    [TestMethod]
    public void What_changed_after_the_copy_is_built_again()
    {
        Federation federation = New();
        SimulatedClient[] clients = Idle(federation);
        List<ClientView> views = [];
        int ahead = 0;
        OnAheadDecoded(federation, () =>
        {
            ahead = federation.Beta.Shard!.RestoredAhead;
            views.AddRange(clients.Take(Clients / 2).Select(client => client.Request("GET", "/bytes/60000")));
        });
        // The requests reach the source while it comes to its freeze.
        federation.LinkMinDelay = federation.LinkMaxDelay = TimeSpan.FromMilliseconds(30);
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver && views.Count > 0 && views.TrueForAll(view => view.IsOver), s_limit, "moved and answered");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
        Assert.AreEqual(Clients, ahead);
        Assert.IsTrue(views.TrueForAll(view => view.Error is null && view.Received == 60_000), string.Join('\n', views));
        Answered(federation, clients);
        Assert.AreEqual(0, federation.Beta.Shard!.RestoredAhead);
        Assert.HasCount(Clients, federation.Beta.Shard.Shard.Endpoint.Connections);
        Assert.IsTrue(federation.Beta.Shard.Shard.Endpoint.Connections.All(c => c.Parts.Recovery.Congestion.SlowStartThreshold == int.MaxValue), "a congestion event");
        federation.AssertOneOwner();
    }

    /// <summary>Goal: an attempt that comes to nothing leaves nothing behind, and the next one succeeds.</summary>
    [TestMethod]
    public void What_stood_by_goes_with_its_attempt()
    {
        Federation federation = New();
        SimulatedClient[] clients = Idle(federation);
        bool isFirst = true;
        OnAheadDecoded(federation, () =>
        {
            if (isFirst)
            {
                isFirst = false;
                Assert.AreEqual(Clients, federation.Beta.Shard!.RestoredAhead);
                federation.CutLinks(federation.Alpha, federation.Beta);
            }
        });
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver, s_limit, "answered");
        federation.Run(TimeSpan.FromSeconds(2));
        Assert.IsFalse(move.Report!.Moved);
        Assert.AreEqual(0, federation.Beta.Shard!.RestoredAhead);
        Assert.IsEmpty(federation.Beta.Shard.Shard.Endpoint.Connections);
        Answered(federation, clients);

        Move again = federation.Migrate("beta");
        federation.RunUntil(() => again.IsOver, s_limit, "moved");
        Assert.IsTrue(again.Report!.Moved, $"{again.Report}");
        Answered(federation, clients);
        federation.AssertOneOwner();
    }

    /// <summary>
    /// Goal: in the turn in which a component begins to be served nothing is done for its idle connections, and nobody notices: who is spoken to
    /// answers at once, and all move on at once.
    /// </summary>
    [TestMethod]
    public void Who_sleeps_answers_at_once_and_moves_on()
    {
        const int many = 100;
        Federation federation = New(f => f.LinkMinDelay = f.LinkMaxDelay = TimeSpan.FromMilliseconds(5));
        SimulatedClient[] clients = Idle(federation, many);
        List<ClientView> views = [];
        Net.Core.Time.Instant asked = default;
        federation.OnLinkMessage = (_, message) =>
        {
            if (message is ReadyMessage && views.Count == 0)
            {
                // They wait at the ingress, and then come first.
                asked = federation.World.Now;
                views.AddRange(clients.TakeLast(Clients).Select(client => client.Request("GET", "/bytes/1000")));
            }
        };
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => federation.Beta.IsServing, s_limit, "served");
        Assert.AreEqual(many - Clients, federation.Beta.Shard!.Asleep);
        Assert.AreEqual((uint)many, federation.Beta.Shard.ConnectionCount);
        federation.RunUntil(() => move.IsOver && views.TrueForAll(view => view.IsOver), s_limit, "moved and answered");
        Assert.IsTrue(views.TrueForAll(view => view.Error is null && view.Received == 1000), string.Join('\n', views));
        Assert.IsLessThan(TimeSpan.FromMilliseconds(35), federation.World.Now - asked, "a client had to ask again");
        Assert.AreEqual(0, federation.Beta.Shard.Asleep);

        for (int i = 0; i < 4; i++)
        {
            SimulatedNode next = i % 2 == 0 ? federation.Alpha : federation.Beta;
            move = federation.Migrate(next.Member.Name);
            federation.RunUntil(() => next.IsServing, s_limit, "served");
            using ComponentExport export = new(new("web", 1, 1, new("a", 1), new("b", 1), 1), new byte[SnapshotBinding.KeyLength]);
            next.Shard!.BeginCopy(export);
            Assert.AreEqual(0, next.Shard.Asleep);
            Assert.AreEqual((uint)many, next.Shard.ConnectionCount);
            federation.RunUntil(() => move.IsOver, s_limit, "moved");
            Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
        }

        Answered(federation, clients);
        federation.AssertOneOwner();
    }

    /// <summary>Goal: a client that leaves after its copy does not come along, and one that shakes hands while the copy is made does.</summary>
    [TestMethod]
    public void Who_leaves_stays_and_who_comes_late_comes_along()
    {
        Federation federation = New();
        SimulatedClient[] clients = Idle(federation);
        OnAheadDecoded(federation, () => clients[3].Leave());
        federation.LinkMinDelay = federation.LinkMaxDelay = TimeSpan.FromMilliseconds(30);
        SimulatedClient late = federation.AddClient();
        ClientView view = late.Request("GET", "/bytes/1000");
        Move move = federation.Migrate("beta");
        federation.RunUntil(() => move.IsOver && view.IsOver, s_limit, "moved and answered");
        Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
        Assert.HasCount(Clients, federation.Beta.Shard!.Shard.Endpoint.Connections);
        Answered(federation, [.. clients.Where(client => client.IsOpen), late]);
        Assert.AreEqual(Clients - 1, clients.Count(client => client.IsOpen));
        federation.AssertOneOwner();
    }

    /// <summary>Goal: a snapshot in which two connections have one identity is refused as a whole: the second would take the first one's datagrams.</summary>
    [TestMethod]
    public void Two_connections_of_one_identity_are_refused()
    {
        Federation federation = New();
        SimulatedClient[] clients = Idle(federation);
        foreach (string to in (ReadOnlySpan<string>)["beta", "alpha"])
        {
            Move move = federation.Migrate(to);
            federation.RunUntil(() => move.IsOver, s_limit, "moved");
        }

        ComponentShard source = federation.Alpha.Shard!, destination = federation.Beta.Shard!;
        SnapshotWriter writer = new(federation.Alpha.Machine.Now);
        Connection connection = source.Shard.Endpoint.Connections.First();
        connection.Copy(writer, SessionSnapshot.Parts(source.Http3Of(connection).Session));
        ImageWriter image = new();
        image.Set(1, SectionNumber.Connection, 0, writer.Written.Span);
        image.Set(2, SectionNumber.Connection, 0, writer.Written.Span);
        image.EndVersion(0);
        ImageStore store = new(new());
        while (image.TryTakePart(isEnd: true, out byte[]? part))
        {
            store.Apply(part);
        }

        SnapshotException refusal = Assert.ThrowsExactly<SnapshotException>(() => destination.Restore(store, federation.Beta.Machine.Now));
        StringAssert.Contains(refusal.Message, "another's", refusal.Message);
        Assert.IsEmpty(destination.Shard.Endpoint.Connections);
        Answered(federation, clients);
    }

    /// <summary>Goal: a connection that is idle does not get younger by moves: its idle timeout comes when it would have come.</summary>
    [TestMethod]
    public void Standing_by_does_not_count_as_a_sign_of_life()
    {
        Federation federation = new(1, configure: f =>
        {
            f.ServerConnections = ConnectionOptions.Default with { IdleTimeout = TimeSpan.FromSeconds(8) };
            f.LinkMinDelay = f.LinkMaxDelay = TimeSpan.FromMilliseconds(20);
        });
        SimulatedClient client = federation.AddClient();
        Answered(federation, [client]);
        Net.Core.Time.Instant last = federation.World.Now;
        SimulatedNode owner = federation.Alpha;
        for (int i = 0; i < 6; i++)
        {
            owner = owner == federation.Alpha ? federation.Beta : federation.Alpha;
            Move move = federation.Migrate(owner.Member.Name);
            federation.RunUntil(() => move.IsOver && owner.IsServing, s_limit, "moved");
            Assert.IsTrue(move.Report!.Moved, $"{move.Report}");
            federation.Run(TimeSpan.FromMilliseconds(500));
        }

        Assert.AreEqual(1U, owner.Shard!.ConnectionCount);
        federation.RunUntil(() => owner.Shard.ConnectionCount == 0, s_limit, "timed out");
        TimeSpan silence = federation.World.Now - last;
        // The way of the last part of each copy is not known, and counts for nothing: 20 ms a move.
        Assert.IsTrue(silence >= TimeSpan.FromSeconds(8) && silence < TimeSpan.FromSeconds(8.4), $"{silence}");
    }

    private static Federation New(Action<Federation>? configure = null) => new(1, configure: f =>
    {
        configure?.Invoke(f);
        f.ServerConnections = ConnectionOptions.Default with { IdleTimeout = TimeSpan.FromMinutes(10) };
        f.ClientConnections = f.ServerConnections;
    });

    private static SimulatedClient[] Idle(Federation federation, int count = Clients)
    {
        SimulatedClient[] clients = [.. Enumerable.Range(0, count).Select(_ => federation.AddClient())];
        Answered(federation, clients);
        federation.Run(TimeSpan.FromSeconds(30));
        return clients;
    }

    private static void Answered(Federation federation, SimulatedClient[] clients)
    {
        ClientView[] views = [.. clients.Select(client => client.Request("GET", "/bytes/1000"))];
        federation.RunUntil(() => views.All(view => view.IsOver), s_limit, "answered");
        Assert.IsTrue(views.All(view => view.Error is null && view.Received == 1000), string.Join('\n', views.AsEnumerable()));
    }

    private static void OnAheadDecoded(Federation federation, Action action) => federation.OnLinkMessage = (_, message) =>
    {
        if (message is AheadDecodedMessage)
        {
            action();
        }
    };
}
