using Net.Core.Io;
using Net.Core.Paths;
using Net.Core.Wire;
using Net.Migration.Hosting;

namespace Net.Tests.Migration.Hosting;

[TestClass]
public sealed class IngressOutboxTests
{
    private static readonly NetworkPath A = new(DeskWorld.Address(1), default, 0), B = new(DeskWorld.Address(2), default, 0);

    /// <summary>Goal: neighbours of one path, mark and size leave as one send, which a shorter one ends; order stays.</summary>
    [TestMethod]
    public void Alike_neighbours_are_one_send()
    {
        FakeChannel channel = new();
        IngressOutbox outbox = new(channel, new());
        Add(outbox, A, Ecn.Ect0, 100, 100, 60, 60, 61);
        Add(outbox, A, Ecn.Ce, 61);
        Add(outbox, B, Ecn.Ce, 61);
        outbox.Seal();
        outbox.SendSealed();
        CollectionAssert.AreEqual(
            new[] { (A, 100, 3, 260, Ecn.Ect0), (A, 60, 1, 60, Ecn.Ect0), (A, 61, 1, 61, Ecn.Ect0), (A, 61, 1, 61, Ecn.Ce), (B, 61, 1, 61, Ecn.Ce) },
            channel.Sent.Select(t => (t.Path, t.SegmentSize, t.Segments, t.Length, t.Ecn)).ToArray());
        outbox.Seal();
        outbox.SendSealed();
        Assert.AreEqual(5, channel.Sent.Count);
    }

    /// <summary>Goal: a send stays within what the kernel takes: 64 segments, 65,507 bytes.</summary>
    [TestMethod]
    public void A_send_is_bounded()
    {
        FakeChannel channel = new();
        IngressOutbox outbox = new(channel, new());
        Add(outbox, A, Ecn.NotEct, [.. Enumerable.Repeat(10, 65)]);
        Add(outbox, B, Ecn.NotEct, [.. Enumerable.Repeat(1500, 44)]);
        outbox.Seal();
        outbox.SendSealed();
        CollectionAssert.AreEqual(new[] { 64, 1, 43, 1 }, channel.Sent.Select(t => t.Segments).ToArray());
    }

    /// <summary>Goal: more than the buffer holds is sent on the way, and none of it is lost.</summary>
    [TestMethod]
    public void A_full_buffer_is_sent()
    {
        FakeChannel channel = new();
        IngressOutbox outbox = new(channel, new());
        for (int i = 0; i < 40; i++)
        {
            Add(outbox, A, Ecn.NotEct, 60_000);
        }

        outbox.Seal();
        outbox.SendSealed();
        Assert.AreEqual(40 * 60_000, channel.Sent.Sum(t => t.Length));
    }

    /// <summary>Goal: a socket that stays full costs the datagrams that it does not take, and does not garble those behind them.</summary>
    [TestMethod]
    public void A_full_socket_is_waited_for_and_then_left()
    {
        FakeChannel channel = new() { Refusals = 2 };
        IngressOutbox outbox = new(channel, new());
        Add(outbox, A, Ecn.NotEct, 10);
        outbox.Seal();
        outbox.SendSealed();
        Assert.AreEqual((1, 0L), (channel.Sent.Count, outbox.Lost));

        channel.Refusals = IngressOutbox.MaxRetries + 1;
        Add(outbox, A, Ecn.NotEct, 20, 20);
        Add(outbox, B, Ecn.NotEct, 30);
        outbox.Seal();
        outbox.SendSealed();
        Assert.AreEqual(2L, outbox.Lost);
        CollectionAssert.AreEqual(new[] { 10, 0, 30 }, channel.Sent.Select(t => t.Length).ToArray(), "an empty transmit ends the refused one");
    }

    private static void Add(IngressOutbox outbox, NetworkPath path, Ecn ecn, params int[] lengths)
    {
        foreach (int length in lengths)
        {
            Assert.AreEqual(length, outbox.Add(path, ecn, length).Length);
        }
    }

    private sealed class FakeChannel : IDatagramChannel
    {
        public List<Transmit> Sent { get; } = [];

        public int Refusals { get; set; }

        public UdpAddress Local => default;

        public int Headroom => 0;

        public bool TryReceive(ReceiveBatch batch) => false;

        public bool TrySend(Span<byte> buffer, in Transmit transmit)
        {
            Assert.AreEqual(transmit.Length, buffer.Length);
            if (transmit.Length > 0 && Refusals-- > 0)
            {
                return false;
            }

            Sent.Add(transmit);
            return true;
        }

        public void Wait(TimeSpan timeout)
        {
        }

        public void Wake()
        {
        }

        public void Dispose()
        {
        }
    }
}
