using System.Numerics;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Recovery;

/// <summary>The packets of one number space whose fate is open, and the frames in them.</summary>
/// <remarks>
/// Two rings, nothing allocated once they have their size. A packet's place in the first counts packets, not numbers, so that an old one which is
/// never acknowledged holds no room for all numbers above it; a packet's frames stand next to each other in the second ring. Both are let go in the
/// order of sending, when the oldest open packet has gone, or when they are full: what is open moves together then, before more memory is taken.
/// The place of a packet that is gone points to a lower one where an open one may be, and the way is shortened whenever it is walked:
/// so an ACK that names the same thousands of numbers once more costs next to nothing.
/// Invariants: the place <c>_first</c> is open when there is any; numbers ascend; the sums below are those of the open packets.
/// </remarks>
internal sealed class SentPackets : IPart<SentPackets>
{
    /// <summary>Open packets that are not in flight: beyond that the oldest is forgotten, as a peer need not ever acknowledge it.</summary>
    public const int MaxSilent = 1024;

    private const int FirstCapacity = 16;

    private Slot[] _slots = [];
    private SentFrame[] _frames = [];
    private ulong _first;
    private int _held;
    private ulong _end;
    private ulong _frameStart;
    private ulong _frameEnd;
    private int _silent;
    // No open packet below it is silent: a hint, not older than the last time that the rings were packed.
    private ulong _silentFrom;

    private enum State : byte
    {
        Never,
        Open,
        Acked,
        Lost,
    }

    public static ulong Section => SectionNumber.SentPackets;

    public ulong Changes { get; private set; }

    /// <summary>Bytes of the open packets that count against the congestion window.</summary>
    public long BytesInFlight { get; private set; }

    /// <summary>Open packets.</summary>
    public int Count { get; private set; }

    /// <summary>Open packets that the peer must acknowledge.</summary>
    public int AckElicitingInFlight { get; private set; }

    /// <summary>When the last of them was sent, open or not (time_of_last_ack_eliciting_packet).</summary>
    public Instant LastAckElicitingAt { get; private set; } = Instant.Never;

    /// <summary>When the next packet will be lost by time, unless it is acknowledged before (loss_time).</summary>
    public Instant LossTime
    {
        get;
        set
        {
            Changes += field == value ? 0UL : 1UL;
            field = value;
        }
    } = Instant.Never;

    /// <summary>Packets sent since the last one that the peer must acknowledge.</summary>
    public int SilentRun { get; private set; }

    /// <summary>Packets that memory is held for: the open ones, and those that are gone between them.</summary>
    public int Capacity => _slots.Length;

    /// <summary>The lowest number that cannot have been sent yet.</summary>
    public ulong End => _end;

    /// <exception cref="InvalidOperationException">The number is not above all earlier ones.</exception>
    public void OnSent(ulong number, Instant now, int size, bool ackEliciting, bool inFlight, Ecn ecn, ReadOnlySpan<SentFrame> frames)
    {
        if (number < _end)
        {
            throw new InvalidOperationException("packet numbers must grow");
        }

        if (!inFlight && _silent == MaxSilent)
        {
            ForgetOldestSilent();
        }

        Reserve(frames.Length);
        At(_first + (ulong)_held++) = new()
        {
            Number = number,
            State = State.Open,
            SentAt = now,
            Size = (ushort)size,
            AckEliciting = ackEliciting,
            InFlight = inFlight,
            Ecn = ecn,
            Link = _frameEnd,
            FrameCount = (ushort)frames.Length,
        };
        foreach (SentFrame frame in frames)
        {
            FrameAt(_frameEnd++) = frame;
        }

        _end = number + 1;
        _silent += inFlight ? 0 : 1;
        Count++;
        BytesInFlight += inFlight ? size : 0;
        AckElicitingInFlight += ackEliciting ? 1 : 0;
        LastAckElicitingAt = ackEliciting ? now : LastAckElicitingAt;
        SilentRun = ackEliciting ? 0 : SilentRun + 1;
        Changes++;
    }

