using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Recovery;

/// <summary>Which packets of one number space have arrived, and when that must be said (RFC 9000, section 13.2).</summary>
/// <remarks>
/// The ranges serve two purposes: what was processed must never be processed again, and what is pending must be acknowledged.
/// Both are bounded: when there are too many ranges the lowest goes, and everything below counts as received from then on.
/// Invariants: ranges descend with at least one number missing between two; all of them are at or above <c>_floor</c>.
/// </remarks>
/// <param name="immediate">Initial and Handshake packets are acknowledged at once (RFC 9000, section 13.2.1).</param>
internal sealed class ReceivedPackets(bool immediate) : IPart<ReceivedPackets>
{
    /// <summary>Ranges remembered.</summary>
    public const int MaxRanges = 64;

    /// <summary>Ranges told in one ACK frame.</summary>
    public const int MaxReportedRanges = 32;

    /// <summary>Ack-eliciting packets that make an ACK due at the end of a batch.</summary>
    public const uint AckEvery = 2;

    private readonly bool _immediate = immediate;
    private AckRange[] _ranges = [];
    private int _count;
    private ulong _floor;
    private ulong _reportFrom;
    private ulong _pendingFrom = ulong.MaxValue;
    private ulong? _largestEliciting;
    private Instant _largestAt = Instant.Never;
    private Instant _deadline = Instant.Never;
    private uint _pending;
    private bool _ackNow;
    private EcnCounts _ecn;

    /// <summary>The longest time that we let a packet wait for its ACK: our max_ack_delay (RFC 9000, section 18.2).</summary>
    public static TimeSpan MaxAckDelay => TimeSpan.FromMilliseconds(25);

    public static ulong Section => SectionNumber.ReceivedPackets;

    public ulong Changes { get; private set; }

    /// <summary>The largest number received.</summary>
    public ulong? Largest => _count == 0 ? null : _ranges[0].Largest;

    /// <summary>When an ACK is due at the latest.</summary>
    public Instant AckDeadline => _deadline;

    /// <summary>A packet waits for its ACK: one should go with whatever is sent next. Never because of ACKs alone (checklist S5).</summary>
    public bool IsAckPending => _pending > 0 || _ackNow;

    public int RangeCount => _count;

    /// <summary>An ACK would tell the peer of packets that have not arrived, and of which it may not have heard yet.</summary>
    public bool TellsOfGaps => _count > 0 && _ranges[0].Smallest > ulong.Max(_reportFrom, _floor);

    /// <summary>An ACK should be sent now even if there is nothing else to send. Ask at the end of a batch.</summary>
    public bool AckIsDue(Instant now) => _ackNow || _pending >= AckEvery || now >= _deadline;

    /// <summary>The packet was processed before, or is so old that nobody can tell.</summary>
    public bool IsDuplicate(ulong number)
    {
        if (number < _floor)
        {
            return true;
        }

        for (int i = 0; i < _count; i++)
        {
            if (number >= _ranges[i].Smallest)
            {
                return number <= _ranges[i].Largest;
            }
        }

        return false;
    }

    /// <summary>A packet that is no duplicate was opened and processed.</summary>
    public void OnReceived(ulong number, bool ackEliciting, Ecn ecn, Instant now)
    {
        if (IsDuplicate(number))
        {
            return;
        }

        if (Largest is null || number > Largest)
        {
            _largestAt = now;
        }

        int index = Insert(number);
        _ecn = ecn switch
        {
            Ecn.Ect0 => _ecn with { Ect0 = _ecn.Ect0 + 1 },
            Ecn.Ect1 => _ecn with { Ect1 = _ecn.Ect1 + 1 },
            Ecn.Ce => _ecn with { Ce = _ecn.Ce + 1 },
            _ => _ecn,
        };

        // Rare: what an acknowledged ACK had left out has arrived after all, and must be told.
        _reportFrom = ulong.Min(_reportFrom, number);
        Changes++;
        if (!ackEliciting)
        {
            return;
        }

        // Out of order: behind a larger one, or ahead of something missing since the largest before it. What no range holds lies below them all.
        bool reordered = _largestEliciting is ulong largest
            && (number < largest || index < 0 || _ranges[index].Smallest > largest + 1);
        _largestEliciting = ulong.Max(_largestEliciting ?? 0, number);
        _pendingFrom = ulong.Min(_pendingFrom, number);
        _pending++;
        _ackNow |= _immediate || reordered || ecn == Ecn.Ce;
        if (_deadline.IsNever)
        {
            _deadline = now + MaxAckDelay;
        }
    }

