using Net.Core.Connections;
using Net.Core.Streams;
using Net.Core.Wire;
using Net.Tests.Simulation;

namespace Net.Tests.Core.Connections;

[TestClass]
public sealed class ReleaseGateTests
{
    /// <summary>Goal: behind a closed gate nothing is revealed and no number is spent; once it opens, everything follows.</summary>
    [TestMethod]
    public void Nothing_leaves_while_the_gate_is_closed()
    {
        World world = new(1);
        Peer client = new(world, "10.0.0.1:1000"), server = new(world, "10.0.0.2:443");
        Connection connection = client.Connect(server);
        int received = 0;
        client.OnEvent = (c, e) =>
        {
            while (e.Kind == ConnectionEventKind.Stream && e.Stream.Kind == StreamEventKind.Readable && c.Peek(e.Stream.Id) is { IsEmpty: false } bytes)
            {
                received += bytes.Length;
                c.Consume(e.Stream.Id, bytes.Length);
            }
        };
        world.RunUntil(() => connection.IsConfirmed, TimeSpan.FromSeconds(5));
        world.Run(TimeSpan.FromSeconds(1));
        Connection serving = server.Accepted[0];
        serving.Parts.Gate.Close();
        ulong spent = serving.Parts.Recovery[PacketNumberSpace.ApplicationData].Numbers.Next;

        Assert.IsTrue(serving.TryOpen(unidirectional: true, out StreamId id));
        Assert.AreEqual(1000, serving.Write(id, new byte[1000], fin: true));
        server.Pump();
        world.Run(TimeSpan.FromSeconds(2));

        Assert.AreEqual(0, received);
        Assert.AreEqual(spent, serving.Parts.Recovery[PacketNumberSpace.ApplicationData].Numbers.Next);

        serving.Parts.Gate.Open();
        serving.Ping();
        server.Pump();
        world.RunUntil(() => received == 1000, TimeSpan.FromSeconds(5));
    }

    /// <summary>Goal: what asks the path how much it carries, and what says goodbye, spends no number either.</summary>
    [TestMethod]
    public void Neither_probes_nor_a_close_pass_a_closed_gate()
    {
        World world = new(1);
        Peer client = new(world, "10.0.0.1:1000"), server = new(world, "10.0.0.2:443");
        Connection connection = client.Connect(server);
        world.RunUntil(() => connection.IsConfirmed, TimeSpan.FromSeconds(5));
        world.Run(TimeSpan.FromSeconds(1));
        Connection serving = server.Accepted[0];
        serving.Parts.Gate.Close();
        ulong spent = serving.Parts.Recovery[PacketNumberSpace.ApplicationData].Numbers.Next;

        serving.Parts.Mtu.OnPathChanged();
        serving.Ping();
        server.Pump();
        Assert.AreEqual(spent, serving.Parts.Recovery[PacketNumberSpace.ApplicationData].Numbers.Next, "a probe");

        serving.Close(7, "goodbye", world.Now);
        server.Pump();
        Assert.AreEqual(spent, serving.Parts.Recovery[PacketNumberSpace.ApplicationData].Numbers.Next, "a close");

        serving.Parts.Gate.Open();
        serving.Registration!.Touch();
        server.Pump();
        world.RunUntil(() => !connection.IsOpen, TimeSpan.FromSeconds(5));
    }
}
