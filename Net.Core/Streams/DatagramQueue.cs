using System.Diagnostics.CodeAnalysis;
using Net.Core.Snapshots;

namespace Net.Core.Streams;

/// <summary>Datagrams that wait, in order. A new one displaces the oldest when there is no room: it is the one that is worth least.</summary>
internal sealed class DatagramQueue
{
    public const int CountLimit = 4_096;
    public const int BytesLimit = 16 << 20;

    /// <summary>No datagram is longer (RFC 768), so that any one fits alone.</summary>
    public const int MinBytesLimit = 1 << 16;

    private readonly Queue<byte[]> _items = new();
    private readonly int _maxCount;
    private readonly int _maxBytes;

    /// <param name="maxCount">1 to <see cref="CountLimit"/>.</param>
    /// <param name="maxBytes"><see cref="MinBytesLimit"/> to <see cref="BytesLimit"/>.</param>
    public DatagramQueue(int maxCount, int maxBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxCount, CountLimit);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBytes, MinBytesLimit);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxBytes, BytesLimit);
        _maxCount = maxCount;
        _maxBytes = maxBytes;
    }

    public int Count => _items.Count;

    public int Bytes { get; private set; }

    /// <summary>How many were displaced, or dropped by <see cref="Drop"/>.</summary>
    public ulong Dropped { get; private set; }

    public void Add(ReadOnlySpan<byte> datagram)
    {
        while (_items.Count >= _maxCount || Bytes + datagram.Length > _maxBytes)
        {
            Drop();
        }

        _items.Enqueue(datagram.ToArray());
        Bytes += datagram.Length;
    }

    public bool TryPeek([NotNullWhen(true)] out byte[]? datagram) => _items.TryPeek(out datagram);

    public void Remove() => Bytes -= _items.Dequeue().Length;

    public void Drop()
    {
        Remove();
        Dropped++;
    }

    public void Clear()
    {
        _items.Clear();
        Bytes = 0;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber((ulong)_maxCount);
        writer.WriteNumber((ulong)_maxBytes);
        writer.WriteNumber(Dropped);
        writer.WriteNumber((ulong)_items.Count);
        foreach (byte[] item in _items)
        {
            writer.WriteBytes(item);
        }
    }

    public static DatagramQueue Import(SnapshotReader reader)
    {
        ulong maxCount = reader.ReadNumber(CountLimit), maxBytes = reader.ReadNumber(BytesLimit);
        if (maxCount == 0 || maxBytes < MinBytesLimit)
        {
            throw new SnapshotException("a queue of datagrams that holds nothing");
        }

        DatagramQueue queue = new((int)maxCount, (int)maxBytes) { Dropped = reader.ReadNumber() };
        int count = reader.ReadCount();
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> item = reader.ReadBytes().Span;
            if (i >= queue._maxCount || queue.Bytes + item.Length > queue._maxBytes)
            {
                throw new SnapshotException("more datagrams wait than may");
            }

            queue.Add(item);
        }

        return queue;
    }
}
