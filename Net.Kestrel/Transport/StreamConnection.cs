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
internal sealed class StreamConnection : ConnectionContext,
    IStreamIdFeature, IStreamDirectionFeature, IStreamAbortFeature, IStreamClosedFeature, IProtocolErrorCodeFeature, IPersistentStateFeature,
    IConnectionIdFeature, IConnectionItemsFeature, IConnectionLifetimeFeature, IConnectionEndPointFeature, IConnectionTransportFeature, IMemoryPoolFeature
{
    // What a read takes at most; each one is a message to the connection's thread.
    private const int SegmentSize = 16 * 1024;

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly MultiplexedConnection _connection;
    private readonly ManagedQuicOptions _options;
    private readonly QuicStream _stream;
    private readonly ILogger _log;
    private readonly Pipe _input;
    private readonly Pipe _output;
    private List<(Action<object?> Callback, object? State)>? _onClosed;
    private Task _processing = Task.CompletedTask;
    private ConnectionAbortedException? _abortReason;
    private ConnectionAbortedException? _readAbortReason;
    private string? _connectionId;
    private long _error = -1;
    private bool _isClosed;
    private bool _isDisposed;

    public StreamConnection(MultiplexedConnection connection, QuicStream stream, ManagedQuicOptions options, ILogger log)
    {
        (_connection, _stream, _options, _log) = (connection, stream, options, log);
        (CanRead, CanWrite) = (stream.CanRead, stream.CanWrite);
        // Kestrel's code never runs inside the loops, nor they inside it: it flushes under locks of its own, and what the loops find out
        // would come back to it, by way of the callbacks of the end, on that very stack.
        _input = new(Buffering(options.MaxReadBufferSize, PipeScheduler.ThreadPool, PipeScheduler.Inline));
        _output = new(Buffering(options.MaxWriteBufferSize, PipeScheduler.ThreadPool, PipeScheduler.ThreadPool));
        Transport = new Duplex(_input.Reader, _output.Writer);
        ConnectionClosed = _closed.Token;
        (LocalEndPoint, RemoteEndPoint) = (connection.LocalEndPoint, connection.RemoteEndPoint);
        Features.Set<IStreamIdFeature>(this);
        Features.Set<IStreamDirectionFeature>(this);
        Features.Set<IStreamAbortFeature>(this);
        Features.Set<IStreamClosedFeature>(this);
        Features.Set<IProtocolErrorCodeFeature>(this);
        Features.Set<IPersistentStateFeature>(this);
        Features.Set<IConnectionIdFeature>(this);
        Features.Set<IConnectionItemsFeature>(this);
        Features.Set<IConnectionLifetimeFeature>(this);
        Features.Set<IConnectionEndPointFeature>(this);
        Features.Set<IConnectionTransportFeature>(this);
        Features.Set<IMemoryPoolFeature>(this);
        Features.Set<ITlsConnectionFeature>(connection.Tls);
        Features.Set<ITlsHandshakeFeature>(connection.Tls);
    }

    public override string ConnectionId
    {
        get => _connectionId ??= string.Create(CultureInfo.InvariantCulture, $"{_connection.ConnectionId}:{StreamId:X8}");
        set => _connectionId = value;
    }

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override IDictionary<object, object?> Items { get => field ??= new ConnectionItems(); set; }

    public override IDuplexPipe Transport { get; set; }

    public override EndPoint? LocalEndPoint { get; set; }

    public override EndPoint? RemoteEndPoint { get; set; }

    public override CancellationToken ConnectionClosed { get; set; }

    public MemoryPool<byte> MemoryPool => MemoryPool<byte>.Shared;

    public long StreamId => _stream.Id;

    public bool CanRead { get; }

    public bool CanWrite { get; }

    /// <summary>What Kestrel would keep on a stream that is used again: each of ours is used once.</summary>
    public IDictionary<object, object?> State => field ??= new Dictionary<object, object?>();

    /// <summary>The code to abort with, or the one that the client aborted with; -1 while nobody has named one.</summary>
    public long Error
    {
        get => Volatile.Read(ref _error);
        set => Volatile.Write(ref _error, ErrorCode.Check(value));
    }

    public void Start() => _processing = ProcessAsync();

    /// <summary>Calls back when both halves have ended; at once, on the pool, when they have already.</summary>
    public void OnClosed(Action<object?> callback, object? state)
    {
        lock (_gate)
        {
            if (!_isClosed)
            {
                (_onClosed ??= []).Add((callback, state));
                return;
            }
        }

        ThreadPool.UnsafeQueueUserWorkItem(static call => call.callback(call.state), (callback, state), preferLocal: false);
    }

    public override void Abort() => Abort(new ConnectionAbortedException("the application aborted the stream"));

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

    public void AbortRead(long errorCode, ConnectionAbortedException abortReason)
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

    public void AbortWrite(long errorCode, ConnectionAbortedException abortReason)
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
        Close();
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

    private void Close()
    {
        List<(Action<object?> Callback, object? State)> callbacks;
        lock (_gate)
        {
            _isClosed = true;
            callbacks = _onClosed ?? [];
        }

        try
        {
            foreach ((Action<object?> callback, object? state) in callbacks)
            {
                callback(state);
            }

            _closed.Cancel();
        }
        catch (Exception e)
        {
            // Whatever is called here is somebody else's; the stream is over all the same.
            Log.Unexpected(_log, ConnectionId, e);
        }
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
