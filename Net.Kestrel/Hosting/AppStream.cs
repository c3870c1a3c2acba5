using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Net.Core.Wire;
using Net.Http3.Sessions;
using Net.Http3.Wire;
using Net.Kestrel.Transport;

namespace Net.Kestrel.Hosting;

/// <summary>A stream between a session of ours and Kestrel: a pipe with a limit in each direction that it has.</summary>
/// <remarks>Members that <see cref="AppTransport"/> calls run on its queue; the rest is Kestrel's, on any thread.</remarks>
internal sealed class AppStream : StreamContext
{
    /// <summary>Bytes that a write takes at once, when the pipe takes any.</summary>
    public const int Segment = 16 * 1024;

    private const int PipeLimit = 64 * 1024;

    private readonly AppTransport _transport;
    private readonly SerialQueue _queue;
    private readonly Pipe _toApp;
    private readonly Pipe _fromApp;
    private ReadOnlySequence<byte> _given;
    private TaskCompletionSource? _consumed;
    private int _openHalves;
    private bool _isFlushing, _isWriteOver, _isEnd, _isReset;
    private volatile bool _isStopped;

    public AppStream(AppConnection connection, AppTransport transport, SerialQueue queue, StreamId id)
        : this(connection, transport, queue, id, NewPipe(), NewPipe())
    {
    }

    private AppStream(AppConnection connection, AppTransport transport, SerialQueue queue, StreamId id, Pipe toApp, Pipe fromApp)
        : base(connection, (long)id.Value, (!id.IsServerInitiated, id.IsBidirectional || id.IsServerInitiated), (toApp.Reader, fromApp.Writer), connection)
    {
        (_transport, _queue, _toApp, _fromApp, Id) = (transport, queue, toApp, fromApp, id);
        _openHalves = (CanRead ? 1 : 0) + (CanWrite ? 1 : 0);
        if (CanWrite)
        {
            _ = ReceiveAsync();
        }
    }

    public StreamId Id { get; }

    public int Room => _isFlushing ? 0 : Segment;

    public StreamEnd ReadState => _isReset ? StreamEnd.Reset : _isEnd && _given.IsEmpty ? StreamEnd.Finished : StreamEnd.Open;

    public int Write(ReadOnlySpan<byte> data, bool fin)
    {
        if (_isWriteOver)
        {
            return data.Length;
        }

        int written = 0;
        while (written < data.Length && !_isFlushing)
        {
            ReadOnlySpan<byte> segment = data.Slice(written, int.Min(Segment, data.Length - written));
            _toApp.Writer.Write(segment);
            written += segment.Length;
            ValueTask<FlushResult> flush = _toApp.Writer.FlushAsync();
            if (flush.IsCompleted)
            {
                // What Kestrel does not read any more is dropped.
                _ = flush.Result;
            }
            else
            {
                _isFlushing = true;
                _ = AwaitFlushAsync(flush);
            }
        }

        if (fin && written == data.Length)
        {
            _toApp.Writer.Complete();
            EndWrite();
        }

        return written;
    }

    public ReadOnlySpan<byte> Peek() => _given.FirstSpan;

    public void Consume(int count)
    {
        _given = _given.Slice(count);
        if (_given.IsEmpty)
        {
            GiveBack();
        }
    }

    /// <summary>The client's RESET_STREAM.</summary>
    public void ResetByClient(long code)
    {
        if (CanRead && !_isWriteOver)
        {
            Error = code;
            _toApp.Writer.Complete(new ConnectionResetException("the client has given the request up"));
            EndWrite();
        }
    }

    /// <summary>The client's STOP_SENDING.</summary>
    public void StopByClient(long code)
    {
        if (CanWrite && !_isStopped)
        {
            Error = code;
            _isStopped = true;
            GiveBack();
            _fromApp.Reader.CancelPendingRead();
        }
    }

    public override void Abort(ConnectionAbortedException abortReason)
    {
        AbortRead(Error, abortReason);
        AbortWrite(Error, abortReason);
    }

