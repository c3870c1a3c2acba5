using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Recovery;

/// <summary>The packet numbers that one space has spent, promised or left out, and how the next one is encoded.</summary>
/// <remarks>
/// A number is spent when its packet is sealed: whatever becomes of the datagram, no owner of the connection seals under it again.
/// Numbers come from reserved blocks. A checkpoint holds the end of the block, and a standby that takes over by force starts there:
/// what lies between its own last knowledge and that end was *perhaps sent*, so an acknowledgement there proves nothing and is no fault.
/// Some numbers are left out on purpose: only a peer that acknowledges what it never received can name them (RFC 9000, section 21.4).
/// Invariants: <c>_largestAcked &lt; _next &lt;= _reservedEnd</c>; every skipped number is below <c>_next</c>, in ascending order.
/// </remarks>
internal sealed class PacketNumbers : IPart<PacketNumbers>
{
    /// <summary>Numbers in a block that is reserved when the last one is used up.</summary>
    public const ulong DefaultBlock = 1024;

    /// <summary>Numbers that a take-over may leap: bounds the holes that the sent packets must keep room for.</summary>
    public const ulong MaxBlock = 1 << 16;

    /// <summary>Skipped numbers that are remembered; the peer's acknowledgements of older ones no longer end the connection.</summary>
    public const int MaxSkipped = 8;

    private const ulong FirstSkipSpan = 256;
    private const ulong LastSkipSpan = 1 << 16;

    private readonly List<ulong> _skipped = [];
    private ulong _next;
    private ulong _reservedEnd;
    private ulong? _largestAcked;
    private ulong _perhapsStart;
    private ulong _perhapsEnd;
    private ulong? _firstOfOwner;
    private ulong? _skipAt;
    private ulong _skipSpan = FirstSkipSpan;

    public static ulong Section => SectionNumber.SentPacketNumbers;

    public ulong Changes { get; private set; }

    /// <summary>The number that the next packet will have, unless it is skipped.</summary>
    public ulong Next => _next;

    /// <summary>The largest number of a packet that was sent by a known owner and acknowledged.</summary>
    public ulong? LargestAcked => _largestAcked;

    /// <summary>The first number that is not promised yet.</summary>
    public ulong ReservedEnd => _reservedEnd;

    /// <summary>The first number that this owner may use, when it took the connection over from another.</summary>
    public ulong? FirstOfOwner => _firstOfOwner;

    /// <summary>No number to leave out is chosen: call <see cref="PlanSkip"/> with fresh randomness.</summary>
    public bool WantsSkip => _skipAt is null;

    /// <summary>Chooses which number will be left out next. The intervals grow, as the defence costs the peer an early ACK each time.</summary>
    /// <param name="random">64 bits that the peer cannot guess.</param>
    public void PlanSkip(ulong random)
    {
        _skipAt = _next + 1 + (random % _skipSpan);
        _skipSpan = ulong.Min(_skipSpan * 2, LastSkipSpan);
        Changes++;
    }

    /// <summary>Leaves out the next number if its turn has come. To be called before <see cref="Next"/> is written into a packet.</summary>
    public void SkipIfDue()
    {
        if (_next == _skipAt)
        {
            if (_skipped.Count == MaxSkipped)
            {
                _skipped.RemoveAt(0);
            }

            _skipped.Add(_next++);
            _skipAt = null;
            // It is not promised to anybody either.
            _reservedEnd = ulong.Max(_reservedEnd, _next);
            Changes++;
        }
    }

    /// <summary>Spends a number. Call it when the packet is sealed.</summary>
    public ulong Take()
    {
        SkipIfDue();
        if (_next >= _reservedEnd)
        {
            Reserve(DefaultBlock);
        }

        Changes++;
        return _next++;
    }

