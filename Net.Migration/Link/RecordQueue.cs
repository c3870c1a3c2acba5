using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Net.Migration.Link;

/// <summary>Records that wait to be written to a link, one writer's at a time. Thread-safe.</summary>
/// <remarks>Keys and their shares are among them: whoever takes records overwrites them when they are written.</remarks>
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

    /// <returns>Whether there is room. Without, all is lost: the caller closes the link, as the peer would miss something in the middle.</returns>
    public bool TryAdd(byte[] record)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
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
            _isWriting = _records.TryDequeue(out records);
            _bytes -= records?.Length ?? 0;
            while (records is not null && _records.TryPeek(out byte[]? next) && records.Length + next.Length <= MaxTogether)
            {
                byte[] together = [.. records, .. next];
                CryptographicOperations.ZeroMemory(records);
                CryptographicOperations.ZeroMemory(next);
                _ = _records.Dequeue();
                _bytes -= next.Length;
                records = together;
            }

            return records is not null;
        }
    }

    /// <summary>Drops what waits, and all that comes.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            _records.Clear();
            _bytes = 0;
        }
    }
}
