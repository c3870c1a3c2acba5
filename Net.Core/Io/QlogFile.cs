using Net.Core.Diagnostics;

namespace Net.Core.Io;

/// <summary>One trace on its way to its file: written in blocks, and a fraction of a second later at the latest.</summary>
/// <remarks>The records come from one thread, the delay's end from another.</remarks>
#pragma warning disable CA1001 // End disposes of everything, whoever comes to it first: the connection, a limit, or a full disk.
internal sealed class QlogFile : ITraceSink
#pragma warning restore CA1001
{
    /// <summary>Bytes of a file, at which the trace ends: a connection may live for months.</summary>
    public const long MaxLength = 256L << 20;

    /// <summary>Records wait so long for others, in milliseconds: a process that is killed loses no more than these.</summary>
    private const int Delay = 200;

    private const int Block = 1 << 15;

    private readonly Lock _lock = new();
    private readonly FileStream _file;
    private readonly long _maxLength;
    private readonly Action _onEnded;
    private readonly Timer _timer;
    private byte[] _waiting = new byte[Block];
    private int _count;
    private long _length;
    private bool _isTimed;
    private bool _hasEnded;

    /// <param name="file">Closed at the end.</param>
    /// <param name="maxLength">See <see cref="MaxLength"/>.</param>
    /// <param name="onEnded">Called once.</param>
    public QlogFile(FileStream file, long maxLength, Action onEnded)
    {
        _file = file;
        _maxLength = maxLength;
        _onEnded = onEnded;
        _timer = new(static state => ((QlogFile)state!).OnTimer(), this, Timeout.Infinite, Timeout.Infinite);
    }

    public void Write(ReadOnlySpan<byte> record)
    {
        lock (_lock)
        {
            if (_hasEnded)
            {
                return;
            }

            if (_length + record.Length > _maxLength)
            {
                Finish();
                return;
            }

            _length += record.Length;
            if (record.Length > _waiting.Length - _count)
            {
                Flush();
            }

            if (record.Length > _waiting.Length)
            {
                Array.Resize(ref _waiting, record.Length);
            }

            record.CopyTo(_waiting.AsSpan(_count));
            _count += record.Length;
            if (!_isTimed && !_hasEnded)
            {
                _isTimed = true;
                _ = _timer.Change(Delay, Timeout.Infinite);
            }
        }
    }

    public void End()
    {
        lock (_lock)
        {
            if (!_hasEnded)
            {
                Finish();
            }
        }
    }

    private void OnTimer()
    {
        lock (_lock)
        {
            _isTimed = false;
            if (!_hasEnded)
            {
                Flush();
            }
        }
    }

    private void Flush()
    {
        try
        {
            _file.Write(_waiting.AsSpan(0, _count));
            _count = 0;
        }
        catch (IOException)
        {
            // No room, most likely: the connection has nothing to do with that.
            _count = 0;
            Close();
        }
    }

    private void Finish()
    {
        Flush();
        if (!_hasEnded)
        {
            Close();
        }
    }

    private void Close()
    {
        _hasEnded = true;
        _timer.Dispose();
        _waiting = [];
        _file.Dispose();
        _onEnded();
    }
}
