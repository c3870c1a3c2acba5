using Net.Core.Snapshots;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>Bytes of a stream on their way out, kept until they are acknowledged.</summary>
/// <remarks>
/// <para>Start &lt;= Sent &lt;= End. Below Start all is acknowledged and forgotten; from Sent on nothing was ever sent. Between them a byte is
/// acknowledged ahead of others, lost (to be sent again), or in flight: then some sent packet answers for it, and sent packets travel by themselves.</para>
/// </remarks>
internal sealed class SendBuffer
{
    private ChunkRing _chunks;
    private readonly RangeSet _lost;
    private readonly RangeSet _acked;

    public SendBuffer() : this(new(), new()) { }

    private SendBuffer(RangeSet lost, RangeSet acked) => (_lost, _acked) = (lost, acked);

    public ulong Start { get; private set; }

    public ulong Sent { get; private set; }

    public ulong End { get; private set; }

    /// <summary>Bytes that the buffer answers for: written and not yet acknowledged in order.</summary>
    public ulong Held => End - Start;

    public bool HasLost => !_lost.IsEmpty;

    public bool HasNew => Sent != End;

    /// <summary>Memory held, in bytes.</summary>
    public long Rented => _chunks.Rented;

    public void Write(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            Span<byte> room = _chunks.Get(ChunkRing.ChunkOf(End)).AsSpan(0, ChunkRing.Size)[ChunkRing.PositionOf(End)..];
            int length = int.Min(room.Length, data.Length);
            data[..length].CopyTo(room);
            data = data[length..];
            End += (ulong)length;
        }
    }

    /// <summary>The first lost bytes; only while <see cref="HasLost"/>.</summary>
    public ByteRange FirstLost => _lost.First;

    /// <summary>The first <paramref name="count"/> lost bytes are in flight again.</summary>
    public void TakeLost(int count) => _lost.Remove(_lost.First.Start, _lost.First.Start + (ulong)count);

    /// <summary>The next <paramref name="count"/> bytes are in flight.</summary>
    public void TakeNew(int count) => Sent += (ulong)count;

    /// <summary>Copies held bytes out, into a packet.</summary>
    public void Copy(ulong offset, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            ReadOnlySpan<byte> piece = At(offset, (ulong)destination.Length);
            piece.CopyTo(destination);
            destination = destination[piece.Length..];
            offset += (ulong)piece.Length;
        }
    }

    public void OnAcked(ulong offset, ulong length)
    {
        ulong start = ulong.Max(offset, Start);
        ulong end = ulong.Min(offset + length, Sent);
        if (start >= end)
        {
            return;
        }

        // A copy may have been declared lost before the other one was acknowledged.
        _lost.Remove(start, end);
        if (start > Start)
        {
            _acked.Add(start, end);
            return;
        }

        Start = end;
        while (!_acked.IsEmpty && _acked.First.Start <= Start)
        {
            Start = ulong.Max(Start, _acked.First.End);
            _acked.Remove(_acked.First.Start, _acked.First.End);
        }

        if (Start == End)
        {
            _chunks.Clear(ChunkRing.ChunkOf(Start));
        }
        else
        {
            _chunks.ReleaseBelow(ChunkRing.ChunkOf(Start));
        }
    }

    public void OnLost(ulong offset, ulong length) =>
        _lost.AddExcept(ulong.Max(offset, Start), ulong.Min(offset + length, Sent), _acked);

    /// <summary>Drops everything: what was sent stays the final size, what was not is forgotten.</summary>
    public void Discard()
    {
        Start = End = Sent;
        _lost.Clear();
        _acked.Clear();
        _chunks.Clear(ChunkRing.ChunkOf(Start));
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(Start);
        writer.WriteNumber(Sent - Start);
        writer.WriteNumber(End - Sent);
        _lost.Export(writer, Start);
        _acked.Export(writer, Start);
        for (ulong at = Start; at < End;)
        {
            ReadOnlySpan<byte> piece = At(at, End - at);
            writer.WriteBytes(piece);
            at += (ulong)piece.Length;
        }
    }

    public static SendBuffer Import(SnapshotReader reader)
    {
        ulong start = reader.ReadNumber(VarInt.MaxValue);
        ulong sent = start + reader.ReadNumber(VarInt.MaxValue - start);
        ulong end = sent + reader.ReadNumber(VarInt.MaxValue - sent);
        SendBuffer buffer = new(lost: RangeSet.Import(reader, start, sent), acked: RangeSet.Import(reader, start, sent)) { Start = start, Sent = sent, End = start };
        if (buffer._acked.Contains(start) || buffer._acked.Overlaps(buffer._lost))
        {
            throw new SnapshotException("bytes are both acknowledged and not");
        }

        buffer._chunks.Clear(ChunkRing.ChunkOf(start));
        while (buffer.End < end)
        {
            ReadOnlySpan<byte> piece = reader.ReadBytes().Span;
            if (piece.IsEmpty || (ulong)piece.Length > end - buffer.End)
            {
                throw new SnapshotException("bytes to send are cut short or too many");
            }

            buffer.Write(piece);
        }

        return buffer;
    }

    private ReadOnlySpan<byte> At(ulong offset, ulong length)
    {
        int position = ChunkRing.PositionOf(offset);
        int together = (int)ulong.Min(length, (ulong)(ChunkRing.Size - position));
        return together == 0 ? default : _chunks.Find(ChunkRing.ChunkOf(offset)).AsSpan(position, together);
    }
}
