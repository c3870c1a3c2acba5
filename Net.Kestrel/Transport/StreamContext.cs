using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Net.Kestrel.Transport;

/// <summary>What Kestrel wants to know of a stream, wherever its bytes come from: every feature, and the end, which is told once.</summary>
internal abstract class StreamContext : ConnectionContext,
    IStreamIdFeature, IStreamDirectionFeature, IStreamAbortFeature, IStreamClosedFeature, IProtocolErrorCodeFeature, IPersistentStateFeature,
    IConnectionIdFeature, IConnectionItemsFeature, IConnectionLifetimeFeature, IConnectionEndPointFeature, IConnectionTransportFeature, IMemoryPoolFeature
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly MultiplexedConnectionContext _connection;
    private List<(Action<object?> Callback, object? State)>? _onClosed;
    private string? _connectionId;
    private long _error = -1;
    private bool _isClosed;

    /// <param name="connection">Whose stream it is.</param>
    /// <param name="id">Of the stream, as on the wire.</param>
    /// <param name="directions">Whether Kestrel reads and writes.</param>
    /// <param name="transport">What it reads and writes.</param>
    /// <param name="tls">Of the connection: without it Kestrel takes the scheme to be http.</param>
    protected StreamContext(
        MultiplexedConnectionContext connection, long id, (bool Read, bool Write) directions, (PipeReader Input, PipeWriter Output) transport, ITlsConnectionFeature tls)
    {
        _connection = connection;
        StreamId = id;
        (CanRead, CanWrite) = directions;
        Transport = new Duplex(transport.Input, transport.Output);
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
        Features.Set(tls);
    }

    public sealed override string ConnectionId
    {
        get => _connectionId ??= string.Create(CultureInfo.InvariantCulture, $"{_connection.ConnectionId}:{StreamId:X8}");
        set => _connectionId = value;
    }

    public sealed override IFeatureCollection Features { get; } = new FeatureCollection();

    public sealed override IDictionary<object, object?> Items { get => field ??= new ConnectionItems(); set; }

    public sealed override IDuplexPipe Transport { get; set; }

    public sealed override EndPoint? LocalEndPoint { get; set; }

    public sealed override EndPoint? RemoteEndPoint { get; set; }

    public sealed override CancellationToken ConnectionClosed { get; set; }

    public MemoryPool<byte> MemoryPool => MemoryPool<byte>.Shared;

    public long StreamId { get; }

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

    public sealed override void Abort() => Abort(new ConnectionAbortedException("the application aborted the stream"));

    public abstract void AbortRead(long errorCode, ConnectionAbortedException abortReason);

    public abstract void AbortWrite(long errorCode, ConnectionAbortedException abortReason);

    /// <summary>Both halves have ended: whoever waits for it is called, on this stack.</summary>
    /// <returns>What they threw: it is somebody else's, and the stream is over all the same.</returns>
    protected Exception? Close()
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
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
