using System.Net;
using Net.Core.Io;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Hosting;
using Net.Tests.Core.Io;
using Net.Tests.Http3.Server;

namespace Net.Tests.Migration.Hosting;

/// <summary>On which thread a component's host is told of what happens to it.</summary>
[TestClass]
public sealed class ComponentCallbacksTests
{
    private static readonly UdpAddress s_address = UdpAddress.FromEndPoint(new(IPAddress.Loopback, 1));

    /// <summary>Goal: of a handshake that a lent step has seen the host is told by the shard's own thread; of any other at once.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public void A_handshake_is_told_by_the_components_own_thread()
    {
        HostCrypto crypto = new(new());
        Shard shard = new(
            new(new() { Keys = [new(0, 0, new byte[32], new byte[32])] }, crypto), MemoryChannel.CreatePair(s_address, s_address.WithPort(2)).First, crypto,
            static _ => throw new InvalidOperationException());
        ShardThread thread = new(shard, "test");
        List<int> told = [];
        ComponentCallbacks callbacks = new(
            new("web", new Handler((_, _) => default)) { HandshakeCompleted = () => told.Add(Environment.CurrentManagedThreadId) }, shard, static _ => { });
        Assert.IsTrue(shard.PostAtOnce(new Act(callbacks.OnHandshake)));
        Assert.IsEmpty(told);
        Assert.IsTrue(shard.Post(new Act(() =>
        {
            callbacks.OnHandshake();
            thread.RequestStop();
        })));
        thread.Start();
        thread.Completion.Wait();
        Assert.HasCount(2, told);
        Assert.AreEqual(told[0], told[1]);
        Assert.AreNotEqual(Environment.CurrentManagedThreadId, told[0]);
    }

    /// <summary>Goal: a host is told of an epoch once it is served, ours first; what it throws goes to who hears of faults, and ends nothing.</summary>
    [TestMethod]
    public void What_a_host_throws_is_heard_of()
    {
        List<string> heard = [];
        HostedComponent component = new("web", new Handler((_, _) => default))
        {
            Served = epoch => heard.Add($"served {epoch}"),
            Serving = epoch => throw new InvalidOperationException($"serving {epoch}"),
        };
        ComponentCallbacks callbacks = new(component, null!, fault => heard.Add(fault.Message));
        Assert.IsTrue(callbacks.TellsServing);
        Assert.IsFalse(callbacks.RestoresState);
        callbacks.OnServing(7);
        CollectionAssert.AreEqual((string[])["served 7", "serving 7"], heard);
        Assert.IsFalse(new ComponentCallbacks(component with { Serving = null }, null!, static _ => { }).TellsServing);
    }

    private sealed class Act(Action action) : IShardWork
    {
        public void Run(Instant now) => action();
    }
}
