using System.Net;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Accepts control links and brings what they say to the desk, on its actor.</summary>
/// <remarks>
/// All that has arrived when the links' thread looks is one turn: each message is added to the next one, which that thread takes behind the last message, before it sends. So what many
/// ask for at once is one flush of the directory, and what one asks for is done and answered in the step in which it was heard.
/// </remarks>
internal sealed class ControlServer : IAsyncDisposable
{
    /// <summary>Links at a time, of members and commands; further ones are closed.</summary>
    public const int MaxLinks = 2048;

    /// <summary>A connection that opens no stream by then is closed.</summary>
    private static readonly TimeSpan s_streamTimeout = TimeSpan.FromSeconds(5);

    private readonly QuicListener _listener;
    private readonly Actor _actor;
    private readonly ControlDesk _desk;
    private readonly Shard _shard;
    private readonly TurnWork _turn;
    private readonly UdpAddress _dataAddress;
    private readonly int _maxLinks;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly HashSet<QuicConnection> _connections = [];
    private Task _accepting = Task.CompletedTask;

    private ControlServer(QuicListener listener, Actor actor, ControlDesk desk, UdpAddress dataAddress, int maxLinks)
    {
        _listener = listener;
        _actor = actor;
        _desk = desk;
        // It has one: see ControlTls.
        _shard = listener.Shards[0];
        _turn = new(actor);
        _dataAddress = dataAddress;
        _maxLinks = maxLinks;
    }

    /// <summary>Bound; with the port that the system chose.</summary>
    public IPEndPoint LocalEndPoint => _listener.LocalEndPoint;

    /// <param name="listener">From <see cref="ListenAsync"/>; owned from here on.</param>
    /// <param name="actor">Runs everything that the desk does.</param>
    /// <param name="dataAddress">Where the ingress takes datagrams from nodes; the wildcard stands for whatever address a node has called.</param>
    public static ControlServer Start(QuicListener listener, Actor actor, ControlDesk desk, UdpAddress dataAddress, int maxLinks = MaxLinks)
    {
        ControlServer server = new(listener, actor, desk, dataAddress, maxLinks);
        server._accepting = server.AcceptAsync();
        return server;
    }

    /// <param name="certificate">Asked at each handshake.</param>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    public static ValueTask<QuicListener> ListenAsync(IPEndPoint control, Func<X509Certificate2> certificate, X509Certificate2Collection roots) =>
        QuicListener.ListenAsync(ControlTls.Server(control, LinkCodec.ControlAlpn, certificate, roots));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _accepting.ConfigureAwait(false);
        QuicConnection[] connections;
        lock (_lock)
        {
            connections = [.. _connections];
        }

        foreach (QuicConnection connection in connections)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }

        await _listener.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                QuicConnection connection = await _listener.AcceptConnectionAsync(_stop.Token).ConfigureAwait(false);
                _ = ServeAsync(connection);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(QuicConnection connection)
    {
        bool hasRoom;
        lock (_lock)
        {
            hasRoom = _connections.Count < _maxLinks && _connections.Add(connection);
        }

        QuicStream? stream = hasRoom ? await StreamAsync(connection).ConfigureAwait(false) : null;
        if (stream is null)
        {
            await EndAsync(connection).ConfigureAwait(false);
            return;
        }

        MessageLink link = new(connection, stream, OnMessage, link =>
        {
            if (link.State is LinkPeer peer)
            {
                _actor.Post(_ => _desk.OnLost(peer));
            }

            _ = EndAsync(connection);
        });
        link.State = new LinkPeer(link, DataAddress(connection));
        link.Start();
    }

    private async Task<QuicStream?> StreamAsync(QuicConnection connection)
    {
        try
        {
            using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            late.CancelAfter(s_streamTimeout);
            return await connection.AcceptInboundStreamAsync(late.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is QuicException or OperationCanceledException or ObjectDisposedException)
        {
            return null;
        }
    }

    private async Task EndAsync(QuicConnection connection)
    {
        lock (_lock)
        {
            _ = _connections.Remove(connection);
        }

        await connection.DisposeAsync().ConfigureAwait(false);
    }

    private void OnMessage(MessageLink link, LinkMessage message)
    {
        if (link.State is LinkPeer peer)
        {
            _actor.Add(now => _desk.OnMessage(peer, message, now));
            if (!_shard.PostAtOnce(_turn))
            {
                _actor.TakeTurn();
            }
        }
    }

    private UdpAddress DataAddress(QuicConnection connection)
    {
        IPAddress address = _dataAddress.ToEndPoint().Address;
        bool isWildcard = address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
        return isWildcard ? UdpAddress.FromEndPoint(connection.LocalEndPoint).WithPort(_dataAddress.Port) : _dataAddress;
    }

    /// <summary>In the shard's step, behind everything that arrived in it.</summary>
    private sealed class TurnWork(Actor actor) : IShardWork
    {
        public void Run(Instant now) => actor.TakeTurn();

        public void Abandon(Exception fault) => actor.TakeTurn();
    }

    private sealed class LinkPeer(MessageLink link, UdpAddress dataAddress) : IControlPeer
    {
        public string Name => link.PeerName;

        public string Fingerprint => link.PeerFingerprint;

        public UdpAddress DataAddress => dataAddress;

        public void Send(LinkMessage message) => link.Send(message);

        public void Close() => _ = link.DisposeAsync().AsTask();
    }
}
