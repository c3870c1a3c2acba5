using CsCheck;
using Net.Core.Snapshots;
using Net.Http3.Tethers;

namespace Net.Tests.Http3.Tethers;

/// <summary>Two ends of a tether's bytes over links that break.</summary>
[TestClass]
public sealed class TetherChannelTests
{
    /// <summary>
    /// Goal: every byte arrives once and in order, both ways, whatever is lost with a link, and whenever the owner's end moves.
    /// Method: random steps: write, read, deliver one message, break the link and attach again, move the owner's end.
    /// </summary>
    [TestMethod]
    public void Bytes_outlive_links_and_owners() => Gen.Select(Gen.Byte.Array[200_000, 400_000], Gen.Int[0, 9].Array[2_000]).Sample(
        (bytes, steps) =>
        {
            Pair pair = new(bytes);
            pair.Attach();
            foreach (int step in steps)
            {
                pair.Step(step);
            }

            pair.Finish();
            return pair.ToSource.SequenceEqual(bytes) && pair.ToOwner.SequenceEqual(bytes);
        },
        iter: 30);

    /// <summary>Goal: nothing waits beyond the window, at either end: who does not read holds the other end back.</summary>
    [TestMethod]
    public void A_window_holds_a_writer()
    {
        TetherChannel owner = new(), source = new();
        Connect(owner, source);
        owner.Queue(new byte[owner.Room]);
        Assert.AreEqual(0, owner.Room);
        Exchange(owner, source);
        Assert.AreEqual(TetherLimits.Window, source.Received.Length);
        Assert.AreEqual(TetherLimits.Window, owner.Room, "acknowledged");
        owner.Queue(new byte[1000]);
        Exchange(owner, source);
        Assert.AreEqual(TetherLimits.Window, source.Received.Length, "what may not be sent waits");
        source.Consume(TetherLimits.Window);
        Exchange(owner, source);
        Assert.AreEqual(1000, source.Received.Length);
        Assert.IsTrue(owner.IsAcknowledged);
    }

    /// <summary>Goal: the end is known once all is there, also behind a move and when it comes twice; nothing may follow it.</summary>
    [TestMethod]
    public void The_end_is_known()
    {
        TetherChannel owner = new(), source = new();
        Connect(owner, source);
        source.Queue(new byte[TetherLimits.MaxChunk]);
        source.BeginEnd();
        source.Queue(new byte[5]);
        Assert.IsTrue(source.TryTake(1, out TetherMessage? first) && Pair.Give(owner, first, isSource: false));
        Assert.IsFalse(owner.HasAll);
        Exchange(owner, source);
        Assert.IsTrue(owner.HasAll && source.IsAcknowledged);
        ulong end = TetherLimits.MaxChunk + 5;
        Assert.IsTrue(owner.OnData(end - 5, new byte[5], isLast: true));
        Assert.IsFalse(owner.OnData(end, new byte[1], isLast: false), "behind the end");
        Assert.IsFalse(owner.OnData(end - 6, new byte[5], isLast: true), "another end");
        Assert.IsTrue(Pair.Move(owner).HasAll);
    }

    /// <summary>Goal: who says what cannot be is refused; what belongs to an attachment of before is not heard.</summary>
    [TestMethod]
    public void What_cannot_be_is_refused()
    {
        TetherChannel owner = new(), source = new();
        Assert.IsTrue(source.OnData(5, new byte[1], isLast: false), "before an attachment nothing counts");
        Assert.AreEqual(0, source.Received.Length);
        Connect(owner, source);
        owner.Queue(new byte[10]);
        Exchange(owner, source);
        Assert.IsFalse(source.OnData(11, new byte[1], isLast: false), "a gap");
        Assert.IsTrue(source.OnData(4, new byte[6], isLast: false), "known bytes");
        Assert.AreEqual(10, source.Received.Length);
        Assert.IsFalse(source.OnData(10, new byte[TetherLimits.MaxChunk + 1], isLast: false), "too much at once");
        Assert.IsFalse(owner.OnAck(11, TetherLimits.Window), "more than was sent");
        Assert.IsFalse(owner.OnAck(9, TetherLimits.Window), "less than before");
        Assert.IsFalse(owner.OnAck(10, 11 + TetherLimits.Window), "more than a window");
        Assert.IsFalse(owner.OnAttach(11, TetherLimits.Window, mustAnswer: false));
        while (source.Received.Length + TetherLimits.MaxChunk <= TetherLimits.Window)
        {
            Assert.IsTrue(source.OnData((ulong)source.Received.Length, new byte[TetherLimits.MaxChunk], isLast: false));
        }

        Assert.IsFalse(source.OnData((ulong)source.Received.Length, new byte[TetherLimits.MaxChunk], isLast: false), "beyond the window");
    }