    /// <summary>Promises that numbers up to <see cref="Next"/> + <paramref name="blockSize"/> will be used by this owner alone.</summary>
    public void Reserve(ulong blockSize)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(blockSize, MaxBlock);
        _reservedEnd = ulong.Max(_reservedEnd, _next + blockSize);
        Changes++;
    }

    /// <summary>For a standby that takes over by force, after the import of a checkpoint: goes on behind everything the old owner may have used.</summary>
    public void SkipReserved()
    {
        _perhapsStart = _perhapsEnd == _perhapsStart ? _next : _perhapsStart;
        _perhapsEnd = _reservedEnd;
        _next = _reservedEnd;
        _skipAt = null;
        Changes++;
    }

    /// <summary>Numbers from here on are of a new owner.</summary>
    public void OnOwnerChanged()
    {
        _firstOfOwner = _next;
        Changes++;
    }

    /// <summary>A packet that is known to have been sent was acknowledged.</summary>
    public void OnAcked(ulong number)
    {
        if (_largestAcked is null || number > _largestAcked)
        {
            _largestAcked = number;
            Changes++;
        }
    }

    /// <summary>Some number of the range was left out: nobody can have received it.</summary>
    public bool HoldsSkipped(ulong smallest, ulong largest)
    {
        // The newest first: ACK ranges rarely reach far back, and most acknowledgements hold none of these.
        for (int i = _skipped.Count - 1; i >= 0; i--)
        {
            if (_skipped[i] >= smallest && _skipped[i] <= largest)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a packet of this number may have been sent by an owner whose last deeds are not known.</summary>
    public bool IsPerhapsSent(ulong number) => number >= _perhapsStart && number < _perhapsEnd;

    /// <summary>Bytes of the encoding of a packet number, 1 to 4.</summary>
    public int EncodedLength(ulong number) =>
        // The peer may have received numbers of the old owner that this one does not know of: the widest window is sure to fit.
        _firstOfOwner is ulong first && (_largestAcked is null || _largestAcked < first)
            ? 4
            : PacketNumber.EncodedLength(number, _largestAcked);

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(_next);
        writer.WriteNumber(_reservedEnd);
        WriteOptional(writer, _largestAcked);
        writer.WriteNumber(_perhapsStart);
        writer.WriteNumber(_perhapsEnd);
        WriteOptional(writer, _firstOfOwner);
        WriteOptional(writer, _skipAt);
        writer.WriteNumber(_skipSpan);
        writer.WriteNumber((ulong)_skipped.Count);
        foreach (ulong number in _skipped)
        {
            writer.WriteNumber(number);
        }
    }

    public static PacketNumbers Import(SnapshotReader reader)
    {
        PacketNumbers numbers = new()
        {
            _next = reader.ReadNumber(VarInt.MaxValue),
            _reservedEnd = reader.ReadNumber(VarInt.MaxValue),
            _largestAcked = ReadOptional(reader),
            _perhapsStart = reader.ReadNumber(VarInt.MaxValue),
            _perhapsEnd = reader.ReadNumber(VarInt.MaxValue),
            _firstOfOwner = ReadOptional(reader),
            _skipAt = ReadOptional(reader),
            _skipSpan = reader.ReadNumber(LastSkipSpan),
        };
        int count = (int)reader.ReadNumber(MaxSkipped);
        bool sound = numbers._reservedEnd >= numbers._next
            && numbers._reservedEnd - numbers._next <= MaxBlock
            && (numbers._largestAcked ?? 0) <= numbers._next
            && numbers._largestAcked != numbers._next
            && numbers._perhapsStart <= numbers._perhapsEnd
            && numbers._perhapsEnd <= numbers._next
            && (numbers._firstOfOwner ?? 0) <= numbers._next
            && (numbers._skipAt ?? ulong.MaxValue) >= numbers._next
            && numbers._skipSpan >= FirstSkipSpan;
        for (int i = 0; i < count; i++)
        {
            ulong number = reader.ReadNumber(VarInt.MaxValue);
            sound &= number < numbers._next && (i == 0 || number > numbers._skipped[i - 1]);
            numbers._skipped.Add(number);
        }

        return sound ? numbers : throw new SnapshotException("packet numbers contradict each other");
    }

    private static void WriteOptional(SnapshotWriter writer, ulong? value)
    {
        writer.WriteBool(value is not null);
        if (value is ulong number)
        {
            writer.WriteNumber(number);
        }
    }

    private static ulong? ReadOptional(SnapshotReader reader) => reader.ReadBool() ? reader.ReadNumber(VarInt.MaxValue) : null;
}
