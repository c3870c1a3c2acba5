using System.Numerics;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Recovery;

/// <summary>The packets of one number space whose fate is open, and the frames in them.</summary>
/// <remarks>
/// Two rings, nothing allocated once they have their size. A slot belongs to a packet number (number modulo capacity); a packet's frames
/// stand next to each other in the second ring and are let go in the order of sending, when the oldest open packet has gone.
/// The slot of a packet that is gone points to a lower number where an open one may be, and the way is shortened whenever it is walked:
/// so an ACK that names the same thousands of numbers once more costs next to nothing.
/// Invariants: the slot of <c>_base</c> is open when there is any; the sums below are those of the open packets.
/// </remarks>
internal sealed class SentPackets : IPart<SentPackets>
{
    /// <summary>Slots that may be held between the oldest open packet and the newest; who sends stops before (see LossRecovery.SendAllowance).</summary>
    public const int MaxSpan = 1 << 18;

    /// <summary>Packets that ask for no acknowledgement are forgotten beyond this span: a peer need not ever acknowledge them.</summary>
    public const int MaxSilentSpan = 1024;

    private const int FirstCapacity = 16;

    private Slot[] _slots = [];
    private SentFrame[] _frames = [];
    private ulong _base;
    private int _span;
    private ulong _frameStart;
    private ulong _frameEnd;

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

    /// <summary>Numbers from the oldest open packet to the newest sent.</summary>
    public int Span => _span;

    /// <summary>The lowest number that cannot have been sent yet.</summary>
    public ulong End => _base + (ulong)_span;

    /// <exception cref="InvalidOperationException">The number is not above all earlier ones, or is too far above.</exception>
    public void OnSent(ulong number, Instant now, int size, bool ackEliciting, bool inFlight, Ecn ecn, ReadOnlySpan<SentFrame> frames)
    {
        if (_span == 0 && number >= _base)
        {
            _base = number;
        }

        if (number < End || number - _base >= MaxSpan)
        {
            throw new InvalidOperationException("packet numbers must grow, and not leap");
        }

        Reserve((int)(number - _base) + 1, frames.Length);
        for (ulong hole = End; hole < number; hole++)
        {
            At(hole) = new() { State = State.Never, Link = hole - 1 };
        }

        _span = (int)(number - _base) + 1;
        At(number) = new()
        {
            State = State.Open,
            SentAt = now,
            Size = size,
            AckEliciting = ackEliciting,
            InFlight = inFlight,
            Ecn = ecn,
            Link = _frameEnd,
            FrameCount = frames.Length,
        };
        foreach (SentFrame frame in frames)
        {
            _frames[_frameEnd++ & (ulong)(_frames.Length - 1)] = frame;
        }

        Count++;
        BytesInFlight += inFlight ? size : 0;
        AckElicitingInFlight += ackEliciting ? 1 : 0;
        LastAckElicitingAt = ackEliciting ? now : LastAckElicitingAt;
        SilentRun = ackEliciting ? 0 : SilentRun + 1;
        Changes++;

        while (_span > MaxSilentSpan && !At(_base).InFlight)
        {
            Remove(_base, State.Never);
        }
    }

    /// <summary>The open packet with the largest number that is not above <paramref name="number"/>.</summary>
    public bool TryFindAtOrBelow(ulong number, out SentPacket packet)
    {
        if (_span == 0 || number < _base)
        {
            packet = default;
            return false;
        }

        ulong start = ulong.Min(number, End - 1);
        ulong found = start;
        while (At(found).State != State.Open)
        {
            // The slot of _base is open, so the walk may stop there at the latest.
            found = ulong.Max(At(found).Link, _base);
        }

        for (ulong step = start; step != found;)
        {
            ref Slot slot = ref At(step);
            step = ulong.Max(slot.Link, _base);
            slot.Link = found;
        }

        packet = Get(found);
        return true;
    }

    /// <summary>The open packet with the smallest number from <paramref name="number"/> on. Walks: for timeouts, not for every ACK.</summary>
    public bool TryFindAtOrAbove(ulong number, out SentPacket packet)
    {
        for (ulong step = ulong.Max(number, _base); step < End; step++)
        {
            if (At(step).State == State.Open)
            {
                packet = Get(step);
                return true;
            }
        }

        packet = default;
        return false;
    }

    /// <summary>Whether this very packet is open.</summary>
    public bool TryGet(ulong number, out SentPacket packet)
    {
        bool open = number >= _base && number < End && At(number).State == State.Open;
        packet = open ? Get(number) : default;
        return open;
    }

