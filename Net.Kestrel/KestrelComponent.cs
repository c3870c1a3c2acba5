using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Kestrel.Hosting;

namespace Net.Kestrel;

/// <summary>An ASP.NET Core application as a component: a node hosts it, its clients' connections move with it, and Kestrel need not know.</summary>
/// <remarks>
/// <para>Clients speak to the node's HTTP/3, which owns their connections, SETTINGS and GOAWAY. For each connection Kestrel gets one of pipes, on which a
/// session of ours is the client. After a move the application at the destination gets a fresh one with the client's next request. Requests whose
/// handler has not begun begin there, from their first byte; all others finish where they are, as tethers
/// (<see cref="RunningRequests.Tether"/>): streams of gRPC and server-sent events go on.</para>
/// <para>State of the application is its own: nothing of it moves. Each node runs an instance of the application.</para>
/// </remarks>
/// <example>
/// <code>
/// KestrelComponent app = new();
/// builder.WebHost.UseManagedQuic(app);
/// ...
/// await NodeHost.StartAsync(new() { Components = [new("shop", app)], ... });
/// </code>
/// </example>
public sealed class KestrelComponent : IComponent
{
    private const int BufferSize = 16 * 1024;

    private readonly Channel<MultiplexedConnectionContext> _arrivals = Channel.CreateUnbounded<MultiplexedConnectionContext>();
    private readonly ConditionalWeakTable<ConnectionPeer, AppConnection> _connections = [];
    private readonly Lock _gate = new();

    internal ChannelReader<MultiplexedConnectionContext> Arrivals => _arrivals.Reader;

    /// <summary>Has Kestrel answer one request. Kestrel's own limits hold, beside those of the node.</summary>
    /// <inheritdoc/>
    public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(exchange);
        ClientExchange app = ConnectionOf(exchange.Peer).Client.NewExchange();
        using CancellationTokenRegistration gaveUp = cancellationToken.UnsafeRegister(static app => ((ClientExchange)app!).Cancel(), app);
        await app.SendAsync(exchange.RequestHead, hasBody: true);
        Task sending = SendBodyAsync(exchange, app);
        try
        {
            await app.ReadHeadAsync();
            ResponseHead head = app.Response!;
            await exchange.RespondAsync(head.Status, head.Headers);
            byte[] buffer = new byte[BufferSize];
            for (int count; (count = await app.ReadAsync(buffer)) > 0;)
            {
                await exchange.WriteAsync(buffer.AsMemory(0, count));
            }

            if (app.Trailers is { Count: > 0 } trailers)
            {
                exchange.SetTrailers([.. trailers]);
            }
        }
        catch
        {
            app.Cancel();
            if (sending.IsFaulted)
            {
                // Why the request could not be read says more than that Kestrel's answer was given up because of it.
                await sending;
            }

            throw;
        }
        finally
        {
            // An answer may be complete before its request: what is left of that is for nobody.
            _ = sending.ContinueWith(static task => task.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }
    }

    private static async Task SendBodyAsync(Http3Exchange exchange, ClientExchange app)
    {
        byte[] buffer = new byte[BufferSize];
        try
        {
            for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
            {
                await app.WriteAsync(buffer.AsMemory(0, count));
            }

            await app.FinishAsync();
        }
        catch
        {
            // The application waits for bytes that nobody will read: a body beyond the node's limit, say.
            app.Cancel();
            throw;
        }
    }

    /// <summary>Kestrel's connection for a client's; another one when Kestrel has ended the last, as it does with idle ones.</summary>
    private AppConnection ConnectionOf(ConnectionPeer peer)
    {
        lock (_gate)
        {
            if (!_connections.TryGetValue(peer, out AppConnection? connection) || connection.Client.IsLeaving)
            {
                connection = new(peer.Local, peer.Remote);
                _connections.AddOrUpdate(peer, connection);
                _arrivals.Writer.TryWrite(connection);
            }

            return connection;
        }
    }
}
