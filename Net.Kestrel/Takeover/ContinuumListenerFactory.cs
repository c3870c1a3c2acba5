using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Net.Kestrel.Transport;
using Net.Migration.Hosting;

namespace Net.Kestrel.Takeover;

/// <summary>Binds the endpoints that Kestrel wants to serve HTTP/3 on, or takes them over from the process that has them.</summary>
internal sealed class ContinuumListenerFactory(IOptions<ContinuumOptions> options, IHostApplicationLifetime application, ILoggerFactory loggers)
    : IMultiplexedConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly ILogger _log = loggers.CreateLogger("Net.Kestrel.Takeover");
    private readonly Lock _gate = new();
    private readonly TakeoverGate _together = new(application);
    private int _listeners;

    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint;

    /// <exception cref="Microsoft.AspNetCore.Connections.AddressInUseException">The UDP port is taken by something else.</exception>
    /// <exception cref="InvalidOperationException">
    /// The endpoint is none of UDP's, has no HTTPS with one certificate, or requires certificates of clients; or there is no directory.
    /// </exception>
    public async ValueTask<IMultiplexedConnectionListener> BindAsync(
        EndPoint endpoint, IFeatureCollection? features = null, CancellationToken cancellationToken = default)
    {
        (IPEndPoint address, TlsConnectionCallbackOptions tls) = ListenerFactory.Check(endpoint, features);
        ContinuumOptions settings = options.Value;
        if (settings.Directory.Length == 0)
        {
            throw new InvalidOperationException("the processes of the application need a directory of their own: set ContinuumOptions.Directory");
        }

        SslServerAuthenticationOptions? authentication = await TlsSettings.TryGetCommonAsync(tls, cancellationToken);
        TlsSettings.CheckForNode(authentication);
        X509Certificate2 certificate = authentication?.ServerCertificateContext?.TargetCertificate ?? authentication?.ServerCertificate as X509Certificate2
            ?? throw new InvalidOperationException("an endpoint that moves shows one certificate to all clients: give UseHttps that one");
        KestrelComponent component = new();
        RestartableServerOptions server = new()
        {
            ListenEndPoint = address,
            // Each endpoint is taken over by itself, and has the same settings in the next process.
            Directory = Path.Combine(settings.Directory, $"{address}".Replace(':', '_')),
            Components = [new("app", component) { TetherDeadline = settings.RequestTimeout }],
            ServerCertificate = certificate,
            ServerIntermediates = [.. authentication?.ServerCertificateContext?.IntermediateCertificates ?? []],
            TakeOverTimeout = settings.TakeOverTimeout,
            Log = line => Log.Happened(_log, address, line),
        };
        server = settings.FailureTimeout is TimeSpan timeout ? server with { FailureTimeout = timeout } : server;
        PrivateDirectory.Open(settings.Directory);
        ContinuumListener listener;
        try
        {
            int? port = await RestartableServer.FindAsync(server.Directory, cancellationToken);
            listener = port is null
                ? new(component, await RestartableServer.StartAsync(server, cancellationToken))
                : new(component, new IPEndPoint(address.Address, port.Value), _together.Add(server));
        }
        catch (Net.Core.Io.AddressInUseException e)
        {
            // Kestrel knows its own one only, and says then which of the application's URLs it is.
            throw new Microsoft.AspNetCore.Connections.AddressInUseException(e.Message, e);
        }

        lock (_gate)
        {
            _listeners++;
        }

        _ = FollowAsync(listener);
        return listener;
    }

    /// <summary>The application ends when all of its endpoints have been taken over and nothing runs any more, or when one cannot be served.</summary>
    private async Task FollowAsync(ContinuumListener listener)
    {
        try
        {
            await listener.Completion;
            lock (_gate)
            {
                if (--_listeners > 0)
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (Exception fault)
        {
            Log.Failed(_log, listener.EndPoint, fault);
            // Whoever supervises the process has to see that it has not just ended.
            Environment.ExitCode = 1;
        }

        application.StopApplication();
    }
}

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "{EndPoint}: {What}")]
    public static partial void Happened(ILogger log, EndPoint endPoint, string what);

    [LoggerMessage(2, LogLevel.Critical, "{EndPoint} is not served by this process")]
    public static partial void Failed(ILogger log, EndPoint endPoint, Exception fault);
}