    /// <summary>A packet that was acknowledged lies between two others: what was lost on its two sides is not one run (RFC 9002, section 7.6.2).</summary>
    public bool HasAckedBetween(ulong lower, ulong upper)
    {
        for (ulong number = ulong.Max(lower + 1, _base); number < upper; number++)
        {
            if (At(number).State == State.Acked)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Appends what an open packet carried.</summary>
    public void CopyFrames(ulong number, SentFrameBuffer target)
    {
        Slot slot = At(number);
        for (int i = 0; i < slot.FrameCount; i++)
        {
            target.Add(_frames[(slot.Link + (ulong)i) & (ulong)(_frames.Length - 1)]);
        }
    }

    public void OnAcked(ulong number) => Remove(number, State.Acked);

    public void OnLost(ulong number) => Remove(number, State.Lost);

    /// <summary>Lets go of an open packet that was never sent, or whose keys are gone.</summary>
    public void Forget(ulong number) => Remove(number, State.Never);

    /// <summary>Makes all that was sent look younger, after a time in which nothing could happen.</summary>
    public void Postpone(TimeSpan span)
    {
        for (ulong number = _base; number < End; number++)
        {
            ref Slot slot = ref At(number);
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
        for (ulong number = _base; number < End; number++)
        {
            Slot slot = At(number);
            ackedBefore |= slot.State == State.Acked;
            if (slot.State != State.Open)
            {
                continue;
            }

            writer.WriteNumber(number - previous);
            writer.WriteBool(ackedBefore);
            writer.WriteInstant(slot.SentAt);
            writer.WriteNumber((ulong)slot.Size);
            writer.WriteBool(slot.AckEliciting);
            writer.WriteBool(slot.InFlight);
            writer.WriteNumber((ulong)slot.Ecn);
            writer.WriteNumber((ulong)slot.FrameCount);
            for (int i = 0; i < slot.FrameCount; i++)
            {
                SentFrame frame = _frames[(slot.Link + (ulong)i) & (ulong)(_frames.Length - 1)];
                writer.WriteNumber((ulong)frame.Kind);
                writer.WriteNumber(frame.Id);
                writer.WriteNumber(frame.Offset);
                writer.WriteNumber(frame.Length);
                writer.WriteBool(frame.Fin);
            }

            previous = number;
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
            ulong number = previous + reader.ReadNumber(i == 0 ? VarInt.MaxValue : MaxSpan);
            bool ackedBefore = reader.ReadBool();
            Instant sentAt = reader.ReadInstant();
            int size = (int)reader.ReadNumber(ushort.MaxValue);
            bool ackEliciting = reader.ReadBool();
            bool inFlight = reader.ReadBool();
            Ecn ecn = (Ecn)reader.ReadNumber((ulong)Ecn.Ce);
            frames.Clear();
            for (int left = reader.ReadCount(); left > 0; left--)
            {
                SentFrameKind kind = (SentFrameKind)reader.ReadNumber((ulong)SentFrameKind.MtuProbe);
                frames.Add(new(kind, reader.ReadNumber(), reader.ReadNumber(), (uint)reader.ReadNumber(uint.MaxValue), reader.ReadBool()));
            }

            bool sound = (i == 0 || (number > previous && number - packets._base < MaxSpan))
                && number <= VarInt.MaxValue
                && sentAt <= reader.Now
                && size > 0
                && (inFlight || !ackEliciting);
            if (!sound)
            {
                throw new SnapshotException("sent packets contradict each other");
            }

            packets.OnSent(number, sentAt, size, ackEliciting, inFlight, ecn, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(frames));
            if (ackedBefore && i > 0 && number - previous > 1)
            {
                packets.At(number - 1).State = State.Acked;
            }

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
        ref Slot slot = ref At(number);
        if (slot.State != State.Open || number < _base || number >= End)
        {
            throw new InvalidOperationException("the packet is not open");
        }

        Count--;
        BytesInFlight -= slot.InFlight ? slot.Size : 0;
        AckElicitingInFlight -= slot.AckEliciting ? 1 : 0;
        slot.State = state;
        slot.Link = number == 0 ? 0 : number - 1;
        Changes++;

        while (_span > 0 && At(_base).State != State.Open)
        {
            _base++;
            _span--;
        }

        _frameStart = _span == 0 ? _frameEnd : At(_base).Link;
    }

    private SentPacket Get(ulong number)
    {
        Slot slot = At(number);
        return new(number, slot.SentAt, slot.Size, slot.AckEliciting, slot.InFlight, slot.Ecn);
    }

    private ref Slot At(ulong number) => ref _slots[number & (ulong)(_slots.Length - 1)];

    private void Reserve(int span, int frames)
    {
        if (span > _slots.Length)
        {
            Slot[] old = _slots;
            _slots = new Slot[int.Max(FirstCapacity, (int)BitOperations.RoundUpToPowerOf2((uint)span))];
            for (ulong number = _base; number < End; number++)
            {
                At(number) = old[number & (ulong)(old.Length - 1)];
            }
        }

        int needed = (int)(_frameEnd - _frameStart) + frames;
        if (needed > _frames.Length)
        {
            SentFrame[] old = _frames;
            _frames = new SentFrame[int.Max(FirstCapacity, (int)BitOperations.RoundUpToPowerOf2((uint)needed))];
            for (ulong i = _frameStart; i < _frameEnd; i++)
            {
                _frames[i & (ulong)(_frames.Length - 1)] = old[i & (ulong)(old.Length - 1)];
            }
        }
    }

    private struct Slot
    {
        public Instant SentAt;

        /// <summary>Open: where its frames begin. Else: a lower number, between which and this one no packet is open.</summary>
        public ulong Link;

        public int Size;
        public int FrameCount;
        public State State;
        public bool AckEliciting;
        public bool InFlight;
        public Ecn Ecn;
    }
}