    /// <summary>Kestrel wants no more of the request.</summary>
    public override void AbortRead(long errorCode, ConnectionAbortedException abortReason) => _queue.Post(() =>
    {
        if (CanRead && !_isWriteOver)
        {
            _toApp.Writer.Complete(abortReason);
            EndWrite();
            _transport.Client?.OnStopped(Id, CodeOf(errorCode));
        }
    });

    /// <summary>Kestrel gives the response up.</summary>
    public override void AbortWrite(long errorCode, ConnectionAbortedException abortReason) => _queue.Post(() =>
    {
        if (CanWrite && !_isStopped && !_isEnd)
        {
            (_isReset, _isStopped) = (true, true);
            GiveBack();
            _fromApp.Reader.CancelPendingRead();
            _transport.Client?.OnReset(Id, CodeOf(errorCode));
        }
    });

    public override async ValueTask DisposeAsync()
    {
        _toApp.Reader.Complete();
        _fromApp.Writer.Complete();
        await base.DisposeAsync();
    }

    private static ulong CodeOf(long code) => code < 0 ? (ulong)Http3ErrorCode.RequestCancelled : (ulong)code;

    // Kestrel's code never runs inside the queue's work, nor that inside Kestrel's.
    private static Pipe NewPipe() => new(new(
        MemoryPool<byte>.Shared, PipeScheduler.ThreadPool, PipeScheduler.ThreadPool, PipeLimit, PipeLimit / 2, useSynchronizationContext: false));

    private async Task AwaitFlushAsync(ValueTask<FlushResult> flush)
    {
        _ = await flush;
        _queue.Post(() =>
        {
            _isFlushing = false;
            if (!_isWriteOver)
            {
                _transport.Client?.OnWritable(Id);
            }
        });
    }

    /// <summary>Gives what Kestrel writes to the session, piece by piece: the next one is read when that has consumed the one before.</summary>
    private async Task ReceiveAsync()
    {
        try
        {
            for (bool isLast = false; !isLast && !_isStopped;)
            {
                ReadResult result = await _fromApp.Reader.ReadAsync();
                isLast = result.IsCompleted;
                TaskCompletionSource consumed = new(TaskCreationOptions.RunContinuationsAsynchronously);
                _queue.Post(() => Give(result, consumed));
                await consumed.Task;
                _fromApp.Reader.AdvanceTo(result.Buffer.End);
            }
        }
        catch (Exception e) when (e is ConnectionAbortedException or ConnectionResetException or InvalidOperationException or IOException)
        {
            AbortWrite(Error, new(e.Message, e));
        }

        _fromApp.Reader.Complete();
        _queue.Post(EndHalf);
    }

    private void Give(ReadResult result, TaskCompletionSource consumed)
    {
        if (_isStopped)
        {
            consumed.TrySetResult();
            return;
        }

        (_given, _isEnd, _consumed) = (result.Buffer, result.IsCompleted, consumed);
        bool isEmpty = _given.IsEmpty;
        if (isEmpty)
        {
            GiveBack();
        }

        if (!isEmpty || _isEnd)
        {
            _transport.Client?.OnReadable(Id);
        }
    }

    /// <summary>Nothing of the pipe's memory is held any more: it is used again from here on.</summary>
    private void GiveBack()
    {
        _given = default;
        _consumed?.TrySetResult();
    }

    private void EndWrite()
    {
        _isWriteOver = true;
        EndHalf();
    }

    private void EndHalf()
    {
        if (--_openHalves > 0)
        {
            return;
        }

        // The last bytes may still be read by the session.
        if (_given.IsEmpty)
        {
            _transport.Forget(Id);
        }

        // On a stack of its own; what Kestrel throws there is told nobody: this thread is the node's.
        ThreadPool.UnsafeQueueUserWorkItem(static stream => _ = stream.Close(), this, preferLocal: false);
    }
}
