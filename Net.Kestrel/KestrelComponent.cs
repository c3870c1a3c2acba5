using System.Net;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Wire;
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
public sealed class KestrelComponent : IPacedComponent
{
    private const int BufferSize = 16 * 1024;

    private readonly Channel<MultiplexedConnectionContext> _arrivals = Channel.CreateUnbounded<MultiplexedConnectionContext>();
    private readonly ConditionalWeakTable<ConnectionPeer, AppConnection> _connections = [];
    private readonly Lock _gate = new();

    private int _listeners;
    private bool _isStopped;

    internal ChannelReader<MultiplexedConnectionContext> Arrivals => _arrivals.Reader;

    /// <summary>
    /// Has Kestrel answer one request. Kestrel's own limits hold, beside those of the node: fields beyond <c>MaxRequestHeadersTotalSize</c> are answered with
    /// 431. Requests wait for an application that has not started yet; when it has stopped they are answered with 503. One that came in 0-RTT carries
    /// <c>early-data: 1</c> (RFC 8470, section 5.1): an application that does not want it answers with 425.
    /// </summary>
    /// <inheritdoc/>
    public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(exchange);
        RequestRelay relay = new(exchange);
        // Twice at most: Kestrel ends a connection that was idle, and a request may meet that on its way.
        for (int tries = 0; tries < 2 && !relay.IsTooLarge && ConnectionOf(exchange.Peer) is AppConnection connection; tries++)
        {
            ClientExchange app = connection.Client.NewExchange();
            using CancellationTokenRegistration gaveUp = cancellationToken.UnsafeRegister(static app => ((ClientExchange)app!).Cancel(), app);
            if (await TryBeginAsync(relay, app))
            {
                await AnswerAsync(exchange, relay, app);
                return;
            }
        }

        HttpStatusCode status = relay.IsTooLarge ? HttpStatusCode.RequestHeaderFieldsTooLarge : HttpStatusCode.ServiceUnavailable;
        await exchange.RespondAsync((int)status, ("content-length", "0"));
    }

    /// <summary>Kestrel takes connections from now on.</summary>
    internal void OnBound()
    {
        lock (_gate)
        {
            _listeners++;
            _isStopped = false;
        }
    }

    /// <summary>A listener takes no more. With the last one the application has stopped: who waits for it waits in vain.</summary>
    internal void OnUnbound()
    {
        lock (_gate)
        {
            _isStopped = --_listeners == 0;
            while (_isStopped && _arrivals.Reader.TryRead(out MultiplexedConnectionContext? waiting))
            {
                ((AppConnection)waiting).Refuse();
            }
        }
    }

    /// <returns>False: Kestrel has refused the request, unprocessed, or does not take its head.</returns>
    private static async Task<bool> TryBeginAsync(RequestRelay relay, ClientExchange app)
    {
        try
        {
            if (!await relay.SendToAsync(app))
            {
                app.Cancel();
                return false;
            }

            await app.ReadHeadAsync();
            return true;
        }
        catch (Http3RequestAbortedException) when (app.Failure is { Kind: FailureKind.Refused })
        {
            return false;
        }
        catch (ArgumentException) when (relay.IsTooLarge)
        {
            app.Cancel();
            return false;
        }
        catch
        {
            await FailAsync(relay, app);
            throw;
        }
    }

    private static async Task AnswerAsync(Http3Exchange exchange, RequestRelay relay, ClientExchange app)
    {
        relay.OnAnswered();
        try
        {
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
            await FailAsync(relay, app);
            throw;
        }
        finally
        {
            // An answer may be complete before its request: what is left of that is for nobody.
            _ = relay.Sending.ContinueWith(static task => task.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }
    }

    private static async Task FailAsync(RequestRelay relay, ClientExchange app)
    {
        app.Cancel();
        if (relay.Sending.IsFaulted)
        {
            // Why the request could not be read says more than that Kestrel's answer was given up because of it.
            await relay.Sending;
        }
    }

    /// <summary>Kestrel's connection for a client's; another one when Kestrel has ended the last, as it does with idle ones.</summary>
    /// <returns>Null: the application has stopped.</returns>
    private AppConnection? ConnectionOf(ConnectionPeer peer)
    {
        AppConnection? connection;
        bool isKnown;
        lock (_gate)
        {
            isKnown = _connections.TryGetValue(peer, out connection);
            if (isKnown && !connection!.Client.IsLeaving && !connection.HasEnded)
            {
                return connection;
            }

            if (_isStopped)
            {
                return null;
            }

            connection = new(peer.Local, peer.Remote);
            _connections.AddOrUpdate(peer, connection);
            _arrivals.Writer.TryWrite(connection);
        }

        // Kestrel's ends with the client's, or with what is left of it here. Said once, however often Kestrel ends one: whichever there is then.
        if (!isKnown)
        {
            peer.WhenEnded(() => End(peer));
        }
        else if (peer.HasEnded)
        {
            End(peer);
        }

        return connection;
    }

    private void End(ConnectionPeer peer)
    {
        AppConnection? connection;
        lock (_gate)
        {
            _ = _connections.TryGetValue(peer, out connection);
        }

        connection?.End((long)Http3ErrorCode.NoError);
    }
}
