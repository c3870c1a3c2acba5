using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Net.Kestrel.Transport;

namespace Net.Kestrel.Hosting;

/// <summary>Gives Kestrel the connections of a component: no socket is bound.</summary>
internal sealed class ComponentListener : IMultiplexedConnectionListener
{
    private readonly CancellationTokenSource _unbound = new();
    private readonly EndPoint _endpoint;
    private readonly KestrelComponent _component;
    private int _isUnbound;

    public ComponentListener(EndPoint endpoint, KestrelComponent component)
    {
        (_endpoint, _component) = (endpoint, component);
        component.OnBound();
    }

    public EndPoint EndPoint => _endpoint;

    /// <returns>Null when no more come.</returns>
    public async ValueTask<MultiplexedConnectionContext?> AcceptAsync(IFeatureCollection? features = null, CancellationToken cancellationToken = default)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _unbound.Token);
        try
        {
            return await _component.Arrivals.ReadAsync(stop.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref _isUnbound, 1) == 0)
        {
            await _unbound.CancelAsync();
            _component.OnUnbound();
        }
    }

    public ValueTask DisposeAsync() => UnbindAsync();
}

/// <inheritdoc cref="ComponentListener"/>
internal sealed class ComponentListenerFactory(KestrelComponent component) : IMultiplexedConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint;

    /// <exception cref="InvalidOperationException">
    /// The endpoint requires certificates of clients, or may: its options depend on the client. The node that has their connections asks neither them nor a callback.
    /// </exception>
    public async ValueTask<IMultiplexedConnectionListener> BindAsync(EndPoint endpoint, IFeatureCollection? features = null, CancellationToken cancellationToken = default)
    {
        if (features?.Get<TlsConnectionCallbackOptions>() is TlsConnectionCallbackOptions tls)
        {
            TlsSettings.CheckForNode(await TlsSettings.TryGetCommonAsync(tls, cancellationToken)
                ?? throw new InvalidOperationException("an endpoint whose connections move cannot have TLS options that depend on the client: use UseHttps with a certificate"));
        }

        return new ComponentListener(endpoint, component);
    }
}
