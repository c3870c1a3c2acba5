using Net.Core.Connections;
using Net.Core.Streams;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>One stream's half on the shard's thread: joins the user's operations and the connection's events. That thread alone calls it.</summary>
internal sealed class StreamDriver
{
    private readonly TaskCompletionSource _readsClosed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _writesClosed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Exception? _readFault;
    private Exception? _writeFault;
    private Exception? _connectionFault;
    private bool _readsEnded;
    private bool _finWritten;
    private bool _finWanted;

    public StreamDriver(Shard shard, Connection connection, StreamId id, ulong defaultErrorCode)
    {
        Shard = shard;
        Connection = connection;
        Id = id;
        DefaultErrorCode = defaultErrorCode;
        bool isOurs = id.IsServerInitiated == connection.IsServer;
        CanRead = id.IsBidirectional || !isOurs;
        CanWrite = id.IsBidirectional || isOurs;
        Reads = new(this);
        Writes = new(this);
        if (!CanRead)
        {
            _readsEnded = true;
            _readsClosed.SetResult();
        }

        if (!CanWrite)
        {
            _finWritten = true;
            _writesClosed.SetResult();
        }
    }

    // These never change: any thread may read them.
    public Shard Shard { get; }

    public Connection Connection { get; }

    public StreamId Id { get; }

    public ulong DefaultErrorCode { get; }

    public bool CanRead { get; }

    public bool CanWrite { get; }

    public ReadOperation Reads { get; }

    public WriteOperation Writes { get; }

    public Task ReadsClosed => _readsClosed.Task;

    public Task WritesClosed => _writesClosed.Task;

    public void On(in StreamEvent e)
    {
        switch (e.Kind)
        {
            case StreamEventKind.Readable:
                Reads.Continue();
                break;
            case StreamEventKind.Writable:
                Writes.Continue();
                break;
            case StreamEventKind.ResetByPeer:
                EndReading(Faults.StreamAborted(e.Code));
                break;
            case StreamEventKind.StoppedByPeer:
                EndWriting(Faults.StreamAborted(e.Code));
                Connection.Reset(Id, e.Code);
                break;
            case StreamEventKind.Finished:
                _ = _writesClosed.TrySetResult();
                break;
            case StreamEventKind.Closed:
                // Its ends were told before, but for the reader who has not looked yet.
                Reads.Continue();
                Writes.Continue();
                break;
        }
    }

    /// <summary>The connection is over. What has arrived can still be read.</summary>
    public void OnConnectionEnded(Exception fault)
    {
        _connectionFault ??= fault;
        Reads.Continue();
        Close(_readsClosed, fault);
        EndWriting(fault);
    }

    /// <summary>A fault of ours has ended the connection: nobody knows what it would give to read.</summary>
    public void OnConnectionFault(Exception fault)
    {
        _connectionFault ??= fault;
        EndReading(fault);
        EndWriting(fault);
    }

    /// <returns>Whether the read has ended: with bytes, with the end of the stream (0 bytes), or with a fault.</returns>
    public bool TryRead(Span<byte> buffer, out int count, out Exception? fault)
    {
        count = 0;
        fault = _readFault;
        if (fault is not null || _readsEnded)
        {
            return true;
        }

        ReadOnlySpan<byte> bytes;
        while (!(bytes = Connection.Peek(Id)).IsEmpty)
        {
            if (count == buffer.Length)
            {
                // A full buffer, or the empty one of who only wants to know that there is something.
                return true;
            }

            int length = int.Min(bytes.Length, buffer.Length - count);
            bytes[..length].CopyTo(buffer[count..]);
            Connection.Consume(Id, length);
            count += length;
        }

        ReadEnd end = Connection.ReadState(Id);
        switch (end.Kind)
        {
            case ReadEndKind.Open:
                fault = count == 0 ? _connectionFault : null;
                return count > 0 || fault is not null;
            case ReadEndKind.Reset:
                _readFault = Faults.StreamAborted(end.Code);
                Close(_readsClosed, _readFault);
                fault = count == 0 ? _readFault : null;
                return true;
            default:
                _readsEnded = true;
                _ = _readsClosed.TrySetResult();
                return true;
        }
    }

    /// <returns>Whether the write has ended: all accepted, or a fault.</returns>
    public bool TryWrite(ReadOnlySpan<byte> bytes, bool fin, out int accepted, out Exception? fault)
    {
        accepted = 0;
        fault = _writeFault ?? (_finWritten ? new InvalidOperationException("writes were completed before") : null);
        if (fault is not null)
        {
            return true;
        }

        accepted = Connection.Write(Id, bytes, fin);
        if (accepted == bytes.Length)
        {
            _finWritten = fin;
            return true;
        }

        if (Connection.WriteState(Id) is { Kind: not WriteEndKind.Open } end)
        {
            fault = end.Kind == WriteEndKind.Stopped ? Faults.StreamAborted(end.Code) : Faults.Aborted();
            return true;
        }

        return false;
    }

    /// <summary>Ends the writing side in order, behind a write that is still under way.</summary>
    public void CompleteWrites()
    {
        if (Writes.IsPending)
        {
            _finWanted = true;
        }
        else if (!_finWritten && _writeFault is null)
        {
            _ = TryWrite([], fin: true, out _, out _);
        }
    }

    public void OnWriteFinished()
    {
        if (_finWanted)
        {
            _finWanted = false;
            CompleteWrites();
        }
    }

    public void AbortReading(ulong code)
    {
        if (_readsEnded || _readFault is not null)
        {
            return;
        }

        EndReading(Faults.Aborted());
        if (_connectionFault is null)
        {
            Connection.StopSending(Id, code);
        }
    }

    public void AbortWriting(ulong code)
    {
        // Also after FIN: what is not acknowledged yet is given up.
        if (!CanWrite || _writeFault is not null || _writesClosed.Task.IsCompleted)
        {
            return;
        }

        _writeFault = Faults.Aborted();
        if (_connectionFault is null)
        {
            Connection.Reset(Id, code);
        }

        EndWriting(_writeFault);
    }

    /// <summary>The user lets go of the stream: reading is given up, writing ends in order unless a write is in the middle of it.</summary>
    public void Release()
    {
        if (Writes.IsPending)
        {
            AbortWriting(DefaultErrorCode);
        }
        else
        {
            CompleteWrites();
        }

        AbortReading(DefaultErrorCode);
    }

    private static void Close(TaskCompletionSource source, Exception fault)
    {
        if (source.TrySetException(fault))
        {
            // Observed: nobody has to look at it.
            _ = source.Task.Exception;
        }
    }

    private void EndReading(Exception fault)
    {
        _readFault ??= fault;
        Reads.Fail(_readFault);
        Close(_readsClosed, _readFault);
    }

    private void EndWriting(Exception fault)
    {
        _writeFault ??= fault;
        Writes.Fail(_writeFault);
        Close(_writesClosed, _writeFault);
    }
}
