using Net.Core.Time;

namespace Net.Tests.Simulation;

/// <summary>A link that dies and comes back, as in the field's case <c>blackhole</c>: five seconds on, two off.</summary>
[TestClass]
public sealed class OutageTests
{
    private const int Bytes = 2_000_000;
    private const double BytesPerSecond = 1_250_000;

    /// <summary>Datagrams that wait for the link.</summary>
    private const int Queue = 25;

    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(7);
    private static readonly TimeSpan s_on = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_delay = TimeSpan.FromMilliseconds(15);

    /// <summary>
    /// Goal: wherever in a transfer the link dies, handshake and last acknowledgement included, the transfer goes on soon after it is back: what an outage
    /// costs beside its own length is less than that length, as probes double their distance.
    /// </summary>
    [TestMethod]
    [DataRow(4.98, DisplayName = "in the handshake")]
    [DataRow(4.9, DisplayName = "behind it")]
    [DataRow(4.0, DisplayName = "in the middle")]
    [DataRow(3.3, DisplayName = "at the end")]
    [DataRow(5.5, DisplayName = "from the start")]
    public void A_dead_time_costs_little_more_than_itself(double phase)
    {
        World world = new(3);
        Instant start = world.Now - TimeSpan.FromSeconds(phase);
        byte[] content = new byte[Bytes];
        world.Random.Fill(content);
        StreamClient app = new((Job.Download, []));
        Peer client = new(world, "10.0.0.1:1000") { OnEvent = app.OnEvent }, server = new(world, "10.0.0.2:443") { OnEvent = new StreamServer(content).OnEvent };
        int lost = 0;
        world.Network = new() { MinDelay = TimeSpan.Zero, MaxDelay = TimeSpan.Zero };
        foreach (Peer to in (Peer[])[client, server])
        {
            Instant freeAt = world.Now;
            world.Attach(to.Address, datagram =>
            {
                TimeSpan length = TimeSpan.FromSeconds(datagram.Bytes.Length / BytesPerSecond);
                if ((world.Now - start).Ticks % s_period.Ticks >= s_on.Ticks || freeAt - world.Now > Queue * length)
                {
                    lost++;
                    return;
                }

                freeAt = (freeAt > world.Now ? freeAt : world.Now) + length;
                world.At(freeAt + s_delay, () => to.Deliver(datagram));
            });
        }

        Instant begun = world.Now;
        client.Connect(server);
        world.RunUntil(() => app.IsDone || app.Fault is not null, TimeSpan.FromSeconds(60));
        Assert.IsNull(app.Fault);
        CollectionAssert.AreEqual(content, app.Exchanges[0].Received);
        Assert.IsGreaterThan(0, lost);
        TimeSpan took = world.Now - begun, outage = s_period - s_on;
        TimeSpan atBest = TimeSpan.FromSeconds(Bytes / BytesPerSecond);
        Assert.IsLessThan(atBest + (2 * outage) + TimeSpan.FromSeconds(1), took, $"{lost} datagrams lost");
    }
}
