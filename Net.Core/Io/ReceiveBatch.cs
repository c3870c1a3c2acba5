using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>Datagrams that arrived together, in buffers that are used again for the next batch.</summary>
/// <remarks>
/// A channel takes room with <see cref="TryReserve"/> and fills it with <see cref="Commit"/>; one reservation may hold many datagrams of
/// one peer, equally long but for the last (GRO). Whoever iterates sees single datagrams and may overwrite them: they are opened in place.
/// The memory is pinned for the batch's whole life, so a system call may write to it without further ado.
/// </remarks>
internal sealed class ReceiveBatch
{
    /// <summary>The largest UDP payload there is, and what one reservation offers at least.</summary>
    public const int ReservationSize = 65_536;

    /// <summary>
    /// Receive calls per batch, whatever they gave: between two batches the shard sends and lets its timers run. Empty datagrams cost a sender nothing,
    /// and would else be received for as long as they come (checklist S49).
    /// </summary>
    public const int MaxEntries = 64;

    private readonly byte[] _memory;
    private readonly Entry[] _entries = new Entry[MaxEntries];
    private readonly NetworkPath[] _paths = new NetworkPath[MaxEntries];
    private int _used;
    private int _calls;

    /// <param name="capacity">Bytes of buffer; at least one reservation's.</param>
    public ReceiveBatch(int capacity = 6 * ReservationSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, ReservationSize);
        _memory = GC.AllocateUninitializedArray<byte>(capacity, pinned: true);
    }

    /// <summary>Receive calls that it holds datagrams of.</summary>
    public int Entries { get; private set; }

    /// <summary>Datagrams that it holds.</summary>
    public int Datagrams { get; private set; }

    public bool IsEmpty => Datagrams == 0;

    public void Clear()
    {
        _used = 0;
        _calls = 0;
        Entries = 0;
        Datagrams = 0;
    }

    /// <summary>Room for one receive call; nothing is taken before <see cref="Commit"/>, but the call counts.</summary>
    public bool TryReserve(out Span<byte> room)
    {
        if (_calls == MaxEntries || _memory.Length - _used < ReservationSize)
        {
            room = default;
            return false;
        }

        _calls++;
        room = _memory.AsSpan(_used, ReservationSize);
        return true;
    }

    /// <summary>Keeps the first bytes of the reservation.</summary>
    /// <param name="length">Bytes received; an empty datagram leaves nothing behind.</param>
    /// <param name="segmentSize">Length of each datagram but the last; 0 when it is one.</param>
    /// <param name="path">Where from, and where to.</param>
    /// <param name="ecn">Of all of them: the kernel only joins what is alike.</param>
    public void Commit(int length, int segmentSize, in NetworkPath path, Ecn ecn)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)ReservationSize, nameof(length));
        if (length == 0)
        {
            return;
        }

        segmentSize = segmentSize <= 0 || segmentSize > length ? length : segmentSize;
        _paths[Entries] = path;
        _entries[Entries++] = new(_used, length, segmentSize, ecn);
        Datagrams += (length + segmentSize - 1) / segmentSize;
        _used += length;
    }

    public Enumerator GetEnumerator() => new(this);

    private readonly record struct Entry(int Start, int Length, int SegmentSize, Ecn Ecn);

    /// <summary>One datagram, in the batch's own memory.</summary>
    public readonly ref struct Datagram(Span<byte> bytes, ref readonly NetworkPath path, Ecn ecn)
    {
        private readonly ref readonly NetworkPath _path = ref path;

        public Span<byte> Bytes { get; } = bytes;

        public Ecn Ecn { get; } = ecn;

        /// <summary>Where it came from and which of our addresses it was sent to.</summary>
        public ref readonly NetworkPath Path => ref _path;
    }

    public ref struct Enumerator(ReceiveBatch batch)
    {
        private int _entry = -1;
        private int _offset;
        private int _end;

        public readonly Datagram Current
        {
            get
            {
                ref readonly Entry entry = ref batch._entries[_entry];
                return new(batch._memory.AsSpan(_offset, SegmentLength(entry)), ref batch._paths[_entry], entry.Ecn);
            }
        }

        public bool MoveNext()
        {
            if (_entry >= 0)
            {
                _offset += SegmentLength(batch._entries[_entry]);
                if (_offset < _end)
                {
                    return true;
                }
            }

            if (_entry + 1 >= batch.Entries)
            {
                return false;
            }

            _entry++;
            _offset = batch._entries[_entry].Start;
            _end = _offset + batch._entries[_entry].Length;
            return true;
        }

        private readonly int SegmentLength(in Entry entry) => int.Min(entry.SegmentSize, _end - _offset);
    }
}