    /// <summary>Writes an ACK of everything that is worth telling, or of as much as fits.</summary>
    /// <remarks>
    /// Where there is more than one frame may hold, it tells the newest, by which the peer finds what is lost, and the oldest: when these have arrived, what
    /// lies between becomes the oldest. So nothing that was received stays untold while the connection lasts (RFC 9000, section 13.2.3).
    /// </remarks>
    /// <param name="builder">The packet under way.</param>
    /// <param name="now">For the delay since the largest packet arrived.</param>
    /// <param name="ackDelayExponent">Ours, as told in our transport parameters; 3 before (RFC 9000, section 18.2).</param>
    public bool TryWriteAck(ref PacketBuilder builder, Instant now, int ackDelayExponent)
    {
        if (_count == 0)
        {
            return false;
        }

        int due = 1;
        while (due < _count && _ranges[due].Largest >= _reportFrom)
        {
            due++;
        }

        Span<AckRange> reported = stackalloc AckRange[MaxReportedRanges];
        int count = int.Min(due, MaxReportedRanges);
        int newest = due == count ? count : MaxReportedRanges / 2;
        for (int i = 0; i < count; i++)
        {
            AckRange range = _ranges[i < newest ? i : due - count + i];
            reported[i] = range.Largest >= _reportFrom ? new(ulong.Max(range.Smallest, _reportFrom), range.Largest) : range;
        }

        long microseconds = long.Max(0, (now - _largestAt).Ticks / TimeSpan.TicksPerMicrosecond);
        EcnCounts? ecn = _ecn == default ? null : _ecn;
        int written = AckFrame.Write(ref builder.Writer, reported[..count], (ulong)microseconds >> ackDelayExponent, ecn, builder.Free);
        if (written == 0)
        {
            return false;
        }

        if (written == due)
        {
            builder.Add(new(SentFrameKind.Ack, Id: _ranges[0].Largest));
            _pendingFrom = ulong.MaxValue;
        }
        else
        {
            // Of the oldest, none was told where the room was short.
            ulong told = written == count ? reported[newest].Largest + 1 : _reportFrom;
            builder.Add(new(SentFrameKind.Ack, Id: _ranges[0].Largest, Offset: told, Fin: true));
            _pendingFrom = ulong.Max(_pendingFrom, told);
        }

        _pending = 0;
        _ackNow = false;
        _deadline = Instant.Never;
        Changes++;
        return true;
    }

    /// <summary>An ACK that we sent has arrived: what it told need not be told again (RFC 9000, section 13.2.4).</summary>
    /// <param name="ack">As <see cref="TryWriteAck"/> noted it.</param>
    public void OnAckOfAck(in SentFrame ack)
    {
        // What came after that ACK was written, below its largest number, is still to be told.
        ulong from = ulong.Min(ack.Fin ? ack.Offset : ack.Id + 1, _pendingFrom);
        if (from > _reportFrom)
        {
            _reportFrom = from;
            Changes++;
        }
    }

    /// <summary>The packet that carried our last ACK was never sent.</summary>
    public void OnAckNotSent()
    {
        _ackNow = _count > 0;
        Changes++;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteBool(_immediate);
        writer.WriteNumber(_floor);
        writer.WriteNumber(_reportFrom);
        writer.WriteNumber(_pendingFrom);
        writer.WriteBool(_largestEliciting is not null);
        writer.WriteNumber(_largestEliciting ?? 0);
        writer.WriteInstant(_largestAt);
        writer.WriteInstant(_deadline);
        writer.WriteNumber(_pending);
        writer.WriteBool(_ackNow);
        writer.WriteNumber(_ecn.Ect0);
        writer.WriteNumber(_ecn.Ect1);
        writer.WriteNumber(_ecn.Ce);
        writer.WriteNumber((ulong)_count);
        for (int i = 0; i < _count; i++)
        {
            writer.WriteNumber(_ranges[i].Largest);
            writer.WriteNumber(_ranges[i].Smallest);
        }
    }

