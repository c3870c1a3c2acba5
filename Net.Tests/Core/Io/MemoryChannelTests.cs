using System.Net;
using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Tests.Core.Io;

[TestClass]
public sealed class MemoryChannelTests
{
    private static readonly UdpAddress s_first = UdpAddress.FromEndPoint(new(IPAddress.Loopback, 1));
    private static readonly UdpAddress s_second = UdpAddress.FromEndPoint(new(IPAddress.Loopback, 2));

    /// <summary>Goal: the two ends are each other's network, with addresses, ECN and segments.</summary>
    [TestMethod]
    public void What_one_end_sends_the_other_receives()
    {
        (MemoryChannel first, MemoryChannel second) = MemoryChannel.CreatePair(s_first, s_second);
        Assert.IsTrue(first.TrySend(new byte[25], new(new(s_second, s_first, 0), 10, 3, 25, Ecn.Ect0, null)));
        second.Wait(Timeout.InfiniteTimeSpan);
        ReceiveBatch batch = new();
        Assert.IsTrue(second.TryReceive(batch));
        Assert.AreEqual(3, batch.Datagrams);
        foreach (ReceiveBatch.Datagram datagram in batch)
        {
            Assert.AreEqual(new NetworkPath(s_first, s_second, 0), datagram.Path);
            Assert.AreEqual(Ecn.Ect0, datagram.Ecn);
        }

        Assert.IsFalse(second.TryReceive(batch));
        Assert.IsFalse(first.TryReceive(batch));
    }

    /// <summary>Goal: a full queue loses what comes on top, as a router's does.</summary>
    [TestMethod]
    public void A_full_queue_loses_the_rest()
    {
        (MemoryChannel first, MemoryChannel second) = MemoryChannel.CreatePair(s_first, s_second, queueLimit: 5);
        Assert.IsTrue(first.TrySend(new byte[80], new(new(s_second, s_first, 0), 10, 8, 80, Ecn.NotEct, null)));
        ReceiveBatch batch = new();
        Assert.IsTrue(second.TryReceive(batch));
        Assert.AreEqual(5, batch.Datagrams);
    }

    /// <summary>Goal: the free bytes before each segment stay at the sender.</summary>
    [TestMethod]
    public void Headroom_does_not_travel()
    {
        (MemoryChannel first, MemoryChannel second) = MemoryChannel.CreatePair(s_first, s_second, headroom: 4);
        byte[] buffer = [0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 4, 5, 6, 0, 0, 0, 0, 7];
        Assert.IsTrue(first.TrySend(buffer, new(new(s_second, s_first, 0), 3, 3, buffer.Length, Ecn.NotEct, null)));
        ReceiveBatch batch = new();
        Assert.IsTrue(second.TryReceive(batch));
        List<byte> received = [];
        foreach (ReceiveBatch.Datagram datagram in batch)
        {
            received.AddRange(datagram.Bytes);
        }

        CollectionAssert.AreEqual((byte[])[1, 2, 3, 4, 5, 6, 7], received);
    }

    /// <summary>Goal: a wake before the wait is not lost.</summary>
    [TestMethod]
    public void A_wake_ends_the_next_wait()
    {
        (MemoryChannel first, _) = MemoryChannel.CreatePair(s_first, s_second);
        first.Wake();
        first.Wait(Timeout.InfiniteTimeSpan);
    }
}
