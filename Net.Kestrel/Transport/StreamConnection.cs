using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Net.Core.Io;

namespace Net.Kestrel.Transport;

/// <summary>One stream, as Kestrel serves a request on it: two pipes with a limit each, and two loops that fill and empty them.</summary>
/// <remarks>
/// How each half ends:
/// <code>
/// client's FIN               input completes, together with the last bytes
/// client's RESET_STREAM      input completes with ConnectionResetException; Error is the client's code
/// client's STOP_SENDING      output completes: Kestrel's next flush tells; Error is the client's code
/// connection lost            both, with ConnectionResetException
/// Kestrel completes output   FIN, behind all bytes; the stream lives until the client has acknowledged them
/// Kestrel aborts             RESET_STREAM, STOP_SENDING, or both, with the code that it set
/// </code>
/// When both halves have ended, in whichever way, the stream is closed: callbacks run, the token is cancelled. So an abort by the client is
/// noticed also after its request was read to the end.
/// </remarks>
internal sealed class StreamConnection : StreamContext
{
    // What a read takes at most; each one is a message to the connection's thread.
    private const int SegmentSize = 16 * 1024;

    private readonly Lock _gate = new();
    private readonly ManagedQuicOptions _options;
    private readonly QuicStream _stream;
    private readonly ILogger _log;
    private readonly Pipe _input;
    private readonly Pipe _output;
    private Task _processing = Task.CompletedTask;
    private ConnectionAbortedException? _abortReason;
    private ConnectionAbortedException? _readAbortReason;
    private bool _isDisposed;

    public StreamConnection(MultiplexedConnection connection, QuicStream stream, ManagedQuicOptions options, ILogger log)
        // Kestrel's code never runs inside the loops, nor they inside it: it flushes under locks of its own, and what the loops find out
        // would come back to it, by way of the callbacks of the end, on that very stack.
        : this(connection, stream, options, log,
            new(Buffering(options.MaxReadBufferSize, PipeScheduler.ThreadPool, PipeScheduler.Inline)),
            new(Buffering(options.MaxWriteBufferSize, PipeScheduler.ThreadPool, PipeScheduler.ThreadPool)))
    {
    }

    private StreamConnection(MultiplexedConnection connection, QuicStream stream, ManagedQuicOptions options, ILogger log, Pipe input, Pipe output)
        : base(connection, stream.Id, (stream.CanRead, stream.CanWrite), (input.Reader, output.Writer), connection.Tls)
    {
        (_stream, _options, _log, _input, _output) = (stream, options, log, input, output);
        Features.Set<ITlsHandshakeFeature>(connection.Tls);
    }

    public void Start() => _processing = ProcessAsync();

    public override void Abort(ConnectionAbortedException abortReason)
    {
        lock (_gate)
        {
            if (_isDisposed || _abortReason is not null)
            {
                return;
            }

            _abortReason = abortReason;
        }

        long code = Error < 0 ? _options.DefaultStreamErrorCode : Error;
        Log.StreamAborted(_log, ConnectionId, code, abortReason.Message);
        AbortHalves((CanRead ? QuicAbortDirection.Read : 0) | (CanWrite ? QuicAbortDirection.Write : 0), code);
    }

    public override void AbortRead(long errorCode, ConnectionAbortedException abortReason)
    {
        errorCode = ErrorCode.Check(errorCode) < 0 ? _options.DefaultStreamErrorCode : errorCode;
        lock (_gate)
        {
            if (_isDisposed || !CanRead)
            {
                return;
            }

            _readAbortReason ??= abortReason;
        }

        Log.StreamAborted(_log, ConnectionId, errorCode, abortReason.Message);
        AbortHalves(QuicAbortDirection.Read, errorCode);
    }

    public override void AbortWrite(long errorCode, ConnectionAbortedException abortReason)
    {
        errorCode = ErrorCode.Check(errorCode) < 0 ? _options.DefaultStreamErrorCode : errorCode;
        lock (_gate)
        {
            if (_isDisposed || !CanWrite)
            {
                return;
            }
        }

        Log.StreamAborted(_log, ConnectionId, errorCode, abortReason.Message);
        AbortHalves(QuicAbortDirection.Write, errorCode);
    }

    /// <summary>Ends when the client has acknowledged all that was written, or the stream was aborted by either side.</summary>
    public override async ValueTask DisposeAsync()
    {
        _input.Reader.Complete();
        _output.Writer.Complete();
        lock (_gate)
        {
            _isDisposed = true;
        }

        if (CanRead)
        {
            // What the client still sends is for nobody. Nothing is sent when its end was read.
            _stream.Abort(QuicAbortDirection.Read, _options.DefaultStreamErrorCode);
        }

        await _processing;
        await _stream.DisposeAsync();
        await base.DisposeAsync();
    }

