using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Tls;

namespace Net.Tests.Simulation;

[TestClass]
public sealed class MoveAtEveryStepTests
{
    private const int Bytes = 80_000;

    /// <summary>
    /// Goal: whatever a connection is doing when its server moves, the client sees what it would have seen: the same bytes, no close, no
    /// congestion, no probe timeout; and nothing is lost or overtakes on a clean network.
    /// Method: run once without a move and count the steps; then once for each step, with a move at that step.
    /// </summary>
    [TestMethod]
    [DataRow((byte)Job.Download)]
    [DataRow((byte)Job.Upload)]
    [DataRow((byte)Job.Echo)]
    public void A_move_at_any_step_is_not_seen_by_the_client(byte job)
    {
        Run quiet = Perform((Job)job, moveAt: int.MaxValue, copyAt: int.MaxValue);
        Assert.IsTrue(quiet.Steps > 50);
        int moved = 0;
        for (int step = 0; step < quiet.Steps; step++)
        {
            Run run = Perform((Job)job, step, copyAt: int.MaxValue);
            moved += run.Moves;
            Assert.IsTrue(quiet.View.SequenceEqual(run.View), $"{(Job)job}, moved at step {step}");
        }

        Assert.IsTrue(moved > quiet.Steps / 2, "most steps come after the handshake");
    }

    /// <summary>Goal: a copy made ahead and completed by what changed since is as good as a full export, whenever it was made.</summary>
    [TestMethod]
    [DataRow((byte)Job.Download)]
    [DataRow((byte)Job.Upload)]
    [DataRow((byte)Job.Echo)]
    public void A_copy_made_ahead_and_completed_is_as_good_as_a_full_one(byte job)
    {
        Run quiet = Perform((Job)job, moveAt: int.MaxValue, copyAt: int.MaxValue);
        for (int step = 0; step < quiet.Steps; step += 3)
        {
            Run run = Perform((Job)job, step, copyAt: step - (step % 20) - 7);
            Assert.IsTrue(quiet.View.SequenceEqual(run.View), $"{(Job)job}, moved at step {step}");
        }
    }

    /// <summary>
    /// Goal: a connection that began with 0-RTT moves as any other, from the first step at which it can: what came early is not asked for
    /// again, and what was answered before the handshake was complete is not lost.
    /// </summary>
    [TestMethod]
    [DataRow((byte)Job.Download)]
    [DataRow((byte)Job.Upload)]
    [DataRow((byte)Job.Echo)]
    public void A_connection_that_began_with_early_data_moves(byte job)
    {
        Run quiet = Perform((Job)job, moveAt: int.MaxValue, copyAt: int.MaxValue, early: true);
        int moved = 0;
        // Each step as long as anything of the first flight may be under way, later some: they are those of any connection.
        for (int step = 0; step < quiet.Steps; step += step < 60 ? 1 : 11)
        {
            Run run = Perform((Job)job, step, copyAt: int.MaxValue, early: true);
            moved += run.Moves;
            Assert.IsTrue(quiet.View.SequenceEqual(run.View), $"{(Job)job}, moved at step {step}");
        }

        Assert.IsGreaterThan(40, moved);
    }

    private sealed record Run(int Steps, int Moves, byte[] View);

    private static Run Perform(Job job, int moveAt, int copyAt, bool early = false)
    {
        World world = new(7);
        NonceLedger ledger = new();
        byte[] content = new byte[Bytes];
        new SimulatedRandom(11).Fill(content);
        EndpointOptions options = Peer.DefaultOptions with { Server = new() { AlpnProtocols = ["test"u8.ToArray()], AcceptsEarlyData = early } };
        Cluster cluster = new(world, new StreamServer(content).OnEvent, ledger, nodes: 2, options: options);
        StreamClient app = new((job, job == Job.Download ? [] : content));
        Peer client = new(world, "10.0.0.1:1000", ledger);
        if (early)
        {
            // It leaves a ticket.
            Connection first = client.Connect(cluster.Front);
            world.Run(TimeSpan.FromMilliseconds(500));
            first.Close(0, "done", world.Now);
            client.Pump();
            world.Run(TimeSpan.FromSeconds(2));
            Assert.IsEmpty(cluster.Owner.Endpoint.Connections);
        }

        client.OnEvent = app.OnEvent;
        Connection connection = client.Connect(cluster.Front, earlyData: early);
        CopyAhead? copy = null;
        int steps = 0;
        bool moved = false;
        Net.Core.Time.Instant end = world.Now + TimeSpan.FromSeconds(20);
        while (!app.IsDone)
        {
            if (steps >= copyAt && copy is null && cluster.CanMove)
            {
                copy = cluster.Copy();
            }

            if (steps >= moveAt && !moved && cluster.CanMove)
            {
                moved = true;
                // A client that has many samples by now has a short timeout for its Finished, to which no delay of acknowledgements is added.
                cluster.Move(TimeSpan.FromMilliseconds(early ? 0.5 : 4), copy);
            }

            Assert.IsTrue(world.TryStep(end), $"{job}, moved at step {moveAt}: it never ends");
            steps++;
            AssertUndisturbed(connection, $"the client, {job}, moved at step {moveAt}");
            foreach (Connection server in cluster.Owner.Endpoint.Connections)
            {
                AssertUndisturbed(server, $"the server, {job}, moved at step {moveAt}");
            }
        }

        Assert.IsNull(app.Fault);
        Assert.AreEqual(early ? EarlyDataState.Accepted : EarlyDataState.None, connection.EarlyData);
        byte[] view = [.. app.Exchanges[0].Received];
        CollectionAssert.AreEqual(job == Job.Upload ? SHA256.HashData(content) : content, view);
        return new(steps, cluster.Moves, view);
    }

    private static void AssertUndisturbed(Connection connection, string who)
    {
        Assert.AreEqual(0, connection.Parts.Recovery.PtoCount, $"a probe timeout at {who}");
        Assert.AreEqual(int.MaxValue, connection.Parts.Recovery.Congestion.SlowStartThreshold, $"a congestion event at {who}");
    }
}