    public static ReceivedPackets Import(SnapshotReader reader)
    {
        ReceivedPackets packets = new(immediate: reader.ReadBool())
        {
            _floor = reader.ReadNumber(VarInt.MaxValue + 1),
            _reportFrom = reader.ReadNumber(VarInt.MaxValue + 1),
            _pendingFrom = reader.ReadNumber(),
        };
        bool hasEliciting = reader.ReadBool();
        ulong largestEliciting = reader.ReadNumber(VarInt.MaxValue);
        packets._largestEliciting = hasEliciting ? largestEliciting : null;
        packets._largestAt = reader.ReadInstant();
        packets._deadline = reader.ReadInstant();
        packets._pending = (uint)reader.ReadNumber(uint.MaxValue / 2);
        packets._ackNow = reader.ReadBool();
        packets._ecn = new(reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue), reader.ReadNumber(VarInt.MaxValue));
        packets._count = (int)reader.ReadNumber(MaxRanges);
        packets._ranges = new AckRange[packets._count];
        bool sound = (packets._count > 0) != packets._largestAt.IsNever
            && (packets._count > 0 || !packets.IsAckPending)
            && (packets._pending == 0 || (!packets._deadline.IsNever && hasEliciting));
        for (int i = 0; i < packets._count; i++)
        {
            ulong largest = reader.ReadNumber(VarInt.MaxValue);
            ulong smallest = reader.ReadNumber(largest);
            sound &= smallest >= packets._floor && (i == 0 || largest + 1 < packets._ranges[i - 1].Smallest);
            packets._ranges[i] = new(smallest, largest);
        }

        sound &= packets._largestEliciting is null || packets._largestEliciting <= (packets.Largest ?? 0);
        sound &= packets._largestAt.IsNever || packets._largestAt <= reader.Now;
        return sound ? packets : throw new SnapshotException("received packets contradict each other");
    }

    /// <summary>Adds a number that is in no range. Returns the index of the range that holds it then; -1 when it fell out at once, being the lowest of too many.</summary>
    private int Insert(ulong number)
    {
        int index = 0;
        while (index < _count && number < _ranges[index].Smallest)
        {
            index++;
        }

        // The range at index lies below the number, the one before it above.
        bool joinsBelow = index < _count && _ranges[index].Largest + 1 == number;
        bool joinsAbove = index > 0 && _ranges[index - 1].Smallest == number + 1;
        if (joinsBelow && joinsAbove)
        {
            _ranges[index - 1] = new(_ranges[index].Smallest, _ranges[index - 1].Largest);
            _ranges.AsSpan(index + 1, _count - index - 1).CopyTo(_ranges.AsSpan(index));
            _count--;
            index--;
        }
        else if (joinsBelow)
        {
            _ranges[index] = new(_ranges[index].Smallest, number);
        }
        else if (joinsAbove)
        {
            index--;
            _ranges[index] = new(number, _ranges[index].Largest);
        }
        else
        {
            return Open(index, number);
        }

        return index;
    }

    private int Open(int index, ulong number)
    {
        if (_count == MaxRanges)
        {
            // The lowest range goes, which may be the new one: its packet was processed, and is a duplicate if it comes again.
            if (index == _count)
            {
                _floor = number + 1;
                return -1;
            }

            _floor = _ranges[--_count].Largest + 1;
        }

        if (_count == _ranges.Length)
        {
            Array.Resize(ref _ranges, int.Clamp(_ranges.Length * 2, 4, MaxRanges));
        }

        _ranges.AsSpan(index, _count - index).CopyTo(_ranges.AsSpan(index + 1));
        _ranges[index] = new(number, number);
        _count++;
        return index;
    }
}
