using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Wire;

namespace Net.Tests.Simulation;

[TestClass]
public sealed class AddressChangeTests
{
    private const int Bytes = 40_000;

    public enum Change
    {
        /// <summary>A NAT gives the client another port.</summary>
        Port,

        /// <summary>A NAT, or the system, gives the client another address.</summary>
        Host,

        /// <summary>The client moves of its own accord.</summary>
        Active,

        /// <summary>It moves, and the new address swallows everything.</summary>
        InVain,
    }

    /// <summary>
    /// Goal: an address change in progress travels: wherever in it the server moves, the client gets every byte and the connection lives.
    /// Method: change the client's address in the middle of a transfer; run once for each step from there on, with a move of the server at it.
    /// </summary>
    [TestMethod]
    [DataRow(Change.Port, (byte)Job.Download)]
    [DataRow(Change.Host, (byte)Job.Download)]
    [DataRow(Change.Active, (byte)Job.Download)]
    [DataRow(Change.Active, (byte)Job.Upload)]
    [DataRow(Change.InVain, (byte)Job.Upload)]
    public void A_move_at_any_step_of_an_address_change_is_not_seen_by_the_client(Change change, byte job)
    {
        int steps = Perform(change, (Job)job, moveAt: int.MaxValue);
        Assert.IsTrue(steps > 20, $"{steps} steps behind the change");
        for (int step = 0; step < steps; step++)
        {
            _ = Perform(change, (Job)job, step);
        }
    }

    /// <returns>Steps from the change on.</returns>
    private static int Perform(Change change, Job job, int moveAt)
    {
        World world = new(7);
        NonceLedger ledger = new();
        byte[] content = new byte[Bytes];
        new SimulatedRandom(11).Fill(content);
        Cluster cluster = new(world, new StreamServer(content).OnEvent, ledger, nodes: 2);
        StreamClient app = new((job, job == Job.Download ? [] : content));
        Peer client = new(world, "10.0.0.1:1000", ledger) { OnEvent = app.OnEvent, SendsByPath = change is Change.Active or Change.InVain };
        Connection connection = client.Connect(cluster.Front);
        UdpAddress next = Parse(change == Change.Port ? "10.0.0.1:1001" : "10.0.7.1:1000");
        Net.Core.Time.Instant end = world.Now + TimeSpan.FromSeconds(30);
        int steps = -1;
        bool moved = false;
        while (!app.IsDone)
        {
            if (steps < 0 && cluster.CanMove && connection.IsConfirmed)
            {
                steps = 0;
                Apply(world, client, connection, change, next);
            }

            if (steps >= moveAt && !moved && cluster.CanMove)
            {
                moved = true;
                cluster.Move(TimeSpan.FromMilliseconds(4));
            }

            Assert.IsTrue(world.TryStep(end), $"{change}, {job}, moved at step {moveAt}: it never ends");
            steps += steps >= 0 ? 1 : 0;
        }

        Assert.IsNull(app.Fault, $"{change}, {job}, moved at step {moveAt}");
        CollectionAssert.AreEqual(job == Job.Upload ? SHA256.HashData(content) : content, app.Exchanges[0].Received);
        if (change == Change.Active)
        {
            Assert.AreEqual(next, connection.Path.Local, $"{job}, moved at step {moveAt}");
        }

        return steps;
    }

    private static void Apply(World world, Peer client, Connection connection, Change change, UdpAddress next)
    {
        if (change is Change.Active or Change.InVain)
        {
            if (change == Change.Active)
            {
                world.Attach(next, client.Deliver);
            }

            Assert.AreEqual(MigrationRefusal.None, connection.TryMigrate(connection.Path with { Local = next }, world.Now));
            client.Pump();
            return;
        }

        world.Detach(client.ActAs);
        client.ActAs = next;
        world.Attach(next, client.Deliver);
        // It takes a datagram of the client for anybody to notice.
        connection.Ping();
        client.Pump();
    }

    private static UdpAddress Parse(string text)
    {
        Assert.IsTrue(UdpAddress.TryParse(text, out UdpAddress address));
        return address;
    }
}
