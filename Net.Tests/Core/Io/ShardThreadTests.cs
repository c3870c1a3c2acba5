using System.Net;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Core.Io;

[TestClass]
public sealed class ShardThreadTests
{
    private static readonly UdpAddress s_address = UdpAddress.FromEndPoint(new(IPAddress.Loopback, 1));

    private int _inside;

    /// <summary>Goal: work runs on the thread of who posts it while the shard's own waits, and never inside of a step.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public void A_waiting_shard_is_stepped_by_who_has_work()
    {
        // Not started: it waits for ever.
        Shard shard = New();
        ShardThread thread = new(shard, "test");
        List<int> order = [];
        Assert.IsTrue(shard.PostAtOnce(new Act(() =>
        {
            order.Add(1);
            // Behind it, and in the same step: what it says goes out with what the step has to say.
            _ = shard.PostAtOnce(new Act(() =>
            {
                order.Add(3);
                _ = shard.Post(new Act(() => order.Add(4)));
            }));
            order.Add(2);
        })));
        CollectionAssert.AreEqual((int[])[1, 2, 3], order);
        Assert.IsTrue(shard.PostAtOnce(new Act(() => order.Add(5))));
        CollectionAssert.AreEqual((int[])[1, 2, 3, 4, 5], order);
        thread.RequestStop();
        Assert.IsTrue(shard.PostAtOnce(new Act(() => order.Add(6))));
        Assert.HasCount(5, order);
        thread.Start();
        thread.Completion.Wait();
        CollectionAssert.AreEqual((int[])[1, 2, 3, 4, 5, 6], order);
    }

    /// <summary>
    /// Goal: what is urgent and comes of what owners were told, and what comes of that in turn, goes out in the same step; what comes of that waits, so that a step has an end.
    /// </summary>
    [TestMethod]
    public void An_answer_to_several_is_in_the_same_step()
    {
        Shard shard = New();
        List<int> order = [];
        void Urgent(int number)
        {
            order.Add(number);
            _ = shard.PostAtOnce(new Act(() => Urgent(number + 1)));
        }

        _ = shard.Post(new Act(() => Urgent(0)));
        Assert.IsTrue(shard.Step(new(1)), "there is more");
        CollectionAssert.AreEqual((int[])[0, 1, 2], order);
        Assert.IsTrue(shard.Step(new(2)));
        CollectionAssert.AreEqual((int[])[0, 1, 2, 3, 4, 5], order);
    }

    /// <summary>Goal: whoever steps, one does at a time, and no work is lost.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public void One_step_at_a_time_by_whichever_thread()
    {
        const int Each = 2000, Threads = 4;
        Shard shard = New();
        ShardThread thread = new(shard, "test");
        thread.Start();
        using CountdownEvent left = new(Threads * Each);
        int overlaps = 0;
        Act work = new(() =>
        {
            overlaps += Interlocked.Increment(ref _inside) == 1 ? 0 : 1;
            Interlocked.Decrement(ref _inside);
            left.Signal();
        });
        foreach (int number in Enumerable.Range(0, Threads))
        {
            new Thread(() =>
            {
                for (int i = 0; i < Each; i++)
                {
                    _ = (i + number) % 2 == 0 ? shard.Post(work) : shard.PostAtOnce(work);
                }
            }).Start();
        }

        left.Wait();
        thread.RequestStop();
        thread.Completion.Wait();
        Assert.AreEqual(0, overlaps);
    }

    /// <summary>Goal: a fault in a borrowed step ends the shard, as any other; it is not the lender's.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public void A_fault_in_a_borrowed_step_ends_the_shard()
    {
        Shard shard = New();
        ShardThread thread = new(shard, "test");
        Assert.IsTrue(shard.PostAtOnce(new Act(() => throw new InvalidCastException())));
        Act behind = new(() => Assert.Fail("ran"));
        Assert.IsTrue(shard.PostAtOnce(behind));
        thread.Start();
        AggregateException ended = Assert.ThrowsExactly<AggregateException>(thread.Completion.Wait);
        Assert.IsInstanceOfType<InvalidCastException>(ended.InnerException);
        Assert.AreSame(ended.InnerException, behind.Fault);
    }

    /// <summary>Goal: the shard's own thread is left asleep by a step that leaves it nothing to do, and woken by one that does.</summary>
    [TestMethod]
    public void A_borrowed_step_wakes_the_shards_thread_only_when_it_has_to()
    {
        // Never started: each sleeps for ever.
        Assert.AreEqual(0, WakesOf(new(), static _ => { }));
        Assert.AreEqual(1, WakesOf(new() { MaxSends = 0 }, static _ => { }), "what may be sent in a step is used up");
        Assert.AreEqual(
            1,
            WakesOf(new(), static shard => shard.Endpoint.Connect(
                new() { AlpnProtocols = ["test/1"u8.ToArray()], ServerName = "localhost" }, new(s_address.WithPort(2), s_address, 0), shard.Endpoint.Now)),
            "a connection that has begun has a deadline");
    }

    private static int WakesOf(ShardOptions options, Action<Shard> work)
    {
        WakeCounter channel = new(MemoryChannel.CreatePair(s_address, s_address.WithPort(2)).First);
        Shard shard = New(channel, options);
        _ = new ShardThread(shard, "test");
        Assert.IsTrue(shard.PostAtOnce(new Act(() => work(shard))));
        return channel.Wakes;
    }

    private static Shard New(IDatagramChannel? channel = null, ShardOptions? options = null)
    {
        HostCrypto crypto = new(new());
        Endpoint endpoint = new(new() { Keys = [new(0, 0, new byte[32], new byte[32])] }, crypto);
        channel ??= MemoryChannel.CreatePair(s_address, s_address.WithPort(2)).First;
        return new(endpoint, channel, crypto, static _ => throw new InvalidOperationException(), options);
    }

    private sealed class WakeCounter(MemoryChannel inner) : IDatagramChannel
    {
        public int Wakes { get; private set; }

        public UdpAddress Local => inner.Local;

        public int Headroom => inner.Headroom;

        public bool TryReceive(ReceiveBatch batch) => inner.TryReceive(batch);

        public bool TrySend(Span<byte> buffer, in Transmit transmit) => inner.TrySend(buffer, transmit);

        public void Wait(TimeSpan timeout) => inner.Wait(timeout);

        public void Wake() => Wakes++;

        public void Dispose() => inner.Dispose();
    }

    private sealed class Act(Action action) : IShardWork
    {
        public Exception? Fault { get; private set; }

        public void Run(Instant now) => action();

        public void Abandon(Exception fault) => Fault = fault;
    }
}
