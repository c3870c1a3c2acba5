using System.Net;
using System.Net.Security;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Net.Core.Io;

namespace Net.Kestrel.Transport;

/// <summary>Binds the endpoints that Kestrel wants to serve HTTP/3 on.</summary>
internal sealed class ListenerFactory(IOptions<ManagedQuicOptions> options, ILoggerFactory loggers)
    : IMultiplexedConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint;

    /// <exception cref="Microsoft.AspNetCore.Connections.AddressInUseException">The UDP port is taken.</exception>
    /// <exception cref="InvalidOperationException">The endpoint is none of UDP's, or has no HTTPS.</exception>
    public async ValueTask<IMultiplexedConnectionListener> BindAsync(
        EndPoint endpoint, IFeatureCollection? features = null, CancellationToken cancellationToken = default)
    {
        (IPEndPoint address, TlsConnectionCallbackOptions tls) = Check(endpoint, features);
        ManagedQuicOptions limits = options.Value;
        SslServerAuthenticationOptions? common = await TlsSettings.TryGetCommonAsync(tls, cancellationToken);
        List<SslApplicationProtocol> protocols = [.. common?.ApplicationProtocols ?? tls.ApplicationProtocols];
        try
        {
            QuicListener listener = await QuicListener.ListenAsync(
                new()
                {
                    ListenEndPoint = address,
                    ListenBacklog = limits.Backlog,
                    Threads = limits.Threads,
                    ApplicationProtocols = protocols,
                    ConnectionOptions = common is null ? null : limits.ToConnectionOptions(common, protocols),
                    ConnectionOptionsCallback = common is null
                        ? async (connection, hello, stop) => limits.ToConnectionOptions(await TlsSettings.AskAsync(tls, connection, hello, stop), protocols)
                        : null,
                },
                cancellationToken);
            return new ConnectionListener(listener, limits, loggers.CreateLogger("Net.Kestrel"));
        }
        catch (Net.Core.Io.AddressInUseException e)
        {
            // Kestrel knows its own one only, and says then which of the application's URLs it is.
            throw new Microsoft.AspNetCore.Connections.AddressInUseException(e.Message, e);
        }
    }

    /// <exception cref="InvalidOperationException">The endpoint is none of UDP's, or has no HTTPS.</exception>
    public static (IPEndPoint Address, TlsConnectionCallbackOptions Tls) Check(EndPoint endpoint, IFeatureCollection? features)
    {
        IPEndPoint address = endpoint as IPEndPoint
            ?? throw new InvalidOperationException($"QUIC needs an IP address and a port to listen on, not a {endpoint.GetType().Name}");
        TlsConnectionCallbackOptions tls = features?.Get<TlsConnectionCallbackOptions>()
            ?? throw new InvalidOperationException("HTTP/3 needs HTTPS on its endpoint: call UseHttps");
        return (address, tls);
    }
}
