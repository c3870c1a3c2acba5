using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>Datagrams of a shard's connections that have arrived at another thread of its port, in order.</summary>
/// <remarks>
/// Two buffers that change places: nothing is allocated once they have grown, and nothing at all before the first stray. What does not fit is lost, as
/// datagrams are, and counted: a thread that cannot keep up must not take the others' memory.
/// </remarks>
/// <param name="wake">Ends the wait of the shard's thread.</param>
internal sealed class StrayQueue(Action wake)
{
    /// <summary>Datagrams that wait: some milliseconds of a fast client that has moved.</summary>
    public const int MaxDatagrams = 1_024;

    /// <summary>Bytes of them.</summary>
    public const int MaxBytes = 1 << 20;

    private const int FirstBytes = 1 << 14;
    private const int FirstDatagrams = 16;

    private readonly Lock _gate = new();
    private Store _incoming = new();
    private Store _taken = new();
    private bool _isClosed;
    private long _passed;
    private long _dropped;

    /// <summary>Where a datagram is in the bytes that were taken, and what came with it.</summary>
    public readonly record struct Stray(int Start, int Length, NetworkPath Path, Ecn Ecn);

    /// <summary>Datagrams that came in.</summary>
    public long Passed => Interlocked.Read(ref _passed);

    /// <summary>Datagrams that were lost because too many waited.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>From any thread.</summary>
    /// <returns>False when nobody takes any more: the shard is gone.</returns>
    public bool TryAdd(ReadOnlySpan<byte> datagram, in NetworkPath path, Ecn ecn)
    {
        bool isFirst;
        lock (_gate)
        {
            if (_isClosed)
            {
                return false;
            }

            isFirst = _incoming.Count == 0;
            if (!_incoming.TryAdd(datagram, path, ecn))
            {
                _dropped++;
                return true;
            }

            _passed++;
        }

        // Later ones find it awake: it has not taken the first one yet.
        if (isFirst)
        {
            wake();
        }

        return true;
    }

    /// <summary>All that came since the last call, for the shard's thread. Valid until the next call, and may be overwritten.</summary>
    public ReadOnlySpan<Stray> Take(out Span<byte> bytes)
    {
        _taken.Clear();
        lock (_gate)
        {
            (_incoming, _taken) = (_taken, _incoming);
        }

        bytes = _taken.Bytes;
        return _taken.Strays;
    }

    /// <summary>Takes nothing any more.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            (_incoming, _taken) = (new(), new());
        }
    }

    private sealed class Store
    {
        private byte[] _bytes = [];
        private Stray[] _strays = [];
        private int _used;

        public int Count { get; private set; }

        public Span<byte> Bytes => _bytes.AsSpan(0, _used);

        public ReadOnlySpan<Stray> Strays => _strays.AsSpan(0, Count);

        public bool TryAdd(ReadOnlySpan<byte> datagram, in NetworkPath path, Ecn ecn)
        {
            if (Count == MaxDatagrams || datagram.Length > MaxBytes - _used)
            {
                return false;
            }

            Grow(ref _bytes, _used + datagram.Length, FirstBytes);
            Grow(ref _strays, Count + 1, FirstDatagrams);
            datagram.CopyTo(_bytes.AsSpan(_used));
            _strays[Count++] = new(_used, datagram.Length, path, ecn);
            _used += datagram.Length;
            return true;
        }

        public void Clear() => (_used, Count) = (0, 0);

        private static void Grow<T>(ref T[] array, int needed, int first)
        {
            if (array.Length < needed)
            {
                Array.Resize(ref array, int.Max(first, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)needed)));
            }
        }
    }
}