    private static PipeOptions Buffering(long? limit, PipeScheduler reader, PipeScheduler writer) =>
        // A limit of 0 means none to a pipe; a limit of 1 holds the writer until everything was taken.
        new(MemoryPool<byte>.Shared, reader, writer, limit is long l ? long.Max(l, 1) : 0, limit / 2 ?? 0, SegmentSize, useSynchronizationContext: false);

    private void AbortHalves(QuicAbortDirection halves, long code)
    {
        if (halves == 0)
        {
            return;
        }

        _stream.Abort(halves, code);
        // A loop that waits for Kestrel, not for the stream, looks up.
        if (halves.HasFlag(QuicAbortDirection.Read))
        {
            _input.Writer.CancelPendingFlush();
        }

        if (halves.HasFlag(QuicAbortDirection.Write))
        {
            _output.Reader.CancelPendingRead();
        }
    }

    private async Task ProcessAsync()
    {
        Task receiving = CanRead ? ReceiveAsync() : Task.CompletedTask;
        Task sending = CanWrite ? SendAsync() : Task.CompletedTask;
        await receiving;
        await sending;
        // The last half may have ended on anybody's stack; the callbacks get one of their own.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        if (Close() is Exception fault)
        {
            Log.Unexpected(_log, ConnectionId, fault);
        }
    }

    private async Task ReceiveAsync()
    {
        PipeWriter input = _input.Writer;
        Exception? fault = null;
        try
        {
            for (int count; (count = await _stream.ReadAsync(input.GetMemory(1))) > 0;)
            {
                input.Advance(count);
                if (_stream.ReadsClosed.IsCompletedSuccessfully)
                {
                    // Completing tells of the last bytes and of the end at once: a request without a body is known as such from its head.
                    break;
                }

                FlushResult result = await input.FlushAsync();
                if (result.IsCompleted || result.IsCanceled)
                {
                    fault = result.IsCanceled ? new ConnectionAbortedException("reading was aborted") : null;
                    break;
                }
            }
        }
        catch (Exception e)
        {
            fault = Translate(e);
        }

        // Kestrel's own reason says more than what followed from it.
        input.Complete(fault is null ? null : _readAbortReason ?? _abortReason ?? fault);
    }

    private async Task SendAsync()
    {
        PipeReader output = _output.Reader;
        // A client may lose interest while nothing is being written.
        Task ending = WatchWritesAsync(output);
        Exception? fault = null;
        try
        {
            for (bool isLast = false; !isLast;)
            {
                ReadResult result = await output.ReadAsync();
                if (result.IsCanceled)
                {
                    // By an abort, of whichever side: the stream knows.
                    break;
                }

                isLast = result.IsCompleted;
                await WriteAsync(result.Buffer, isLast);
                output.AdvanceTo(result.Buffer.End);
            }

            await _stream.WritesClosed;
        }
        catch (Exception e)
        {
            fault = Translate(e);
            if (fault is not (ConnectionResetException or ConnectionAbortedException))
            {
                // What was written is not all that there is: this must not look like an end.
                _stream.Abort(QuicAbortDirection.Write, Error < 0 ? _options.DefaultStreamErrorCode : Error);
            }
        }

        await ending;
        output.Complete(fault is ConnectionResetException or ConnectionAbortedException ? null : fault);
    }

    private async ValueTask WriteAsync(ReadOnlySequence<byte> bytes, bool isLast)
    {
        if (bytes.IsEmpty)
        {
            if (isLast)
            {
                _stream.CompleteWrites();
            }

            return;
        }

        SequencePosition at = bytes.Start;
        bool hasMore = bytes.TryGet(ref at, out ReadOnlyMemory<byte> segment);
        while (hasMore)
        {
            ReadOnlyMemory<byte> current = segment;
            hasMore = bytes.TryGet(ref at, out segment);
            await _stream.WriteAsync(current, completeWrites: isLast && !hasMore);
        }
    }

    private async Task WatchWritesAsync(PipeReader output)
    {
        await _stream.WritesClosed.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        output.CancelPendingRead();
    }

    /// <summary>What ended a loop, as Kestrel knows it; remembers the client's code.</summary>
    private Exception Translate(Exception fault)
    {
        switch (fault)
        {
            case QuicException { QuicError: QuicError.OperationAborted }:
                return new ConnectionAbortedException(fault.Message, fault);
            case QuicException { QuicError: not QuicError.InternalError } e:
                if (e.ApplicationErrorCode is long code)
                {
                    Error = code;
                }

                Log.StreamEnded(_log, ConnectionId, e.Message);
                return new ConnectionResetException(e.Message, e);
            default:
                Log.Unexpected(_log, ConnectionId, fault);
                return fault;
        }
    }
}
