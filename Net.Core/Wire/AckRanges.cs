namespace Net.Core.Wire;

/// <summary>The ranges of an ACK frame, largest numbers first, decoded while they are walked: <c>foreach ((ulong smallest, ulong largest) in ranges)</c>.</summary>
/// <remarks>The bytes were checked when the frame was read: no range here falls below 0, and their number is bounded by the datagram.</remarks>
internal readonly ref struct AckRanges
{
    private readonly ulong _largest;
    private readonly ulong _first;
    private readonly ReadOnlySpan<byte> _rest;

    private AckRanges(ulong largest, ulong first, int count, ReadOnlySpan<byte> rest)
    {
        _largest = largest;
        _first = first;
        _rest = rest;
        Count = count;
    }

    /// <summary>At least one.</summary>
    public int Count { get; }

    /// <summary>Gap and length of the ranges behind the first, as they stand on the wire.</summary>
    internal ReadOnlySpan<byte> Encoded => _rest;

    /// <summary>Numbers in the first range, less one, as it stands on the wire.</summary>
    internal ulong First => _first;

    /// <summary>False when cut or when a number falls below 0 (RFC 9000, section 19.3.1).</summary>
    internal static bool TryRead(ulong largest, scoped ref ByteReader reader, out AckRanges ranges)
    {
        ranges = default;

        // Each further range takes two bytes at least: a count beyond that is refused before anything is walked (checklist S3).
        if (!reader.TryReadVarInt(out ulong count)
            || !reader.TryReadVarInt(out ulong first)
            || first > largest
            || count > (ulong)reader.Remaining / 2)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = reader.Rest;
        int start = reader.Position;
        ulong smallest = largest - first;
        for (ulong i = 0; i < count; i++)
        {
            if (!reader.TryReadVarInt(out ulong gap)
                || !reader.TryReadVarInt(out ulong length)
                || gap + 2 > smallest
                || length > smallest - gap - 2)
            {
                return false;
            }

            smallest -= gap + 2 + length;
        }

        ranges = new(largest, first, 1 + (int)count, rest[..(reader.Position - start)]);
        return true;
    }

    public Enumerator GetEnumerator() => new(this);

    internal ref struct Enumerator(AckRanges ranges)
    {
        private readonly ulong _largest = ranges._largest;
        private readonly ulong _first = ranges._first;
        private ByteReader _rest = new(ranges._rest);
        private int _left = ranges.Count;
        private bool _started;

        public AckRange Current { get; private set; }

        public bool MoveNext()
        {
            if (_left == 0)
            {
                return false;
            }

            _left--;
            if (!_started)
            {
                _started = true;
                Current = new(_largest - _first, _largest);
                return true;
            }

            // Two numbers less than the gap's own value are neither in the range above nor in the one below.
            _ = _rest.TryReadVarInt(out ulong gap);
            _ = _rest.TryReadVarInt(out ulong length);
            ulong largest = Current.Smallest - gap - 2;
            Current = new(largest - length, largest);
            return true;
        }
    }
}
