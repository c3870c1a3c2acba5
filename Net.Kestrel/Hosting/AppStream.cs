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
internal sealed class AppStream : ConnectionContext,
    IStreamIdFeature, IStreamDirectionFeature, IStreamAbortFeature, IStreamClosedFeature, IProtocolErrorCodeFeature, IPersistentStateFeature,
    IConnectionIdFeature, IConnectionItemsFeature, IConnectionLifetimeFeature, IConnectionEndPointFeature, IConnectionTransportFeature, IMemoryPoolFeature
{
    /// <summary>Bytes that a write takes at once, when the pipe takes any.</summary>
    public const int Segment = 16 * 1024;

    private const int PipeLimit = 64 * 1024;

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly AppConnection _connection;
    private readonly AppTransport _transport;
    private readonly SerialQueue _queue;
    private readonly Pipe _toApp = NewPipe();
    private readonly Pipe _fromApp = NewPipe();
    private List<(Action<object?> Callback, object? State)>? _onClosed;
    private ReadOnlySequence<byte> _given;
    private TaskCompletionSource? _consumed;
    private int _openHalves;
    private long _error = -1;
    private bool _isFlushing, _isWriteOver, _isEnd, _isReset, _isClosed;
    private volatile bool _isStopped;

    public AppStream(AppConnection connection, AppTransport transport, SerialQueue queue, StreamId id)
    {
        (_connection, _transport, _queue, Id) = (connection, transport, queue, id);
        (CanRead, CanWrite) = (!id.IsServerInitiated, id.IsBidirectional || id.IsServerInitiated);
        _openHalves = (CanRead ? 1 : 0) + (CanWrite ? 1 : 0);
        Transport = new Duplex(_toApp.Reader, _fromApp.Writer);
        ConnectionId = string.Create(CultureInfo.InvariantCulture, $"{connection.ConnectionId}:{id.Value:X8}");
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
        Features.Set<ITlsConnectionFeature>(connection);
        if (CanWrite)
        {
            _ = ReceiveAsync();
        }
    }

    public StreamId Id { get; }

    public long StreamId => (long)Id.Value;

    public bool CanRead { get; }

    public bool CanWrite { get; }

    public override string ConnectionId { get; set; }

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override IDictionary<object, object?> Items { get => field ??= new ConnectionItems(); set; }

    public override IDuplexPipe Transport { get; set; }

    public override EndPoint? LocalEndPoint { get; set; }

    public override EndPoint? RemoteEndPoint { get; set; }

    public override CancellationToken ConnectionClosed { get; set; }

    public MemoryPool<byte> MemoryPool => MemoryPool<byte>.Shared;

    public IDictionary<object, object?> State => field ??= new Dictionary<object, object?>();

    public long Error
    {
        get => Volatile.Read(ref _error);
        set => Volatile.Write(ref _error, ErrorCode.Check(value));
    }

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
        AbortRead(Error, abortReason);
        AbortWrite(Error, abortReason);
    }

    /// <summary>Kestrel wants no more of the request.</summary>
    public void AbortRead(long errorCode, ConnectionAbortedException abortReason) => _queue.Post(() =>
    {
        if (CanRead && !_isWriteOver)
        {
            _toApp.Writer.Complete(abortReason);
            EndWrite();
            _transport.Client?.OnStopped(Id, CodeOf(errorCode));
        }
    });

    /// <summary>Kestrel gives the response up.</summary>
    public void AbortWrite(long errorCode, ConnectionAbortedException abortReason) => _queue.Post(() =>
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

        List<(Action<object?> Callback, object? State)> callbacks;
        lock (_gate)
        {
            _isClosed = true;
            callbacks = _onClosed ?? [];
        }

        ThreadPool.UnsafeQueueUserWorkItem(
            _ =>
            {
                try
                {
                    foreach ((Action<object?> callback, object? state) in callbacks)
                    {
                        callback(state);
                    }

                    _closed.Cancel();
                }
#pragma warning disable CA1031 // Whatever is called here is somebody else's, and this thread is the node's; the stream is over all the same.
                catch (Exception)
#pragma warning restore CA1031
                {
                }
            },
            null);
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
