using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Net.Kestrel.Hosting;

/// <summary>Gives Kestrel the connections of a component: no socket is bound.</summary>
internal sealed class ComponentListener(EndPoint endpoint, ChannelReader<MultiplexedConnectionContext> arrivals) : IMultiplexedConnectionListener
{
    private readonly CancellationTokenSource _unbound = new();

    public EndPoint EndPoint => endpoint;

    /// <returns>Null when no more come.</returns>
    public async ValueTask<MultiplexedConnectionContext?> AcceptAsync(IFeatureCollection? features = null, CancellationToken cancellationToken = default)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _unbound.Token);
        try
        {
            return await arrivals.ReadAsync(stop.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default) => await _unbound.CancelAsync();

    public ValueTask DisposeAsync() => UnbindAsync();
}

/// <inheritdoc cref="ComponentListener"/>
internal sealed class ComponentListenerFactory(KestrelComponent component) : IMultiplexedConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint;

    public ValueTask<IMultiplexedConnectionListener> BindAsync(EndPoint endpoint, IFeatureCollection? features = null, CancellationToken cancellationToken = default) =>
        new(new ComponentListener(endpoint, component.Arrivals));
}
