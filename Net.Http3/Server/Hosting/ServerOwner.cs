using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Snapshots;
using Net.Core.Streams;
using Net.Core.Time;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Net.Http3.Server.Hosting;

/// <summary>Serves one QUIC connection by the component of a host: what a shard asks for in its <c>accept</c>.</summary>
internal sealed class ServerOwner : IConnectionOwner
{
    private readonly ConnectionTransport _transport;

    /// <summary>A new connection.</summary>
    public ServerOwner(ExchangeHost host, Connection connection)
    {
        Connection = connection;
        _transport = new(connection);
        Http3 = new(host, _transport);
        Http3.Peer.Path = connection.Path;
    }

    private ServerOwner(Connection connection, ConnectionTransport transport, ServerConnection http3)
    {
        (Connection, _transport, Http3) = (connection, transport, http3);
        Http3.Peer.Path = connection.Path;
    }

    public Connection Connection { get; }

    public ServerConnection Http3 { get; }

    /// <summary>A connection that moved here: still frozen. <see cref="Resume"/> once it is thawed.</summary>
    /// <exception cref="SnapshotException">The sections of HTTP/3 are missing or contradict each other, or the transport.</exception>
    public static ServerOwner Import(ExchangeHost host, Connection connection, ConnectionImage image, Instant now)
    {
        ConnectionTransport transport = new(connection);
        return new(connection, transport, ServerConnection.Import(host, transport, image.SectionsAbove(now)));
    }

    /// <summary>The connection is thawed: looks at every stream, and starts the handlers.</summary>
    public void Resume(Instant now)
    {
        Http3.Resume();
        Http3.Watch(now);
        _transport.Settle(now);
    }

    public void OnEvents(Connection connection, Instant now)
    {
        while (connection.TryTakeEvent(out ConnectionEvent e))
        {
            switch (e.Kind)
            {
                case ConnectionEventKind.EarlyData: Http3.StartEarly(); break;
                case ConnectionEventKind.HandshakeCompleted: Http3.Start(); break;
                case ConnectionEventKind.Stream: OnStream(e.Stream); break;
                case ConnectionEventKind.Closed: Http3.OnClosed((Http3ErrorCode)(connection.CloseReason?.Code ?? 0)); break;
                default: break;
            }
        }

        Http3.Watch(now);
        _transport.Settle(now);
    }

    public void OnShardStopped(Exception? fault) => Http3.OnClosed(Http3ErrorCode.InternalError);

    private void OnStream(in StreamEvent e)
    {
        switch (e.Kind)
        {
            case StreamEventKind.Opened or StreamEventKind.Readable: Http3.OnReadable(e.Id); break;
            case StreamEventKind.Writable: Http3.OnWritable(e.Id); break;
            case StreamEventKind.ResetByPeer: Http3.OnReset(e.Id, e.Code); break;
            case StreamEventKind.StoppedByPeer: Http3.OnStopped(e.Id, e.Code); break;
            case StreamEventKind.StreamsAvailable: Http3.OnStreamsAvailable(); break;
            default: break;
        }
    }
}
