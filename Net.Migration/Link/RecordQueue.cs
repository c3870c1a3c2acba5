using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Net.Migration.Link;

/// <summary>Records that wait to be written to a link, one writer's at a time. Thread-safe.</summary>
/// <remarks>Keys and their shares are among them. What is dropped is overwritten; whoever takes records does so when they are written.</remarks>
/// <param name="maxBytes">That may wait.</param>
internal sealed class RecordQueue(long maxBytes)
{
    /// <summary>Bytes of records that are taken together, unless one alone is more: a write of a few datagrams.</summary>
    public const int MaxTogether = 16 * 1024;

    private readonly Lock _gate = new();
    private readonly Queue<byte[]> _records = new();
    private long _bytes;
    private bool _isWriting;
    private bool _isClosed;

    /// <summary>Bytes that wait.</summary>
    public long Waiting
    {
        get
        {
            lock (_gate)
            {
                return _bytes;
            }
        }
    }

    /// <returns>Whether there is room. Without, all is lost: the caller closes the link, as the peer would miss something in the middle.</returns>
    public bool TryAdd(byte[] record)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                CryptographicOperations.ZeroMemory(record);
                return true;
            }

            _bytes += record.Length;
            _records.Enqueue(record);
            return _bytes <= maxBytes;
        }
    }

    /// <returns>Whether the caller is the writer from now on, until <see cref="TryTake"/> gives it nothing.</returns>
    public bool TryBeginWriting()
    {
        lock (_gate)
        {
            return !_isWriting && (_isWriting = _records.Count > 0);
        }
    }

    /// <param name="records">One, or several small ones behind each other.</param>
    /// <returns>False when there is nothing left: whoever adds next begins to write again.</returns>
    public bool TryTake([NotNullWhen(true)] out byte[]? records)
    {
        lock (_gate)
        {
            int count = 0, length = 0;
            foreach (byte[] record in _records)
            {
                if (count > 0 && length + record.Length > MaxTogether)
                {
                    break;
                }

                count++;
                length += record.Length;
            }

            _isWriting = count > 0;
            _bytes -= length;
            records = count > 1 ? Join(count, length) : count == 1 ? _records.Dequeue() : null;
            return records is not null;
        }
    }

    private byte[] Join(int count, int length)
    {
        byte[] together = new byte[length];
        for (int at = 0; count > 0; count--)
        {
            byte[] record = _records.Dequeue();
            record.CopyTo(together, at);
            at += record.Length;
            CryptographicOperations.ZeroMemory(record);
        }

        return together;
    }

    /// <summary>Drops what waits, and all that comes.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            foreach (byte[] record in _records)
            {
                CryptographicOperations.ZeroMemory(record);
            }

            _records.Clear();
            _bytes = 0;
        }
    }
}
