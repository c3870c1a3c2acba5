using System.Net;
using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Tls;
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

    /// <summary>Goal: work that may wait runs on the shard's own thread, in its place in the order; a lent step ends in front of it, and leaves the rest to that thread.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public void A_borrowed_step_ends_in_front_of_what_may_wait()
    {
        WakeCounter channel = new(MemoryChannel.CreatePair(s_address, s_address.WithPort(2)).First);
        Shard shard = New(channel);
        // Not started: it waits for ever.
        ShardThread thread = new(shard, "test");
        List<(int, bool)> order = [];
        int own = 0;
        Act Note(int number, bool mayBeLent = true) => new(() => order.Add((number, shard.IsLent))) { MayBeLent = mayBeLent };
        Assert.IsTrue(shard.Post(Note(1)));
        Act foreign = new(() =>
        {
            own = Environment.CurrentManagedThreadId;
            Assert.IsTrue(shard.Post(Note(5)));
            Assert.IsTrue(shard.Post(new Act(thread.RequestStop)));
        })
        {
            MayBeLent = false,
        };
        Assert.IsTrue(shard.Post(foreign));
        Assert.IsTrue(shard.Post(Note(2)));
        int before = channel.Wakes;
        Assert.IsTrue(shard.PostAtOnce(Note(3)));
        CollectionAssert.AreEqual(((int, bool)[])[(1, true)], order);
        Assert.AreEqual(1, channel.Wakes - before, "its own thread has to see to the rest");
        Assert.IsTrue(shard.PostAtOnce(Note(4, mayBeLent: false)));
        CollectionAssert.AreEqual(((int, bool)[])[(1, true)], order);
        Assert.AreEqual(2, channel.Wakes - before);
        thread.Start();
        thread.Completion.Wait();
        // What was posted on the way is behind all that was there.
        CollectionAssert.AreEqual(((int, bool)[])[(1, true), (2, false), (3, false), (4, false), (5, false)], order);
        Assert.AreNotEqual(Environment.CurrentManagedThreadId, own);
    }

    /// <summary>Goal: when the shard ends by a fault, what a lent step has left is told as all the rest.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public void What_a_borrowed_step_has_left_is_abandoned_with_the_shard()
    {
        Shard shard = New();
        ShardThread thread = new(shard, "test");
        Act failing = new(() => throw new InvalidCastException()) { MayBeLent = false }, behind = new(() => Assert.Fail("ran")), last = new(() => Assert.Fail("ran"));
        Assert.IsTrue(shard.Post(failing));
        Assert.IsTrue(shard.PostAtOnce(behind));
        Assert.IsTrue(shard.PostAtOnce(last));
        thread.Start();
        AggregateException ended = Assert.ThrowsExactly<AggregateException>(thread.Completion.Wait);
        Assert.AreSame(ended.InnerException, behind.Fault);
        Assert.AreSame(ended.InnerException, last.Fault);
    }

    /// <summary>Goal: a key that is far away is waited for by no thread that is lent: handshakes go on beside the step.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public void A_borrowed_step_asks_nobody_for_a_key()
    {
        UdpAddress other = s_address.WithPort(2);
        (MemoryChannel here, MemoryChannel there) = MemoryChannel.CreatePair(s_address, other);
        WakeCounter channel = new(here);
        using HostCrypto host = new(new());
        Keys crypto = new(host);
        Shard server = New(channel, crypto: crypto, accept: static _ => new Ignoring());
        _ = new ShardThread(server, "test");
        Shard client = New(there, accept: static _ => throw new InvalidOperationException());
        Connection connection = client.Endpoint.Connect(
            new() { AlpnProtocols = ["test/1"u8.ToArray()], ServerName = "localhost" }, new(s_address, other, 0), client.Endpoint.Now);
        client.SetOwner(connection, new Ignoring());
        _ = client.Step(MonotonicClock.Now);
        while (!crypto.Asked.IsCompleted)
        {
            Assert.IsTrue(server.PostAtOnce(new Act(static () => { })));
            Assert.IsNotEmpty(server.Endpoint.Connections, "it has come in the first lent step");
            channel.Woken.Wait();
        }

        Assert.AreNotEqual(Environment.CurrentManagedThreadId, crypto.Asked.Result);
    }

    private static int WakesOf(ShardOptions options, Action<Shard> work)
    {
        WakeCounter channel = new(MemoryChannel.CreatePair(s_address, s_address.WithPort(2)).First);
        Shard shard = New(channel, options);
        _ = new ShardThread(shard, "test");
        Assert.IsTrue(shard.PostAtOnce(new Act(() => work(shard))));
        return channel.Wakes;
    }

    private static Shard New(
        IDatagramChannel? channel = null, ShardOptions? options = null, ICryptoHost? crypto = null, Func<Connection, IConnectionOwner>? accept = null)
    {
        crypto ??= new HostCrypto(new());
        TlsServerOptions? server = accept is null ? null : new() { AlpnProtocols = ["test/1"u8.ToArray()] };
        Endpoint endpoint = new(new() { Keys = [new(0, 0, new byte[32], new byte[32])], Server = server }, crypto);
        channel ??= MemoryChannel.CreatePair(s_address, s_address.WithPort(2)).First;
        return new(endpoint, channel, crypto, accept ?? (static _ => throw new InvalidOperationException()), options);
    }

    /// <summary>Notes which thread asks for a certificate.</summary>
    private sealed class Keys(HostCrypto inner) : ICryptoHost
    {
        private readonly TaskCompletionSource<int> _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<int> Asked => _asked.Task;

        public void FillEntropy(Span<byte> buffer) => inner.FillEntropy(buffer);

        public TlsCredential? SelectCredential(SelectCertificateRequest request)
        {
            _ = _asked.TrySetResult(Environment.CurrentManagedThreadId);
            return null;
        }

        public CertificateVerdict Validate(ValidateCertificateRequest request) => inner.Validate(request);
    }

    private sealed class Ignoring : IConnectionOwner
    {
        public void OnEvents(Connection connection, Instant now)
        {
        }

        public void OnShardStopped(Exception? fault)
        {
        }
    }

    private sealed class WakeCounter(MemoryChannel inner) : IDatagramChannel
    {
        public int Wakes { get; private set; }

        public SemaphoreSlim Woken { get; } = new(0);

        public UdpAddress Local => inner.Local;

        public int Headroom => inner.Headroom;

        public bool TryReceive(ReceiveBatch batch) => inner.TryReceive(batch);

        public bool TrySend(Span<byte> buffer, in Transmit transmit) => inner.TrySend(buffer, transmit);

        public void Wait(TimeSpan timeout) => inner.Wait(timeout);

        public void Wake()
        {
            Wakes++;
            _ = Woken.Release();
            inner.Wake();
        }

        public void Dispose() => inner.Dispose();
    }

    private sealed class Act(Action action) : IShardWork
    {
        public bool MayBeLent { get; init; } = true;

        public Exception? Fault { get; private set; }

        public void Run(Instant now) => action();

        public void Abandon(Exception fault) => Fault = fault;
    }
}
