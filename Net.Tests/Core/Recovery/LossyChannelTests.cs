using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Tests.Core.Recovery;

/// <summary>A sender and a receiver over a channel that loses, reorders and doubles, both of which move between machines at random.</summary>
[TestClass]
public sealed class LossyChannelTests
{
    private const PacketNumberSpace App = PacketNumberSpace.ApplicationData;
    private const int Items = 400;

    /// <summary>
    /// Goal: every item arrives and the sender learns of it; no packet is processed twice; no number is used twice; the sums are right.
    /// Method: each packet carries items as stream frames; the naive model keeps every open packet in a dictionary.
    /// </summary>
    [TestMethod]
    public void Nothing_is_lost_for_good_and_the_sums_are_right()
    {
        for (int seed = 0; seed < 30; seed++)
        {
            new World(seed).Run();
        }
    }

    private sealed class World(int seed)
    {
        private readonly Random _random = new(seed);
        private readonly SortedSet<ulong> _toSend = [.. Enumerable.Range(0, Items).Select(i => (ulong)i)];
        private readonly HashSet<ulong> _confirmed = [];
        private readonly HashSet<ulong> _arrived = [];
        private readonly HashSet<ulong> _processed = [];
        private readonly Dictionary<ulong, int> _open = [];
        private readonly Dictionary<ulong, ulong[]> _sent = [];
        private readonly PriorityQueue<(bool ToReceiver, byte[] Ack, ulong Number), long> _wire = new();
        private readonly SentFrameBuffer _acked = new();
        private readonly SentFrameBuffer _lost = new();
        private LossRecovery _sender = Confirmed(seed);
        private ReceivedPackets _receiver = new(immediate: false);
        private Instant _now = RecoveryHarness.At(0);

        public void Run()
        {
            for (int step = 0; _confirmed.Count < Items; step++)
            {
                Assert.IsTrue(step < 100_000, $"seed {seed}: no end");
                Fill();
                if (_random.Next(40) == 0)
                {
                    Move();
                }

                Advance();
                Assert.AreEqual(_open.Values.Sum(size => (long)size), _sender.BytesInFlight, $"seed {seed}, step {step}");
            }

            Assert.AreEqual(Items, _arrived.Count);
        }

        private void Fill()
        {
            bool first = true;
            while ((_toSend.Count > 0 || (first && _sender.PendingProbes > 0)) && _sender.SendAllowance(_now) > 0)
            {
                first = false;
                if (_sender[App].Numbers.WantsSkip)
                {
                    _sender[App].Numbers.PlanSkip((ulong)_random.Next(1000));
                }

                ulong[] items = [.. _toSend.Take(1 + _random.Next(2))];
                foreach (ulong item in items)
                {
                    _ = _toSend.Remove(item);
                }

                SentFrame[] frames = [.. items.Select(item => new SentFrame(SentFrameKind.Stream, 0, item, 1)).DefaultIfEmpty(new(SentFrameKind.Ping))];
                ulong number = _sender[App].Numbers.Take();
                int size = 600 + _random.Next(600);
                Assert.IsTrue(_sent.TryAdd(number, items), "a number was used twice");
                _sender.OnSent(App, number, _now, size, true, true, Ecn.NotEct, frames);
                _open.Add(number, size);
                if (_random.Next(50) == 0)
                {
                    _sender.OnNotSent(App, number, _lost);
                    _ = _open.Remove(number);
                    Requeue();
                    continue;
                }

                Post(true, [], number);
            }
        }

        private void Advance()
        {
            Instant deadline = Instant.Min(_sender.Deadline, _receiver.AckDeadline);
            if (_wire.TryPeek(out _, out long at) && at <= deadline.Ticks)
            {
                _now = Instant.Max(_now, new(at));
                (bool toReceiver, byte[] ack, ulong number) = _wire.Dequeue();
                if (toReceiver)
                {
                    Receive(number);
                }
                else
                {
                    OnAck(ack);
                }
            }
            else
            {
                _now = Instant.Max(_now, deadline);
                if (_now >= _sender.Deadline)
                {
                    _ = _sender.OnTimeout(_now, _lost);
                    Forget();
                    Requeue();
                }
            }

            if (_receiver.AckIsDue(_now))
            {
                SendAck();
            }
        }

        private void Receive(ulong number)
        {
            Assert.IsTrue(!_processed.Contains(number) || _receiver.IsDuplicate(number));
            if (_receiver.IsDuplicate(number))
            {
                return;
            }

            Assert.IsTrue(_processed.Add(number), "a packet was processed twice");
            _receiver.OnReceived(number, true, Ecn.NotEct, _now);
            _arrived.UnionWith(_sent[number]);
        }

        private void SendAck()
        {
            PacketBuilder builder = new(new byte[300], new());
            Assert.IsTrue(_receiver.TryWriteAck(ref builder, _now, 3));
            Post(false, builder.Writer.Written.ToArray(), 0);
            if (_random.Next(3) == 0 && _receiver.Largest is ulong largest && largest > 50)
            {
                _receiver.OnAckOfAck(new(SentFrameKind.Ack, Id: largest - 50));
            }
        }

        private void OnAck(byte[] bytes)
        {
            ByteReader reader = new(bytes.AsSpan(1));
            Assert.IsTrue(AckFrame.TryRead(FrameType.Ack, ref reader, out AckFrame frame));
            _acked.Clear();
            Assert.IsFalse(_sender.OnAck(App, frame, RttEstimator.DecodeAckDelay(frame.Delay, 3), _now, true, _acked, _lost).IsError);
            foreach (SentFrame item in _acked.Frames)
            {
                Assert.IsTrue(_arrived.Contains(item.Offset), "confirmed before it arrived");
                _ = _confirmed.Add(item.Offset);
            }

            Forget();
            Requeue();
        }

        /// <summary>What the sender holds no more leaves the naive model, too, but nothing may leave without having been lost or acknowledged.</summary>
        private void Forget()
        {
            foreach (ulong number in _open.Keys.Where(number => !_sender[App].Sent.TryGet(number, out _)).ToArray())
            {
                Assert.IsTrue(_sent[number].All(item => _acked.Frames.ToArray().Concat(_lost.Frames.ToArray()).Any(f => f.Offset == item)));
                _ = _open.Remove(number);
            }
        }

        private void Requeue()
        {
            foreach (SentFrame item in _lost.Frames)
            {
                if (!_confirmed.Contains(item.Offset))
                {
                    _ = _toSend.Add(item.Offset);
                }
            }

            _lost.Clear();
        }

        private void Move()
        {
            _sender = RecoveryHarness.Move(_sender, true, _now, _now);
            _sender.OnOwnerChanged(_now, samePath: _random.Next(4) > 0);
            _receiver = PartAssert.Import<ReceivedPackets>(PartAssert.Export(_receiver, _now), _now);
        }

        private void Post(bool toReceiver, byte[] ack, ulong number)
        {
            for (int copies = _random.Next(100) switch { < 8 => 0, < 11 => 2, _ => 1 }; copies > 0; copies--)
            {
                TimeSpan delay = RecoveryHarness.Ms(10 + (_random.NextDouble() * (_random.Next(10) == 0 ? 25 : 1)));
                _wire.Enqueue((toReceiver, ack, number), (_now + delay).Ticks);
            }
        }

        private static LossRecovery Confirmed(int seed)
        {
            LossRecovery recovery = new(isServer: true, algorithm: seed % 2 == 0 ? CongestionAlgorithm.Cubic : CongestionAlgorithm.NewReno);
            recovery.OnHandshakeConfirmed();
            return recovery;
        }
    }
}
