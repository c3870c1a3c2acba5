using System.Net;
using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Tests.Core.Io;

[TestClass]
public sealed class StrayQueueTests
{
    private static readonly NetworkPath s_path = new(UdpAddress.FromEndPoint(new(IPAddress.Loopback, 1)), UdpAddress.FromEndPoint(new(IPAddress.Loopback, 2)), 0);

    /// <summary>Goal: datagrams come out as they went in, in order, with all that came with them; whoever takes is woken once for all of them.</summary>
    [TestMethod]
    public void Strays_come_out_in_order()
    {
        int woken = 0;
        StrayQueue queue = new(() => woken++);
        for (int round = 1; round <= 3; round++)
        {
            for (byte i = 1; i <= 100; i++)
            {
                Assert.IsTrue(queue.TryAdd(Enumerable.Repeat(i, 1000 + i).ToArray(), s_path with { Ingress = i }, Ecn.Ect0));
            }

            Assert.AreEqual(round, woken);
            int taken = 0;
            foreach (StrayQueue.Stray stray in queue.Take(out Span<byte> bytes))
            {
                taken++;
                Assert.AreEqual((1000 + taken, s_path with { Ingress = (uint)taken }, Ecn.Ect0), (stray.Length, stray.Path, stray.Ecn));
                Assert.IsFalse(bytes.Slice(stray.Start, stray.Length).ContainsAnyExcept((byte)taken));
            }

            Assert.AreEqual(100, taken);
            Assert.AreEqual(0, queue.Take(out _).Length);
        }

        Assert.AreEqual((300L, 0L), (queue.Passed, queue.Dropped));
    }

    /// <summary>Goal: a thread that does not keep up holds so many datagrams, and so many bytes; what is more is lost, and counted. Then it goes on.</summary>
    [TestMethod]
    [DataRow(100, StrayQueue.MaxDatagrams)]
    [DataRow(60_000, StrayQueue.MaxBytes / 60_000)]
    public void The_queue_is_bounded(int length, int expected)
    {
        StrayQueue queue = new(() => { });
        byte[] datagram = new byte[length];
        for (int i = 0; i < StrayQueue.MaxDatagrams + 5; i++)
        {
            Assert.IsTrue(queue.TryAdd(datagram, s_path, Ecn.NotEct), "it has been dealt with");
        }

        Assert.AreEqual(((long)expected, (long)(StrayQueue.MaxDatagrams + 5 - expected)), (queue.Passed, queue.Dropped));
        Assert.AreEqual(expected, queue.Take(out Span<byte> bytes).Length);
        Assert.AreEqual(expected * length, bytes.Length);
        Assert.IsTrue(queue.TryAdd(datagram, s_path, Ecn.NotEct));
        Assert.AreEqual(1, queue.Take(out _).Length);
    }

    /// <summary>Goal: a closed queue holds nothing, and says so to who adds.</summary>
    [TestMethod]
    public void A_closed_queue_takes_nothing()
    {
        int woken = 0;
        StrayQueue queue = new(() => woken++);
        Assert.IsTrue(queue.TryAdd([1], s_path, Ecn.NotEct));
        queue.Close();
        Assert.IsFalse(queue.TryAdd([2], s_path, Ecn.NotEct));
        Assert.AreEqual(0, queue.Take(out _).Length);
        Assert.AreEqual(1, woken);
    }

    /// <summary>Goal: once it has grown it allocates nothing, however many pass.</summary>
    [TestMethod]
    public void A_grown_queue_allocates_nothing()
    {
        StrayQueue queue = new(static () => { });
        byte[] datagram = new byte[1_200];
        Pass(queue, datagram);
        Pass(queue, datagram);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Pass(queue, datagram);
        Pass(queue, datagram);
        Assert.AreEqual(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Pass(StrayQueue queue, byte[] datagram)
    {
        for (int i = 0; i < 500; i++)
        {
            _ = queue.TryAdd(datagram, s_path, Ecn.NotEct);
        }

        _ = queue.Take(out _);
    }
}
