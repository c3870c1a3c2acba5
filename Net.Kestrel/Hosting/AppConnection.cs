using System.Globalization;
using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Net.Core.Wire;
using Net.Http3.Client.Hosting;
using Net.Http3.Qpack;
using Net.Http3.Wire;
using Net.Kestrel.Transport;

namespace Net.Kestrel.Hosting;

/// <summary>
/// A connection as Kestrel sees it, whose client is a session of ours: that opens the control stream with SETTINGS, checks and keeps what Kestrel says on
/// its own one, and knows no dynamic table, as Kestrel does not.
/// </summary>
internal sealed class AppConnection : MultiplexedConnectionContext,
    IProtocolErrorCodeFeature, IConnectionIdFeature, IConnectionItemsFeature, IConnectionLifetimeFeature, IConnectionEndPointFeature, ITlsConnectionFeature
{
    private static long s_lastId = Environment.TickCount64;

    private readonly CancellationTokenSource _closed = new();
    private readonly Channel<ConnectionContext> _streams = Channel.CreateUnbounded<ConnectionContext>();
    private readonly SerialQueue _queue;
    private readonly AppTransport _transport;
    private int _isEnded;

    public AppConnection(EndPoint? local, EndPoint? remote)
    {
        ConnectionId = "m" + Interlocked.Increment(ref s_lastId).ToString("X13", CultureInfo.InvariantCulture);
        (LocalEndPoint, RemoteEndPoint) = (local, remote);
        ConnectionClosed = _closed.Token;
        Features.Set<IProtocolErrorCodeFeature>(this);
        Features.Set<IConnectionIdFeature>(this);
        Features.Set<IConnectionItemsFeature>(this);
        Features.Set<IConnectionLifetimeFeature>(this);
        Features.Set<IConnectionEndPointFeature>(this);
        Features.Set<ITlsConnectionFeature>(this);
        _queue = new(_ => End((long)Http3ErrorCode.InternalError));
        _transport = new(this, _queue);
        QpackOptions qpack = new() { DecoderTableCapacity = 0, BlockedStreams = 0, EncoderTableCapacity = 0 };
        Client = _transport.Client = new(_transport, _queue, inline: false, new(qpack, SendsGrease: false));
        _queue.Post(Client.Start);
    }

    /// <summary>Sends requests, and reads responses.</summary>
    public ClientConnection Client { get; }

    public override string ConnectionId { get; set; }

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override IDictionary<object, object?> Items { get; set; } = new ConnectionItems();

    public override EndPoint? LocalEndPoint { get; set; }

    public override EndPoint? RemoteEndPoint { get; set; }

    public override CancellationToken ConnectionClosed { get; set; }

    public X509Certificate2? ClientCertificate { get; set; }

    public long Error { get; set => field = ErrorCode.Check(value); } = -1;

    public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult(ClientCertificate);

    /// <summary>It takes no more requests, whether its session has heard of that or not. From any thread.</summary>
    public bool HasEnded => Volatile.Read(ref _isEnded) != 0;

    /// <returns>False: it has ended.</returns>
    public bool Offer(AppStream stream) => _streams.Writer.TryWrite(stream);

    /// <summary>Takes the streams back that Kestrel has not taken; it has each of them, or never sees it.</summary>
    public List<StreamId> TakeBack()
    {
        List<StreamId> untaken = [];
        while (_streams.Reader.TryRead(out ConnectionContext? stream))
        {
            untaken.Add(((AppStream)stream).Id);
        }

        return untaken;
    }

    public override void Abort() => End(Error);

    public override void Abort(ConnectionAbortedException abortReason) => End(Error);

    /// <returns>Null when Kestrel has cancelled the waiting, in order to look at its own state.</returns>
    /// <exception cref="ConnectionAbortedException">The connection has ended.</exception>
    public override async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            return await _streams.Reader.ReadAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        catch (ChannelClosedException e)
        {
            throw new ConnectionAbortedException("the connection has ended", e);
        }
    }

    public override ValueTask<ConnectionContext> ConnectAsync(IFeatureCollection? features = null, CancellationToken cancellationToken = default) => new(_transport.Open());

    public override async ValueTask DisposeAsync()
    {
        End(Error);
        await base.DisposeAsync();
    }

    /// <summary>Ends it, once, from whichever side and thread.</summary>
    public void End(long code) => End(code, FailureKind.Lost);

    /// <summary>Kestrel never sees it: none of its requests was processed.</summary>
    public void Refuse() => End((long)Http3ErrorCode.RequestRejected, FailureKind.Refused);

    private void End(long code, FailureKind kind)
    {
        if (Interlocked.Exchange(ref _isEnded, 1) == 0)
        {
            _streams.Writer.TryComplete();
            _queue.Post(() => _transport.OnEnded(code < 0 ? (long)Http3ErrorCode.NoError : code, kind));
            _ = _closed.CancelAsync();
        }
    }
}