    private static void Connect(TetherChannel owner, TetherChannel source)
    {
        owner.Attach();
        Exchange(owner, source);
        Assert.IsTrue(owner.IsAttached && source.IsAttached);
    }

    private static void Exchange(TetherChannel owner, TetherChannel source)
    {
        for (bool moved = true; moved;)
        {
            moved = false;
            while (owner.TryTake(1, out TetherMessage? up))
            {
                Assert.IsTrue(Pair.Give(source, up, isSource: true));
                moved = true;
            }

            while (source.TryTake(1, out TetherMessage? down))
            {
                Assert.IsTrue(Pair.Give(owner, down, isSource: false));
                moved = true;
            }
        }
    }

    private sealed class Pair(byte[] bytes)
    {
        private readonly TetherChannel _source = new();
        private readonly Queue<TetherMessage> _up = new(), _down = new();
        private TetherChannel _owner = new();
        private int _queuedUp, _queuedDown;

        public List<byte> ToSource { get; } = [];

        public List<byte> ToOwner { get; } = [];

        public static bool Give(TetherChannel end, TetherMessage message, bool isSource) => message switch
        {
            TetherAttach attach => end.OnAttach(attach.Received, attach.Limit, isSource),
            TetherAck ack => end.OnAck(ack.Received, ack.Limit),
            TetherData data => end.OnData(data.Offset, data.Bytes.Span, data.IsLast),
            _ => false,
        };

        public void Attach()
        {
            _up.Clear();
            _down.Clear();
            _source.Detach();
            _owner.Attach();
        }

        public void Step(int step)
        {
            switch (step)
            {
                case 0: _queuedUp += Queue(_owner, _queuedUp); break;
                case 1: _queuedDown += Queue(_source, _queuedDown); break;
                case 2: Read(_owner, ToOwner); break;
                case 3: Read(_source, ToSource); break;
                case 4: Say(_owner, _up); break;
                case 5: Say(_source, _down); break;
                case 6: Hear(_source, _up, isSource: true); break;
                case 7: Hear(_owner, _down, isSource: false); break;
                case 8 when ToOwner.Count % 5 == 0: Attach(); break;
                case 9 when ToSource.Count % 7 == 0: Move(); break;
                default: break;
            }
        }

        public void Finish()
        {
            for (int i = 0; i < 1_000_000 && (ToOwner.Count < bytes.Length || ToSource.Count < bytes.Length); i++)
            {
                Step(i % 8);
            }
        }

        public static TetherChannel Move(TetherChannel owner)
        {
            SnapshotWriter writer = new(default);
            owner.Export(writer);
            SnapshotReader reader = new(writer.Written, default);
            TetherChannel next = TetherChannel.Import(reader);
            reader.End();
            return next;
        }

        private void Move()
        {
            _owner = Move(_owner);
            Attach();
        }

        private int Queue(TetherChannel end, int from)
        {
            int count = int.Min(int.Min(end.Room, 5_000), bytes.Length - from);
            end.Queue(bytes.AsSpan(from, count));
            return count;
        }

        private static void Read(TetherChannel end, List<byte> to)
        {
            int count = int.Min(end.Received.Length, 7_001);
            to.AddRange(end.Received[..count]);
            end.Consume(count);
        }

        private static void Say(TetherChannel end, Queue<TetherMessage> to)
        {
            if (end.TryTake(1, out TetherMessage? message))
            {
                to.Enqueue(message);
            }
        }

        private static void Hear(TetherChannel end, Queue<TetherMessage> from, bool isSource)
        {
            if (from.TryDequeue(out TetherMessage? message))
            {
                Assert.IsTrue(Give(end, message, isSource), message.ToString());
            }
        }
    }
}
