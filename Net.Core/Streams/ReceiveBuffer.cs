using Net.Core.Snapshots;

namespace Net.Core.Streams;

/// <summary>Bytes of a stream as they arrive: in any order, cut anywhere, any number of times; read in order.</summary>
/// <remarks>
/// <para>Each byte is stored at its place in a chunk. Behind the first gap a bitmap per chunk says which bytes are there: the cost of a frame is
/// linear in its length however a peer cuts the stream, and the memory is the window and an eighth, so no number of gaps needs a limit of its own.
/// The caller keeps offsets within its flow-control window: that is the bound.</para>
/// <para>Of bytes that arrive twice the first win; RFC 9000, section 2.2 lets a receiver ignore that the later ones differ.</para>
/// <para>Invariants: Consumed &lt;= Contiguous &lt;= Highest, and Contiguous = Highest when there is no gap.</para>
/// </remarks>
internal sealed class ReceiveBuffer
{
    /// <summary>The largest distance from the first unread to the last received byte that is restored from a snapshot; no window may be larger.</summary>
    public const ulong MaxWindow = 1UL << 28;

    private ChunkRing _chunks;

    /// <summary>All bytes below were read.</summary>
    public ulong Consumed { get; private set; }

    /// <summary>All bytes below have arrived.</summary>
    public ulong Contiguous { get; private set; }

    /// <summary>The end of the last byte that has arrived.</summary>
    public ulong Highest { get; private set; }

    public bool HasGaps => Contiguous != Highest;

    public ulong Readable => Contiguous - Consumed;

    /// <summary>Memory held, in bytes.</summary>
    public long Rented => _chunks.Rented;

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (offset < Contiguous)
        {
            ulong known = ulong.Min((ulong)data.Length, Contiguous - offset);
            data = data[(int)known..];
            offset += known;
        }

        if (data.IsEmpty)
        {
            return;
        }

        if (offset == Contiguous && !HasGaps)
        {
            Append(data);
            return;
        }

        Highest = ulong.Max(Highest, offset + (ulong)data.Length);
        Store(offset, data);
        // The first gap may have been closed.
        if (offset == Contiguous)
        {
            Contiguous = EndOfRun(Contiguous);
        }
    }

    /// <summary>Bytes that can be read now, without a copy, as far as they lie together; the next come after <see cref="Consume"/>.</summary>
    public ReadOnlySpan<byte> Peek()
    {
        if (Readable == 0)
        {
            return default;
        }

        int position = ChunkRing.PositionOf(Consumed);
        int length = (int)ulong.Min(Readable, (ulong)(ChunkRing.Size - position));
        return _chunks.Find(ChunkRing.ChunkOf(Consumed)).AsSpan(position, length);
    }

    public void Consume(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)count, Readable, nameof(count));
        Consumed += (ulong)count;
        if (Consumed == Highest)
        {
            _chunks.Clear(ChunkRing.ChunkOf(Consumed));
        }
        else
        {
            _chunks.ReleaseBelow(ChunkRing.ChunkOf(Consumed));
        }
    }

    /// <summary>Drops everything that was not read, and counts it and what is missing up to <paramref name="end"/> as read.</summary>
    public void Discard(ulong end)
    {
        Consumed = Contiguous = Highest = ulong.Max(Highest, end);
        _chunks.Clear(ChunkRing.ChunkOf(Consumed));
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(Consumed);
        // Pieces: 1 + the distance from the end of the one before, then the bytes; 0 ends them.
        ulong end = Consumed;
        for (ulong at = Consumed; at < Highest;)
        {
            ulong stop = at < Contiguous ? Contiguous : EndOfRun(at);
            while (at < stop)
            {
                int position = ChunkRing.PositionOf(at);
                int length = (int)ulong.Min(stop - at, (ulong)(ChunkRing.Size - position));
                writer.WriteNumber(1 + at - end);
                writer.WriteBytes(_chunks.Find(ChunkRing.ChunkOf(at)).AsSpan(position, length));
                at += (ulong)length;
                end = at;
            }

            at = StartOfNextRun(at);
        }

        writer.WriteNumber(0);
    }

    public static ReceiveBuffer Import(SnapshotReader reader)
    {
        ulong consumed = reader.ReadNumber(Wire.VarInt.MaxValue);
        ReceiveBuffer buffer = new() { Consumed = consumed, Contiguous = consumed, Highest = consumed };
        buffer._chunks.Clear(ChunkRing.ChunkOf(consumed));
        ulong at = consumed;
        while (reader.ReadNumber(MaxWindow) is ulong distance and > 0)
        {
            ReadOnlyMemory<byte> bytes = reader.ReadBytes();
            at += distance - 1;
            if (bytes.IsEmpty || at + (ulong)bytes.Length - consumed > MaxWindow)
            {
                throw new SnapshotException("received bytes lie outside any window");
            }

            buffer.Write(at, bytes.Span);
            at += (ulong)bytes.Length;
        }

        return buffer;
    }

    // The usual case: the next bytes, and nothing behind a gap. No bitmap is touched.
    private void Append(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            Span<byte> room = _chunks.Get(ChunkRing.ChunkOf(Contiguous)).AsSpan(0, ChunkRing.Size)[ChunkRing.PositionOf(Contiguous)..];
            int length = int.Min(room.Length, data.Length);
            data[..length].CopyTo(room);
            data = data[length..];
            Contiguous += (ulong)length;
        }

        Highest = Contiguous;
    }

    private void Store(ulong offset, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            ulong chunk = ChunkRing.ChunkOf(offset);
            int from = ChunkRing.PositionOf(offset);
            int end = int.Min(ChunkRing.Size, from + data.Length);
            Span<byte> bytes = _chunks.Get(chunk);
            Span<byte> bitmap = _chunks.GetBitmap(chunk);
            for (int at = BitRuns.Next(bitmap, from, end, value: false); at < end;)
            {
                int stop = BitRuns.Next(bitmap, at, end, value: true);
                data[(at - from)..(stop - from)].CopyTo(bytes[at..]);
                at = BitRuns.Next(bitmap, stop, end, value: false);
            }

            BitRuns.Set(bitmap, from, end);
            data = data[(end - from)..];
            offset += (ulong)(end - from);
        }
    }

    private ulong EndOfRun(ulong offset)
    {
        while (_chunks.FindBitmap(ChunkRing.ChunkOf(offset)) is byte[] bitmap)
        {
            int from = ChunkRing.PositionOf(offset);
            int end = BitRuns.Next(bitmap, from, ChunkRing.Size, value: false);
            offset += (ulong)(end - from);
            if (end < ChunkRing.Size)
            {
                break;
            }
        }

        return offset;
    }

    private ulong StartOfNextRun(ulong offset)
    {
        while (offset < Highest)
        {
            int from = ChunkRing.PositionOf(offset);
            int start = _chunks.FindBitmap(ChunkRing.ChunkOf(offset)) is byte[] bitmap
                ? BitRuns.Next(bitmap, from, ChunkRing.Size, value: true)
                : ChunkRing.Size;
            offset += (ulong)(start - from);
            if (start < ChunkRing.Size)
            {
                break;
            }
        }

        return offset;
    }
}
