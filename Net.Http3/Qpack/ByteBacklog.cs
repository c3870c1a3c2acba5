using Net.Core.Snapshots;

namespace Net.Http3.Qpack;

/// <summary>Bytes that wait: appended at the end, taken from the front. Holds no memory while it is empty.</summary>
internal sealed class ByteBacklog
{
    private byte[] _bytes = [];
    private int _start;

    public int Count { get; private set; }

    public ReadOnlySpan<byte> Waiting => _bytes.AsSpan(_start, Count);

    /// <summary>Grows with what is really there, twice as far each time, so that single bytes cost no more than many at once.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_bytes.Length - _start - Count < bytes.Length)
        {
            byte[] larger = new byte[int.Max(Count + bytes.Length, 2 * Count)];
            Waiting.CopyTo(larger);
            (_bytes, _start) = (larger, 0);
        }

        bytes.CopyTo(_bytes.AsSpan(_start + Count));
        Count += bytes.Length;
    }

    public void Take(int count)
    {
        (_start, Count) = (_start + count, Count - count);
        if (Count == 0)
        {
            (_bytes, _start) = ([], 0);
        }
    }

    public void Export(SnapshotWriter writer) => writer.WriteBytes(Waiting);

    public static ByteBacklog Import(SnapshotReader reader, int limit)
    {
        ReadOnlySpan<byte> bytes = reader.ReadBytes().Span;
        ByteBacklog backlog = new();
        backlog.Append(bytes);
        return bytes.Length <= limit ? backlog : throw new SnapshotException("more bytes wait than ever could");
    }
}
