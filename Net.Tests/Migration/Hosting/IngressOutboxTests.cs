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

    /// <summary>Goal: a full socket that takes some now and then is waited for each time, and none is lost; but not for ever.</summary>
    [TestMethod]
    public void A_socket_that_goes_on_is_waited_for_again()
    {
        const int Refusals = IngressOutbox.MaxRetries - 1, Patience = IngressOutbox.MaxRetriesOfSend / Refusals;
        FakeChannel channel = new() { Refusals = Refusals, RefusalsOfEach = Refusals };
        IngressOutbox outbox = new(channel, new());
        for (int i = 0; i < Patience; i++)
        {
            Add(outbox, i % 2 == 0 ? A : B, Ecn.NotEct, 10);
        }

        outbox.Seal();
        outbox.SendSealed();
        Assert.AreEqual((Patience, 0L), (channel.Sent.Count, outbox.Lost));

        for (int i = 0; i < Patience + 3; i++)
        {
            Add(outbox, i % 2 == 0 ? A : B, Ecn.NotEct, 10);
        }

        outbox.Seal();
        outbox.SendSealed();
        Assert.AreEqual((2 * Patience, 3L), (channel.Sent.Count(t => t.Length > 0), outbox.Lost));
    }

    /// <summary>Goal: what is sent from where it lies makes one send with what was copied, in order, and what lies together is one piece.</summary>
    [TestMethod]
    public void What_stays_where_it_is_is_sent_with_what_is_copied()
    {
        FakeChannel channel = new();
        IngressOutbox outbox = new(channel, new());
        byte[] received = GC.AllocateArray<byte>(300, pinned: true);
        for (int i = 0; i < received.Length; i++)
        {
            received[i] = (byte)i;
        }

        // Two with a header each, then two that are neighbours, then one to somebody else.
        outbox.Add(A, Ecn.NotEct, 10, new(received, 0, 90)).Fill(201);
        outbox.Add(A, Ecn.NotEct, 10, new(received, 100, 90)).Fill(202);
        _ = outbox.Add(B, Ecn.NotEct, 0, new(received, 200, 40));
        _ = outbox.Add(B, Ecn.NotEct, 0, new(received, 240, 40));
        _ = outbox.Add(A, Ecn.NotEct, 0, new(received, 280, 20));
        outbox.Seal();
        outbox.SendSealed();

        CollectionAssert.AreEqual(new[] { (A, 2, 200), (B, 2, 80), (A, 1, 20) }, channel.Sent.Select(t => (t.Path, t.Segments, t.Length)).ToArray());
        byte[] expected = [.. Enumerable.Repeat((byte)201, 10), .. received[..90], .. Enumerable.Repeat((byte)202, 10), .. received[100..190], .. received[200..]];
        CollectionAssert.AreEqual(expected, channel.Bytes);
        Assert.AreEqual(6, channel.Pieces);
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

        public List<byte> Bytes { get; } = [];

        public int Pieces { get; private set; }

        public int Refusals { get; set; }

        /// <summary>Before each transmit that is taken.</summary>
        public int RefusalsOfEach { get; init; }

        public UdpAddress Local => default;

        public int Headroom => 0;

        public bool TryReceive(ReceiveBatch batch) => false;

        public int TrySendMany(ReadOnlySpan<SendPiece> pieces, ReadOnlySpan<Transmit> transmits)
        {
            Pieces = pieces.Length;
            return IDatagramChannel.TrySendOneByOne(this, pieces, transmits);
        }

        public bool TrySend(Span<byte> buffer, in Transmit transmit)
        {
            Assert.AreEqual(transmit.Length, buffer.Length);
            if (transmit.Length > 0 && Refusals-- > 0)
            {
                return false;
            }

            Refusals = RefusalsOfEach;
            Sent.Add(transmit);
            Bytes.AddRange(buffer);
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
