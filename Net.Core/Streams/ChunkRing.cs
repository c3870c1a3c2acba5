using System.Buffers;
using System.Numerics;

namespace Net.Core.Streams;

/// <summary>The bytes of a moving piece of a stream, in pooled chunks: chunk n holds offsets n * <see cref="Size"/> and following.</summary>
/// <remarks>A mutable value: keep it in a field that is not read-only. Chunks may be missing anywhere. Holds nothing while there is no data.</remarks>
internal struct ChunkRing
{
    public const int Size = 1 << Shift;

    private const int Shift = 14;
    private const int BitmapBytes = Size / 8;
    private const int KeptSlots = 4;

    // A power of two of slots; chunk n lives in slot n modulo their number, and all chunks held lie in [_first, _first + slots).
    private Slot[]? _slots;
    private ulong _first;

    public static ulong ChunkOf(ulong offset) => offset >> Shift;

    public static int PositionOf(ulong offset) => (int)(offset & (Size - 1));

    /// <summary>Bytes rented; for tests and accounting.</summary>
    public readonly long Rented
    {
        get
        {
            long sum = 0;
            foreach (Slot slot in _slots ?? [])
            {
                sum += (slot.Bytes?.Length ?? 0) + (slot.Present?.Length ?? 0);
            }

            return sum;
        }
    }

    /// <summary>The chunk's bytes, or null when it is not there.</summary>
    public readonly byte[]? Find(ulong chunk) => Holds(chunk) ? _slots![IndexOf(chunk)].Bytes : null;

    /// <summary>The chunk's bitmap of bytes that are there (one bit each), or null when it has none.</summary>
    public readonly byte[]? FindBitmap(ulong chunk) => Holds(chunk) ? _slots![IndexOf(chunk)].Present : null;

    /// <summary>The chunk's bytes, rented if need be; <paramref name="chunk"/> lies at or above the last <see cref="ReleaseBelow"/>.</summary>
    public byte[] Get(ulong chunk)
    {
        MakeRoom(chunk);
        return _slots![IndexOf(chunk)].Bytes ??= ArrayPool<byte>.Shared.Rent(Size);
    }

    /// <summary>The chunk's bitmap, rented and cleared if need be.</summary>
    public byte[] GetBitmap(ulong chunk)
    {
        MakeRoom(chunk);
        ref Slot slot = ref _slots![IndexOf(chunk)];
        if (slot.Present is null)
        {
            slot.Present = ArrayPool<byte>.Shared.Rent(BitmapBytes);
            slot.Present.AsSpan(0, BitmapBytes).Clear();
        }

        return slot.Present;
    }

    public void ReleaseBelow(ulong chunk)
    {
        if (_slots is null)
        {
            _first = ulong.Max(_first, chunk);
            return;
        }

        ulong stop = ulong.Min(chunk, _first + (ulong)_slots.Length);
        for (ulong n = _first; n < stop; n++)
        {
            Return(ref _slots[IndexOf(n)]);
        }

        _first = ulong.Max(_first, chunk);
    }

    /// <summary>Returns everything; the ring goes on at <paramref name="chunk"/>.</summary>
    public void Clear(ulong chunk)
    {
        foreach (ref Slot slot in _slots.AsSpan())
        {
            Return(ref slot);
        }

        // A short table is kept: a stream that is emptied with every packet allocates nothing.
        _slots = _slots is { Length: <= KeptSlots } ? _slots : null;
        _first = chunk;
    }

    private readonly bool Holds(ulong chunk) => _slots is not null && chunk >= _first && chunk - _first < (ulong)_slots.Length;

    private readonly int IndexOf(ulong chunk) => (int)(chunk & (ulong)(_slots!.Length - 1));

    private void MakeRoom(ulong chunk)
    {
        if (chunk < _first)
        {
            throw new ArgumentOutOfRangeException(nameof(chunk), "the chunk was released");
        }

        ulong needed = chunk - _first + 1;
        if (_slots is not null && needed <= (ulong)_slots.Length)
        {
            return;
        }

        Slot[] old = _slots ?? [];
        Slot[] slots = new Slot[BitOperations.RoundUpToPowerOf2(ulong.Max(needed, 2))];
        for (ulong n = _first; n < _first + (ulong)old.Length; n++)
        {
            slots[n & (ulong)(slots.Length - 1)] = old[n & (ulong)(old.Length - 1)];
        }

        _slots = slots;
    }

    private static void Return(ref Slot slot)
    {
        if (slot.Bytes is not null)
        {
            ArrayPool<byte>.Shared.Return(slot.Bytes);
        }

        if (slot.Present is not null)
        {
            ArrayPool<byte>.Shared.Return(slot.Present);
        }

        slot = default;
    }

    private struct Slot
    {
        public byte[]? Bytes;
        public byte[]? Present;
    }
}
