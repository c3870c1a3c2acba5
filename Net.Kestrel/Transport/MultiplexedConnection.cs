using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Net.Core.Io;

namespace Net.Kestrel.Transport;

/// <summary>One QUIC connection, as Kestrel drives it: it accepts streams until one fails, drains, and aborts or disposes.</summary>
/// <remarks>Kestrel adds the features of its own (heartbeat, end of connection in order) to <see cref="Features"/>.</remarks>
internal sealed class MultiplexedConnection : MultiplexedConnectionContext,
    IProtocolErrorCodeFeature, IConnectionIdFeature, IConnectionItemsFeature, IConnectionLifetimeFeature, IConnectionEndPointFeature
{
    private static long s_lastId = Environment.TickCount64;

    private readonly CancellationTokenSource _closed = new();
    private readonly Lock _gate = new();
    private readonly QuicConnection _connection;
    private readonly ManagedQuicOptions _options;
    private readonly ILogger _log;
    private ConnectionAbortedException? _abortReason;
    private Task? _closing;
    private long _error = -1;

    public MultiplexedConnection(QuicConnection connection, ManagedQuicOptions options, ILogger log)
    {
        (_connection, _options, _log) = (connection, options, log);
        ConnectionId = Interlocked.Increment(ref s_lastId).ToString("X13", CultureInfo.InvariantCulture);
        (LocalEndPoint, RemoteEndPoint) = (connection.LocalEndPoint, connection.RemoteEndPoint);
        ConnectionClosed = _closed.Token;
        Tls = new(connection);
        Features.Set<IProtocolErrorCodeFeature>(this);
        Features.Set<IConnectionIdFeature>(this);
        Features.Set<IConnectionItemsFeature>(this);
        Features.Set<IConnectionLifetimeFeature>(this);
        Features.Set<IConnectionEndPointFeature>(this);
        Features.Set<ITlsConnectionFeature>(Tls);
        Features.Set<ITlsHandshakeFeature>(Tls);
    }

    public override string ConnectionId { get; set; }

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override IDictionary<object, object?> Items { get; set; } = new ConnectionItems();

    public override EndPoint? LocalEndPoint { get; set; }

    public override EndPoint? RemoteEndPoint { get; set; }

    public override CancellationToken ConnectionClosed { get; set; }

    public TlsFeature Tls { get; }

    /// <summary>The code to close with, or the one that the client closed with; -1 while nobody has named one.</summary>
    public long Error
    {
        get => _error;
        set => _error = ErrorCode.Check(value);
    }

    public override void Abort() => Abort(new ConnectionAbortedException("the application aborted the connection"));

    public override void Abort(ConnectionAbortedException abortReason)
    {
        lock (_gate)
        {
            if (_abortReason is not null)
            {
                return;
            }

            _abortReason = abortReason;
            long code = _error < 0 ? _options.DefaultCloseErrorCode : _error;
            Log.Aborted(_log, ConnectionId, code, abortReason.Message);
            _closing ??= _connection.CloseAsync(code).AsTask();
        }
    }

    /// <returns>Null when Kestrel has cancelled the waiting, in order to look at its own state.</returns>
    /// <exception cref="ConnectionResetException">The client is gone: it closed, was silent for too long, or broke the protocol.</exception>
    /// <exception cref="ConnectionAbortedException">This side has aborted the connection.</exception>
    public override async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return Start(await _connection.AcceptInboundStreamAsync(cancellationToken));
        }
        catch (OperationCanceledException)
        {
            return _abortReason is null ? null : throw _abortReason;
        }
        catch (QuicException e) when (e.QuicError == QuicError.OperationAborted)
        {
            Abort(new ConnectionAbortedException("the connection was closed on this side", e));
            throw _abortReason!;
        }
        catch (QuicException e)
        {
            _error = e.ApplicationErrorCode ?? _error;
            Log.Ended(_log, ConnectionId, e.Message);
            // What is registered there may take its time, and the caller waits.
            _ = _closed.CancelAsync();
            throw new ConnectionResetException(e.Message, e);
        }
    }

    /// <summary>Opens a stream; unidirectional if <see cref="IStreamDirectionFeature"/> says that nothing is read from it.</summary>
    public override async ValueTask<ConnectionContext> ConnectAsync(IFeatureCollection? features = null, CancellationToken cancellationToken = default)
    {
        bool isUnidirectional = features?.Get<IStreamDirectionFeature>() is { CanRead: false };
        return Start(await _connection.OpenOutboundStreamAsync(
            isUnidirectional ? QuicStreamType.Unidirectional : QuicStreamType.Bidirectional, cancellationToken));
    }

    public override async ValueTask DisposeAsync()
    {
        Task closing;
        lock (_gate)
        {
            closing = _closing ??= _connection.CloseAsync(_error < 0 ? _options.DefaultCloseErrorCode : _error).AsTask();
        }

        await closing;
        await _connection.DisposeAsync();
        await _closed.CancelAsync();
        await base.DisposeAsync();
    }

    private StreamConnection Start(QuicStream stream)
    {
        StreamConnection context = new(this, stream, _options, _log);
        context.Start();
        return context;
    }
}
