using System.Security.Cryptography;
using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>Datagrams that arrived together, in buffers that are used again for the next batch.</summary>
/// <remarks>
/// A channel takes room with <see cref="TryReserve"/> and fills it with <see cref="Commit"/>, or, for several datagrams with one call, with <see cref="Front"/>,
/// <see cref="Rest"/> and <see cref="Fill"/>; one reservation may hold many datagrams of one peer, equally long but for the last (GRO). Whoever iterates sees single datagrams and may overwrite them: they are opened in place.
/// The memory is pinned for the batch's whole life, so a system call may write to it without further ado; what is never written to costs nothing.
/// </remarks>
internal sealed class ReceiveBatch
{
    /// <summary>The largest UDP payload there is, and what one reservation offers at least.</summary>
    public const int ReservationSize = 65_536;

    /// <summary>
    /// Datagrams, or joined ones, that are received per batch, whether they are of use or not: between two batches the shard sends and lets its timers run. Empty datagrams
    /// cost a sender nothing, and would else be received for as long as they come (checklist S49).
    /// </summary>
    public const int MaxEntries = 64;

    /// <summary>Small datagrams that came with one call of many lie next to each other, each in so many bytes: more than a packet of Ethernet.</summary>
    public const int FrontSize = 2048;

    private byte[] _memory;
    private int _capacity;
    private readonly Entry[] _entries = new Entry[MaxEntries];
    private readonly NetworkPath[] _paths = new NetworkPath[MaxEntries];
    private int _used;
    private int _filled;
    private int _received;
    private int _mostUsed;
    private int _mostReceived;

    /// <param name="capacity">Bytes of buffer; at least one reservation's. 128 KiB more are for small datagrams.</param>
    public ReceiveBatch(int capacity = 4 * ReservationSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, ReservationSize);
        _capacity = capacity;
        _memory = PinnedBuffers.Rent(capacity + (MaxEntries * FrontSize));
    }

    /// <summary>Datagrams, or joined ones, that it holds.</summary>
    public int Entries { get; private set; }

    /// <summary>Datagrams that it holds, each of the joined ones counted.</summary>
    public int Datagrams { get; private set; }

    public bool IsEmpty => Datagrams == 0;

    public void Clear()
    {
        (_mostUsed, _mostReceived) = (int.Max(_mostUsed, _used), int.Max(_mostReceived, _received));
        _used = 0;
        _received = 0;
        Entries = 0;
        Datagrams = 0;
    }

    /// <summary>Gives the memory to the next batch: this one has no room any more.</summary>
    /// <remarks>Datagrams were opened in it: what was ever written is overwritten, and no more, as the rest is not even backed by memory.</remarks>
    public void Release()
    {
        Clear();
        if (_memory.Length > 0)
        {
            CryptographicOperations.ZeroMemory(_memory.AsSpan(0, _mostUsed));
            CryptographicOperations.ZeroMemory(_memory.AsSpan(_capacity, _mostReceived * FrontSize));
            PinnedBuffers.Return(_memory);
            (_memory, _capacity) = ([], 0);
        }
    }

    /// <summary>For how many datagrams, or joined ones, there is room whatever their length.</summary>
    public int Vacancies => int.Min((_capacity - _used) / ReservationSize, MaxEntries - _received);

    /// <summary>Room for one datagram, or joined ones; no memory is taken before <see cref="Commit"/>, but it counts as received.</summary>
    public bool TryReserve(out Span<byte> room)
    {
        if (Vacancies == 0)
        {
            room = default;
            return false;
        }

        _received++;
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
        Add(_used, length, segmentSize, path, ecn);
        _used += length;
    }

    /// <summary>Where the first bytes of a datagram go that is received together with others, the first of them being 0; below <see cref="Vacancies"/>.</summary>
    public Span<byte> Front(int index) => _memory.AsSpan(_capacity + ((_received + index) * FrontSize), FrontSize);

    /// <summary>Where the bytes go that <see cref="Front"/> does not hold.</summary>
    public Span<byte> Rest(int index) => _memory.AsSpan(_used + (index * ReservationSize) + FrontSize, ReservationSize - FrontSize);

    /// <summary>Keeps a datagram that was received into <see cref="Front"/> and <see cref="Rest"/>, as <see cref="Commit"/> does. In order.</summary>
    public void Fill(int index, int length, int segmentSize, in NetworkPath path, Ecn ecn)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)ReservationSize, nameof(length));
        int start = _capacity + ((_received + index) * FrontSize);
        if (length > FrontSize)
        {
            start = _used + (index * ReservationSize);
            Front(index).CopyTo(_memory.AsSpan(start));
            _filled = start + length;
        }

        Add(start, length, segmentSize, path, ecn);
    }

    /// <summary>After so many were received together, and filled in unless they were of no use: their room is taken.</summary>
    public void EndFill(int count)
    {
        _received += count;
        (_used, _filled) = (int.Max(_used, _filled), 0);
    }

    public Enumerator GetEnumerator() => new(this);

    /// <summary>A datagram, or joined ones, the first being 0: of one peer, equally long but for the last.</summary>
    public Burst this[int entry]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)entry, (uint)Entries, nameof(entry));
            ref readonly Entry at = ref _entries[entry];
            return new(_memory.AsSpan(at.Start, at.Length), at.SegmentSize, ref _paths[entry], at.Ecn);
        }
    }

    private void Add(int start, int length, int segmentSize, in NetworkPath path, Ecn ecn)
    {
        if (length == 0)
        {
            return;
        }

        segmentSize = segmentSize <= 0 || segmentSize > length ? length : segmentSize;
        _paths[Entries] = path;
        _entries[Entries++] = new(start, length, segmentSize, ecn);
        Datagrams += (length + segmentSize - 1) / segmentSize;
    }

    private readonly record struct Entry(int Start, int Length, int SegmentSize, Ecn Ecn);

    /// <summary>One datagram, in the batch's own memory.</summary>
    public readonly ref struct Datagram(SendPiece piece, ref readonly NetworkPath path, Ecn ecn)
    {
        private readonly ref readonly NetworkPath _path = ref path;

        public Span<byte> Bytes => Piece.Bytes;

        /// <summary>The same bytes, to be sent on before the batch is used again.</summary>
        public SendPiece Piece { get; } = piece;

        public Ecn Ecn { get; } = ecn;

        /// <summary>Where it came from and which of our addresses it was sent to.</summary>
        public ref readonly NetworkPath Path => ref _path;
    }

    /// <summary>A datagram, or joined ones, in the batch's own memory.</summary>
    public readonly ref struct Burst(Span<byte> bytes, int segmentSize, ref readonly NetworkPath path, Ecn ecn)
    {
        private readonly ref readonly NetworkPath _path = ref path;

        public Span<byte> Bytes { get; } = bytes;

        /// <summary>Length of each but the last, which may be shorter.</summary>
        public int SegmentSize { get; } = segmentSize;

        public Ecn Ecn { get; } = ecn;

        /// <inheritdoc cref="Datagram.Path"/>
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
                return new(new(batch._memory, _offset, SegmentLength(entry)), ref batch._paths[_entry], entry.Ecn);
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