    /// <summary>The open packet with the largest number that is not above <paramref name="number"/>.</summary>
    public bool TryFindAtOrBelow(ulong number, out SentPacket packet)
    {
        if (_held == 0 || number < At(_first).Number)
        {
            packet = default;
            return false;
        }

        ulong start = Locate(number);
        ulong found = start;
        while (At(found).State != State.Open)
        {
            // The place _first is open, so the walk may stop there at the latest.
            found = ulong.Max(At(found).Link, _first);
        }

        for (ulong step = start; step != found;)
        {
            ref Slot slot = ref At(step);
            step = ulong.Max(slot.Link, _first);
            slot.Link = found;
        }

        packet = Get(found);
        return true;
    }

    /// <summary>The open packet with the smallest number from <paramref name="number"/> on. Walks: for timeouts, not for every ACK.</summary>
    public bool TryFindAtOrAbove(ulong number, out SentPacket packet)
    {
        for (ulong place = FirstFrom(number); place < Last; place++)
        {
            if (At(place).State == State.Open)
            {
                packet = Get(place);
                return true;
            }
        }

        packet = default;
        return false;
    }

    /// <summary>Whether this very packet is open.</summary>
    public bool TryGet(ulong number, out SentPacket packet)
    {
        bool open = TryLocateOpen(number, out ulong place);
        packet = open ? Get(place) : default;
        return open;
    }

