using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Net.Core.Io;

namespace Net.Kestrel.Transport;

/// <summary>One UDP port, from which Kestrel takes connections whose handshake is complete.</summary>
internal sealed class ConnectionListener(QuicListener listener, ManagedQuicOptions options, ILogger log) : IMultiplexedConnectionListener
{
    // A closed connection's last packets may be on their way for some round trips; the port is free when they are.
    private static readonly TimeSpan s_linger = TimeSpan.FromSeconds(1);

    public EndPoint EndPoint => listener.LocalEndPoint;

    /// <returns>Null when no more come.</returns>
    public async ValueTask<MultiplexedConnectionContext?> AcceptAsync(IFeatureCollection? features = null, CancellationToken cancellationToken = default)
    {
        try
        {
            MultiplexedConnection connection = new(await listener.AcceptConnectionAsync(cancellationToken), options, log);
            Log.Accepted(log, connection.ConnectionId, connection.RemoteEndPoint);
            return connection;
        }
        catch (Exception e) when (e is ObjectDisposedException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>No new ones; those that were accepted go on, and are closed by Kestrel in order.</summary>
    public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => listener.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        await listener.DisposeAsync();
        await listener.Completion.WaitAsync(s_linger).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
