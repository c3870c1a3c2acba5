using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Time;
using Net.Http3.Server.Hosting;

namespace QuicEndpoint;

/// <summary>A client's connection, before and after it is known which protocol it speaks.</summary>
internal sealed class ProtocolOwner(Shard shard, Connection connection, WwwFolder files, ExchangeHost http3) : IConnectionOwner
{
    private IConnectionOwner? _owner;

    public void OnEvents(Connection connection, Instant now)
    {
        if (_owner is null && connection.Session is { } session)
        {
            _owner = session.Alpn.Span.SequenceEqual(Protocol.Http3) ? new ServerOwner(http3, connection) : new HqServer(shard, connection, files);
        }

        if (_owner is not null)
        {
            _owner.OnEvents(connection, now);
            return;
        }

        // A handshake that failed leaves only its end to tell.
        while (!connection.IsOpen && connection.TryTakeEvent(out _))
        {
        }
    }

    public void OnShardStopped(Exception? fault)
    {
        if (_owner is null)
        {
            return;
        }

        if (fault is null && connection.IsOpen)
        {
            Program.Say("the server ends with a connection open");
        }

        _owner.OnShardStopped(fault);
    }
}