    /// <summary>A packet that was acknowledged lies between two others: what was lost on its two sides is not one run (RFC 9002, section 7.6.2).</summary>
    public bool HasAckedBetween(ulong lower, ulong upper)
    {
        for (ulong place = FirstFrom(lower + 1); place < Last && At(place).Number < upper; place++)
        {
            if (At(place).State == State.Acked)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Appends what an open packet carried.</summary>
    public void CopyFrames(ulong number, SentFrameBuffer target)
    {
        if (TryLocateOpen(number, out ulong place))
        {
            Slot slot = At(place);
            for (int i = 0; i < slot.FrameCount; i++)
            {
                target.Add(FrameAt(slot.Link + (ulong)i));
            }
        }
    }

    public void OnAcked(ulong number) => Remove(number, State.Acked);

    public void OnLost(ulong number) => Remove(number, State.Lost);

    /// <summary>Lets go of an open packet that was never sent, or whose keys are gone.</summary>
    public void Forget(ulong number) => Remove(number, State.Never);

    /// <summary>Makes all that was sent look younger, after a time in which nothing could happen.</summary>
    public void Postpone(TimeSpan span)
    {
        for (ulong place = _first; place < Last; place++)
        {
            ref Slot slot = ref At(place);
            slot.SentAt += span;
        }

        LastAckElicitingAt += span;
        LossTime += span;
        Changes++;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteInstant(LastAckElicitingAt);
        writer.WriteInstant(LossTime);
        writer.WriteNumber((ulong)SilentRun);
        writer.WriteNumber((ulong)Count);
        ulong previous = 0;
        bool ackedBefore = false;
        for (ulong place = _first; place < Last; place++)
        {
            Slot slot = At(place);
            ackedBefore |= slot.State == State.Acked;
            if (slot.State != State.Open)
            {
                continue;
            }

            writer.WriteNumber(slot.Number - previous);
            writer.WriteBool(ackedBefore);
            writer.WriteInstant(slot.SentAt);
            writer.WriteNumber((ulong)slot.Size);
            writer.WriteBool(slot.AckEliciting);
            writer.WriteBool(slot.InFlight);
            writer.WriteNumber((ulong)slot.Ecn);
            writer.WriteNumber((ulong)slot.FrameCount);
            for (int i = 0; i < slot.FrameCount; i++)
            {
                SentFrame frame = FrameAt(slot.Link + (ulong)i);
                writer.WriteNumber((ulong)frame.Kind);
                writer.WriteNumber(frame.Id);
                writer.WriteNumber(frame.Offset);
                writer.WriteNumber(frame.Length);
                writer.WriteBool(frame.Fin);
            }

            previous = slot.Number;
            ackedBefore = false;
        }
    }

    public static SentPackets Import(SnapshotReader reader)
    {
        SentPackets packets = new();
        Instant lastAckElicitingAt = reader.ReadInstant();
        Instant lossTime = reader.ReadInstant();
        int silentRun = (int)reader.ReadNumber(int.MaxValue / 2);
        int count = reader.ReadCount();
        ulong previous = 0;
        List<SentFrame> frames = [];
        for (int i = 0; i < count; i++)
        {
            ulong number = previous + reader.ReadNumber(VarInt.MaxValue);
            bool ackedBefore = reader.ReadBool();
            Instant sentAt = reader.ReadInstant();
            int size = (int)reader.ReadNumber(ushort.MaxValue);
            bool ackEliciting = reader.ReadBool();
            bool inFlight = reader.ReadBool();
            Ecn ecn = (Ecn)reader.ReadNumber((ulong)Ecn.Ce);
            frames.Clear();
            int frameCount = reader.ReadCount();
            for (int left = frameCount; left > 0; left--)
            {
                SentFrameKind kind = (SentFrameKind)reader.ReadNumber((ulong)SentFrameKind.MtuProbe);
                frames.Add(new(kind, reader.ReadNumber(), reader.ReadNumber(), (uint)reader.ReadNumber(uint.MaxValue), reader.ReadBool()));
            }

            bool sound = (i == 0 || number > previous)
                && number <= VarInt.MaxValue
                && sentAt <= reader.Now
                && size > 0
                && frameCount <= ushort.MaxValue
                && (inFlight || !ackEliciting);
            if (!sound)
            {
                throw new SnapshotException("sent packets contradict each other");
            }

            if (ackedBefore && i > 0 && number - previous > 1)
            {
                packets.OnSent(number - 1, sentAt, size, ackEliciting: false, inFlight: true, ecn, []);
                packets.OnAcked(number - 1);
            }

            packets.OnSent(number, sentAt, size, ackEliciting, inFlight, ecn, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(frames));

            previous = number;
        }

        packets.LastAckElicitingAt = lastAckElicitingAt;
        packets.LossTime = lossTime;
        packets.SilentRun = silentRun;
        bool timed = packets.AckElicitingInFlight == 0 || (!lastAckElicitingAt.IsNever && lastAckElicitingAt <= reader.Now);
        return timed ? packets : throw new SnapshotException("packets wait for an acknowledgement since never");
    }

    private void Remove(ulong number, State state)
    {
        if (!TryLocateOpen(number, out ulong place))
        {
            throw new InvalidOperationException("the packet is not open");
        }

        RemoveAt(place, state);
    }

    private void RemoveAt(ulong place, State state)
    {
        ref Slot slot = ref At(place);
        Count--;
        _silent -= slot.InFlight ? 0 : 1;
        BytesInFlight -= slot.InFlight ? slot.Size : 0;
        AckElicitingInFlight -= slot.AckEliciting ? 1 : 0;
        slot.State = state;
        slot.Link = place == 0 ? 0 : place - 1;
        Changes++;

        while (_held > 0 && At(_first).State != State.Open)
        {
            _first++;
            _held--;
        }

        _frameStart = _held == 0 ? _frameEnd : At(_first).Link;
    }

    private void ForgetOldestSilent()
    {
        // There is one: the sum says so.
        ulong place = ulong.Max(_silentFrom, _first);
        while (At(place) is { InFlight: true } or { State: not State.Open })
        {
            place++;
        }

        _silentFrom = place + 1;
        RemoveAt(place, State.Never);
    }

    private SentPacket Get(ulong place)
    {
        Slot slot = At(place);
        return new(slot.Number, slot.SentAt, slot.Size, slot.AckEliciting, slot.InFlight, slot.Ecn);
    }

    private ulong Last => _first + (ulong)_held;

    private ref Slot At(ulong place) => ref _slots[place & (ulong)(_slots.Length - 1)];

    private ref SentFrame FrameAt(ulong place) => ref _frames[place & (ulong)(_frames.Length - 1)];

    private bool TryLocateOpen(ulong number, out ulong place)
    {
        place = 0;
        if (_held == 0 || number < At(_first).Number)
        {
            return false;
        }

        place = Locate(number);
        return At(place).Number == number && At(place).State == State.Open;
    }

    /// <summary>The first place whose number is not below this one.</summary>
    private ulong FirstFrom(ulong number)
    {
        if (_held == 0 || number <= At(_first).Number)
        {
            return _first;
        }

        ulong place = Locate(number);
        return At(place).Number < number ? place + 1 : place;
    }

    /// <summary>The last place whose number is not above this one, which is not below the first.</summary>
    private ulong Locate(ulong number)
    {
        // It lies there if every number has a place, which nearly all have, and never higher: so the search begins there, with growing steps.
        ulong high = _first + ulong.Min(number - At(_first).Number, (ulong)_held - 1);
        if (At(high).Number <= number)
        {
            return high;
        }

        ulong step = 1;
        for (; high - _first > step && At(high - step).Number > number; step *= 2)
        {
            high -= step;
        }

        ulong low = high - ulong.Min(step, high - _first);
        while (high - low > 1)
        {
            ulong middle = low + ((high - low) / 2);
            if (At(middle).Number <= number)
            {
                low = middle;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>Makes room for one packet with so many frames.</summary>
    private void Reserve(int frames)
    {
        if (_held < _slots.Length && FramesHeld + frames <= _frames.Length)
        {
            return;
        }

        // What is held for the sake of a few old packets gives way before more memory is taken: each time at least a third of it, so that packing
        // costs each packet little.
        if (Count < _held / 3)
        {
            Pack();
        }

        if (_held == _slots.Length)
        {
            Slot[] old = _slots;
            _slots = new Slot[int.Max(FirstCapacity, old.Length * 2)];
            for (ulong place = _first; place < Last; place++)
            {
                At(place) = old[place & (ulong)(old.Length - 1)];
            }
        }

        if (FramesHeld + frames > _frames.Length)
        {
            SentFrame[] old = _frames;
            _frames = new SentFrame[int.Max(FirstCapacity, (int)BitOperations.RoundUpToPowerOf2((uint)(FramesHeld + frames)))];
            for (ulong place = _frameStart; place < _frameEnd; place++)
            {
                FrameAt(place) = old[place & (ulong)(old.Length - 1)];
            }
        }
    }

    private int FramesHeld => (int)(_frameEnd - _frameStart);

    /// <summary>Moves the open packets together. Of those that are gone, one that was acknowledged stays where there were any: see <see cref="HasAckedBetween"/>.</summary>
    private void Pack()
    {
        ulong to = _first, frameTo = _frameStart;
        bool isAfterAcked = false;
        for (ulong place = _first; place < Last; place++)
        {
            Slot slot = At(place);
            if (slot.State == State.Open)
            {
                ulong from = slot.Link;
                slot.Link = frameTo;
                for (int i = 0; i < slot.FrameCount; i++)
                {
                    FrameAt(frameTo++) = FrameAt(from++);
                }
            }
            else if (slot.State == State.Acked && !isAfterAcked)
            {
                slot.Link = to - 1;
            }
            else
            {
                continue;
            }

            isAfterAcked = slot.State == State.Acked;
            At(to++) = slot;
        }

        _held = (int)(to - _first);
        _frameEnd = frameTo;
        _silentFrom = _first;
    }

    private struct Slot
    {
        public ulong Number;
        public Instant SentAt;

        /// <summary>Open: where its frames begin. Else: a lower place, between which and this one no packet is open.</summary>
        public ulong Link;

        public ushort Size;
        public ushort FrameCount;
        public State State;
        public bool AckEliciting;
        public bool InFlight;
        public Ecn Ecn;
    }
}
