using System.Runtime.InteropServices;
using Net.Core.Snapshots;

namespace Net.Core.Streams;

/// <summary>The bytes from <paramref name="Start"/> up to, not including, <paramref name="End"/>.</summary>
internal readonly record struct ByteRange(ulong Start, ulong End)
{
    public ulong Length => End - Start;
}

/// <summary>A set of stream offsets as sorted ranges that neither touch nor overlap.</summary>
/// <remarks>
/// It holds what became of frames that we cut ourselves (lost, acknowledged ahead of others), so a peer cannot make it finer than our own packets.
/// What a peer cuts, the received bytes, is marked in bitmaps instead: see <see cref="ReceiveBuffer"/>.
/// </remarks>
internal sealed class RangeSet
{
    private readonly List<ByteRange> _ranges = [];

    public bool IsEmpty => _ranges.Count == 0;

    public int Count => _ranges.Count;

    /// <summary>The lowest range; the set must not be empty.</summary>
    public ByteRange First => _ranges[0];

    /// <summary>Valid until the next change.</summary>
    public ReadOnlySpan<ByteRange> Ranges => CollectionsMarshal.AsSpan(_ranges);

    public void Clear() => _ranges.Clear();

    public void Add(ulong start, ulong end)
    {
        if (start >= end)
        {
            return;
        }

        // All ranges from first to last touch or overlap the new one and melt into it.
        int first = FirstEndingAtOrAfter(start);
        int last = first;
        while (last < _ranges.Count && _ranges[last].Start <= end)
        {
            start = ulong.Min(start, _ranges[last].Start);
            end = ulong.Max(end, _ranges[last].End);
            last++;
        }

        if (last == first)
        {
            _ranges.Insert(first, new(start, end));
            return;
        }

        _ranges[first] = new(start, end);
        _ranges.RemoveRange(first + 1, last - first - 1);
    }

    public void Remove(ulong start, ulong end)
    {
        if (start >= end)
        {
            return;
        }

        int first = FirstEndingAtOrAfter(start);
        if (first < _ranges.Count && _ranges[first].End == start)
        {
            first++;
        }

        int last = first;
        ulong head = start, tail = end;
        while (last < _ranges.Count && _ranges[last].Start < end)
        {
            head = ulong.Min(head, _ranges[last].Start);
            tail = ulong.Max(tail, _ranges[last].End);
            last++;
        }

        _ranges.RemoveRange(first, last - first);
        if (last > first && tail > end)
        {
            _ranges.Insert(first, new(end, tail));
        }

        if (last > first && head < start)
        {
            _ranges.Insert(first, new(head, start));
        }
    }

    /// <summary>Adds what of a range is not in <paramref name="except"/>.</summary>
    public void AddExcept(ulong start, ulong end, RangeSet except)
    {
        for (int i = except.FirstEndingAtOrAfter(start); start < end && i < except._ranges.Count; i++)
        {
            ByteRange hole = except._ranges[i];
            Add(start, ulong.Min(end, hole.Start));
            start = ulong.Max(start, hole.End);
        }

        Add(start, end);
    }

    public bool Contains(ulong offset)
    {
        int i = FirstEndingAtOrAfter(offset);
        i += i < _ranges.Count && _ranges[i].End == offset ? 1 : 0;
        return i < _ranges.Count && _ranges[i].Start <= offset;
    }

    public bool Overlaps(RangeSet other)
    {
        for (int i = 0, k = 0; i < _ranges.Count && k < other._ranges.Count;)
        {
            ByteRange mine = _ranges[i], theirs = other._ranges[k];
            if (mine.Start < theirs.End && theirs.Start < mine.End)
            {
                return true;
            }

            i += mine.End <= theirs.End ? 1 : 0;
            k += theirs.End < mine.End ? 1 : 0;
        }

        return false;
    }

    /// <summary>Written as distances, so that the numbers stay short.</summary>
    public void Export(SnapshotWriter writer, ulong from)
    {
        writer.WriteNumber((ulong)_ranges.Count);
        foreach (ByteRange range in _ranges)
        {
            writer.WriteNumber(range.Start - from);
            writer.WriteNumber(range.Length);
            from = range.End;
        }
    }

    /// <exception cref="SnapshotException">The ranges are empty, touch, or leave what lies between <paramref name="from"/> and <paramref name="to"/>.</exception>
    public static RangeSet Import(SnapshotReader reader, ulong from, ulong to)
    {
        RangeSet set = new();
        int count = reader.ReadCount();
        for (int i = 0; i < count; i++)
        {
            ulong start = from + reader.ReadNumber(to - from);
            ulong length = reader.ReadNumber(to - start);
            if (length == 0 || (i > 0 && start == from))
            {
                throw new SnapshotException("ranges are empty or touch");
            }

            from = start + length;
            set._ranges.Add(new(start, from));
        }

        return set;
    }

    private int FirstEndingAtOrAfter(ulong offset)
    {
        int low = 0, high = _ranges.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_ranges[middle].End < offset)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
