using Net.Core.Errors;
using Net.Core.Recovery;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Tests.Core.Recovery;

namespace Net.Tests.Core.Streams;

[TestClass]
public sealed class DatagramsTests
{
    private static readonly Instant s_now = new(TimeSpan.TicksPerDay);

    /// <summary>Goal: of datagrams that wait the oldest go first when there are too many, or too many bytes of them; empty ones count, too (checklist S62).</summary>
    [TestMethod]
    public void S62_a_flood_displaces_the_oldest()
    {
        Datagrams datagrams = new(new() { MaxQueued = 3 });
        for (byte i = 0; i < 5; i++)
        {
            Assert.IsFalse(datagrams.On(new DatagramFrame(i == 4 ? [] : [i]), 3, 100).IsError);
        }

        Assert.AreEqual((3, 5UL, 2UL), (datagrams.WaitingToBeRead, datagrams.Received, datagrams.DroppedUnread));
        Assert.IsTrue(datagrams.TryPeek(out byte[]? oldest));
        CollectionAssert.AreEqual(new byte[] { 2 }, oldest);

        DatagramQueue bytes = new(100, DatagramQueue.MinBytesLimit);
        bytes.Add(new byte[40_000]);
        bytes.Add(new byte[25_536]);
        Assert.AreEqual((2, DatagramQueue.MinBytesLimit), (bytes.Count, bytes.Bytes));
        bytes.Add([1]);
        Assert.AreEqual((2, 25_537, 1UL), (bytes.Count, bytes.Bytes, bytes.Dropped));
    }

    /// <summary>Goal: longer than offered, with type and length, or not offered at all, is a PROTOCOL_VIOLATION (RFC 9221, section 3; checklist S62).</summary>
    [TestMethod]
    public void S62_a_frame_that_was_not_offered_is_a_violation()
    {
        Datagrams datagrams = new(new());
        Assert.AreEqual(TransportErrorCode.ProtocolViolation, datagrams.On(new DatagramFrame([]), 1, 0).Code);
        Assert.IsFalse(datagrams.On(new DatagramFrame([1, 2]), 4, 4).IsError);
        Assert.AreEqual(TransportErrorCode.ProtocolViolation, datagrams.On(new DatagramFrame([1, 2]), 5, 4).Code);
        Assert.AreEqual(1, datagrams.WaitingToBeRead);
    }

    /// <summary>Goal: both queues, their limits, whose turn it is and every count travel; a broken section is refused.</summary>
    [TestMethod]
    public void Datagrams_travel()
    {
        Datagrams datagrams = new(new() { MaxQueued = 2, MaxQueuedBytes = DatagramQueue.MinBytesLimit + 1 });
        for (byte i = 0; i < 4; i++)
        {
            _ = datagrams.On(new DatagramFrame([i, i]), 4, 100);
            datagrams.Send([i, i, i]);
        }

        PacketBuilder builder = new(new byte[7], new SentFrameBuffer());
        datagrams.WriteFrames(ref builder, 1000);
        for (byte i = 0; i < 3; i++)
        {
            datagrams.Send([i, 9]);
            builder = new(new byte[8], new SentFrameBuffer());
            datagrams.WriteFrames(ref builder, 1000);
        }

        datagrams.Send([8]);
        datagrams.OnAcked();
        datagrams.OnAcked();
        datagrams.OnLost();
        Datagrams copy = PartAssert.RoundTrip(datagrams, s_now);

        Assert.IsTrue(copy.IsStreamsTurn && copy.HasFrames && copy.TryTakeNews());
        Assert.AreEqual((datagrams.Sent, 2UL, 1UL, 4UL), (copy.Sent, copy.Acknowledged, copy.Lost, copy.Received));
        Assert.IsTrue(copy.Sent >= 3);
        Assert.AreEqual((datagrams.DroppedUnsent, 2UL), (copy.DroppedUnsent, copy.DroppedUnread));
        Assert.IsTrue(copy.DroppedUnsent > 0);
        Assert.IsTrue(copy.TryPeek(out byte[]? oldest));
        CollectionAssert.AreEqual(new byte[] { 2, 2 }, oldest);
        copy.Send([1]);
        copy.Send([2]);
        copy.Send([3]);
        Assert.AreEqual(2, copy.WaitingToBeSent, "the limit came along");
        PartAssert.EveryCutIsRefused(datagrams, s_now);
    }

    /// <summary>Goal: an image that holds more than the limits, or counts that cannot be, is refused.</summary>
    [TestMethod]
    public void A_contradicting_image_is_refused()
    {
        byte[] limits = [2, 0x80, 0x80, 4];
        byte[] empty = [.. limits, 0, 0];
        _ = PartAssert.Import<Datagrams>([.. empty, .. empty, 0, 2, 1, 1, 0], s_now);
        byte[][] broken =
        [
            [.. empty, .. empty, 0, 2, 2, 1, 0], // acknowledged and lost: more than sent
            [.. empty, .. empty, 0, 2, 3, 0, 0],
            [.. empty, .. limits, 0, 1, 1, 7, 0, 0, 0, 0, 0], // waiting to be read, and never received
            [.. empty, .. limits, 1, 0, 0, 0, 0, 0, 0], // dropped, and never received
            [.. limits, 0, 3, 0, 0, 0, .. empty, 0, 0, 0, 0, 0], // three of two
            [0, 0x80, 0x80, 4, 0, 0, .. empty, 0, 0, 0, 0, 0], // a queue for none
            [2, 100, 0, 0, .. empty, 0, 0, 0, 0, 0],
        ];
        foreach (byte[] image in broken)
        {
            Assert.ThrowsExactly<SnapshotException>(() => PartAssert.Import<Datagrams>(image, s_now), Convert.ToHexString(image));
        }
    }

    /// <summary>Goal: the largest data for a frame size is exact, around each step of the length field.</summary>
    [TestMethod]
    public void MaxData_is_exact()
    {
        for (int frame = 2; frame <= 20_000; frame++)
        {
            int data = DatagramFrame.MaxData(frame);
            Assert.IsTrue(DatagramFrame.HeaderLength(data) + data <= frame, $"{frame}");
            Assert.IsTrue(DatagramFrame.HeaderLength(data + 1) + data + 1 > frame, $"{frame}");
        }

        Assert.IsTrue(DatagramFrame.MaxData(1) < 0);
    }

    /// <summary>Goal: one that has become too long for the path is dropped, and does not hold up those behind it.</summary>
    [TestMethod]
    public void Too_long_for_the_path_is_dropped()
    {
        Datagrams datagrams = new(new());
        datagrams.Send(new byte[1300]);
        datagrams.Send([1]);
        PacketBuilder builder = new(new byte[1200], new SentFrameBuffer());
        datagrams.WriteFrames(ref builder, 1163);
        Assert.AreEqual((1UL, 1UL, 0), (datagrams.Sent, datagrams.DroppedUnsent, datagrams.WaitingToBeSent));
    }
}
