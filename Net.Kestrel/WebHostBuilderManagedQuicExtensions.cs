using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Net.Kestrel;
using Net.Kestrel.Hosting;
using Net.Kestrel.Takeover;
using Net.Kestrel.Transport;

// Where ASP.NET's own UseQuic and UseSockets are: an application needs no further using.
namespace Microsoft.AspNetCore.Hosting;

/// <summary>Puts the managed QUIC transport under Kestrel.</summary>
public static class WebHostBuilderManagedQuicExtensions
{
    /// <summary>
    /// Serves HTTP/3 in managed code, on every endpoint whose protocols include <c>Http3</c> and that uses HTTPS; msquic is not needed, and not
    /// used where it is there. TCP endpoints stay as they are, and announce HTTP/3 with Alt-Svc where they share an endpoint with it.
    /// </summary>
    /// <param name="builder">The host, such as <c>builder.WebHost</c>.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <remarks>
    /// Call it after <c>UseKestrel</c>, which <c>WebApplication.CreateBuilder</c> calls by itself: of several transports Kestrel asks the one that
    /// was registered last.
    /// </remarks>
    public static IWebHostBuilder UseManagedQuic(this IWebHostBuilder builder) => UseManagedQuic(builder, static (ManagedQuicOptions _) => { });

    /// <inheritdoc cref="UseManagedQuic(IWebHostBuilder)"/>
    /// <param name="builder">The host, such as <c>builder.WebHost</c>.</param>
    /// <param name="configure">Changes the defaults of <see cref="ManagedQuicOptions"/>.</param>
    public static IWebHostBuilder UseManagedQuic(this IWebHostBuilder builder, Action<ManagedQuicOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configure);
        return builder.ConfigureServices(services =>
        {
            services.AddSingleton<IMultiplexedConnectionListenerFactory, ListenerFactory>();
            services.Configure(configure);
        });
    }

    /// <summary>
    /// Serves HTTP/3 as a component of a node: no port is bound, requests come with <see cref="KestrelComponent"/>. Endpoints are configured as usual, with
    /// <c>Http3</c> and HTTPS; their addresses and certificates are not used, as clients see those of the node.
    /// </summary>
    /// <param name="builder">The host, such as <c>builder.WebHost</c>.</param>
    /// <param name="component">What the node hosts.</param>
    /// <returns><paramref name="builder"/>.</returns>
    public static IWebHostBuilder UseManagedQuic(this IWebHostBuilder builder, KestrelComponent component)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(component);
        return builder.ConfigureServices(services => services.AddSingleton<IMultiplexedConnectionListenerFactory>(new ComponentListenerFactory(component)));
    }

    /// <summary>
    /// Serves HTTP/3 so that the next process of this application can take over while it serves: connections, running requests and the UDP port, with nothing
    /// asked of the clients. Every process does the same; the one that serves ends when another one has taken over and its own last request has ended.
    /// </summary>
    /// <param name="builder">The host, such as <c>builder.WebHost</c>.</param>
    /// <param name="configure">Names at least the directory in which the processes find each other.</param>
    /// <returns><paramref name="builder"/>.</returns>
    /// <remarks>
    /// It is for endpoints of HTTP/3 alone: a TCP port cannot be taken over, so give HTTP/1.1 and 2 an endpoint of their own, behind systemd's socket
    /// activation or a proxy. Taking over needs Linux; elsewhere the application just serves. Clients cannot be asked for certificates.
    /// </remarks>
    public static IWebHostBuilder UseContinuum(this IWebHostBuilder builder, Action<ContinuumOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(configure);
        return builder.ConfigureServices(services =>
        {
            services.AddSingleton<IMultiplexedConnectionListenerFactory, ContinuumListenerFactory>();
            services.Configure(configure);
        });
    }
}
