using System.Net;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Migration.Directory;

namespace Net.Tests.Migration.Hosting;

/// <summary>How what arrives at links comes to the desk.</summary>
[TestClass]
public sealed class ControlServerTests
{
    public TestContext TestContext { get; set; } = null!;

    /// <summary>
    /// Goal: what has arrived together is one turn of the desk, and so one flush. Method: what one link says in one datagram; the actor's own thread is never started, so every
    /// turn is taken by the thread of the links.
    /// </summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task What_arrives_together_is_one_turn()
    {
        const int Components = 8;
        CancellationToken stop = TestContext.CancellationToken;
        MemoryStorage storage = new();
        List<Exception> faults = [];
        FederationKeys keys = FederationKeys.Create(new byte[FederationKeys.EntropyLength]);
        ControlDesk desk = new(new EmbeddedDirectory(storage), new FakeRoutes(), keys, new(), _ => { }, MonotonicClock.Now);
        using Actor actor = new("test", () => desk.Deadline, desk.Tick, faults.Add, desk.OnBusy);
        using X509Certificate2 identity = TestFederation.Instance.Member("ingress");
        QuicListener listener = await ControlServer.ListenAsync(new(IPAddress.Loopback, 0), () => identity, TestFederation.Instance.Roots);
        await using ControlServer server = ControlServer.Start(listener, actor, desk, DeskWorld.Address(4000));
        (QuicConnection connection, QuicStream stream) = await ControlTls.ConnectAsync(
            server.LocalEndPoint, LinkCodec.ControlAlpn, TestFederation.Instance.Member("a"), TestFederation.Instance.Roots, stop);
        TaskCompletionSource welcome = new(TaskCreationOptions.RunContinuationsAsynchronously), answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        List<OwnershipAnswer> answers = [];
        MessageLink link = new(connection, stream, (_, message) =>
        {
            if (message is WelcomeMessage)
            {
                welcome.SetResult();
            }
            else if (message is OwnershipReplyMessage reply)
            {
                answers.Add(reply.Answer);
                if (answers.Count == Components)
                {
                    answered.SetResult();
                }
            }
        }, _ => { });
        await using (link)
        {
            link.Start();
            NodeInfo node = DeskWorld.Node("a", 1, "web");
            link.Send(new JoinMessage(node));
            await welcome.Task.WaitAsync(stop);
            storage.Appended.Clear();
            for (ulong i = 1; i <= Components; i++)
            {
                link.Queue(new OwnershipAskMessage(new CreateOwnership(i, $"c{i}", node.Member)));
            }

            link.Flush();
            await answered.Task.WaitAsync(stop);
        }

        Assert.HasCount(1, storage.Appended);
        Assert.AreEqual("1 2 3 4 5 6 7 8", string.Join(' ', answers.Select(answer => answer.Record!.Shard)));
        Assert.IsEmpty(faults);
    }
}
