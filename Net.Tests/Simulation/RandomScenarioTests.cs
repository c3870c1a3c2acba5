using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Recovery;
using Net.Core.Wire;

namespace Net.Tests.Simulation;

[TestClass]
public sealed class RandomScenarioTests
{
    /// <summary>
    /// Goal: no client notices what its server does, on any network.
    /// Method: out of the seed: loss, reordering, duplication, corruption; several streams at once, both ways; moves, aborted moves, key
    /// updates and new client addresses at random moments. Every byte is compared; the ledger watches the packet numbers.
    /// </summary>
    [TestMethod]
    [Seeds(400)]
    public void Streams_survive_moves_and_a_bad_network(ulong seed)
    {
        World world = new(seed);
        NonceLedger ledger = new();
        SimulatedRandom random = world.Random;
        byte[] content = new byte[20_000 + random.Below(60_000)];
        random.Fill(content);
        world.Network = new()
        {
            LossOneIn = random.OneIn(4) ? 0 : 10 + random.Below(60),
            DuplicateOneIn = random.Below(60),
            CorruptOneIn = random.OneIn(2) ? 0 : 40 + random.Below(100),
            MinDelay = TimeSpan.FromMilliseconds(1 + random.Below(30)),
            MaxDelay = TimeSpan.FromMilliseconds(31 + random.Below(20)),
        };
        CongestionAlgorithm congestion = random.OneIn(2) ? CongestionAlgorithm.NewReno : CongestionAlgorithm.Cubic;
        EndpointOptions options = Peer.DefaultOptions with { Connection = ConnectionOptions.Default with { Congestion = congestion } };
        options = random.OneIn(3) ? options with { RetryAbove = 0 } : options;
        Cluster cluster = new(world, new StreamServer(content).OnEvent, ledger, options: options);
        StreamClient app = new((Job.Download, []), (Job.Upload, content), (Job.Echo, content));
        Peer client = new(world, "10.0.0.1:1000", ledger, options) { OnEvent = app.OnEvent };
        client.Connect(cluster.Front);
        int address = 1;

        void Disturb()
        {
            if (app.IsDone)
            {
                return;
            }

            TimeSpan lasts = random.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(60));
            switch (random.Below(6))
            {
                case 0 or 1 when cluster.CanMove:
                    cluster.Move(lasts);
                    break;
                case 2 when cluster.CanMove:
                    Connection[] before = [.. cluster.Owner.Endpoint.Connections];
                    CopyAhead copy = cluster.Copy();
                    world.After(lasts, () =>
                    {
                        if (cluster.CanMove && before.SequenceEqual(cluster.Owner.Endpoint.Connections))
                        {
                            cluster.Move(lasts, copy);
                        }
                    });
                    break;
                case 3 when cluster.CanMove:
                    cluster.Abort(lasts);
                    break;
                case 4 when app.Connection is { IsConfirmed: true, IsOpen: true } connection:
                    connection.Parts.Keys!.TryInitiateUpdate();
                    break;
                case 5 when app.Connection is { IsConfirmed: true, IsOpen: true }:
                    // A NAT forgets the client, or the client walks to another network.
                    address++;
                    string next = random.OneIn(2) ? $"10.0.0.1:{1000 + address}" : $"10.0.{2 + (address % 200)}.1:1000";
                    Assert.IsTrue(UdpAddress.TryParse(next, out UdpAddress parsed));
                    world.Detach(client.ActAs);
                    client.ActAs = parsed;
                    world.Attach(parsed, client.Deliver);
                    // It takes a datagram of the client for anybody to notice.
                    app.Connection!.Ping();
                    client.Pump();
                    break;
                default:
                    break;
            }

            world.After(random.Between(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(500)), Disturb);
        }

        world.After(random.Between(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(300)), Disturb);
        world.RunUntil(() => app.IsDone || app.Fault is not null, TimeSpan.FromSeconds(300));

        Assert.IsNull(app.Fault, $"seed {seed}, the server says: {string.Join("; ", cluster.Closed)}");
        CollectionAssert.AreEqual(content, app.Exchanges[0].Received);
        CollectionAssert.AreEqual(SHA256.HashData(content), app.Exchanges[1].Received);
        CollectionAssert.AreEqual(content, app.Exchanges[2].Received);
    }
}
