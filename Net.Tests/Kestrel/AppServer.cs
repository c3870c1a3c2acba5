using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Net.Core.Wire;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Kestrel;
using Net.Tests.Core.Io;

namespace Net.Tests.Kestrel;

/// <summary>An ASP.NET application on a port of 127.0.0.1, over our transport.</summary>
internal sealed class AppServer : IAsyncDisposable
{
    private readonly FaultCollector _faults;

    private AppServer(WebApplication app, FaultCollector faults) => (App, _faults) = (app, faults);

    public WebApplication App { get; }

    /// <summary>What the transport did not expect, and what Kestrel or the application logged as an error.</summary>
    public IReadOnlyCollection<string> Faults => _faults.Messages;

    public IPEndPoint Address { get; private set; } = new(IPAddress.Loopback, 0);

    public static async Task<AppServer> StartAsync(
        Action<WebApplication> map,
        Action<ListenOptions>? listen = null,
        Action<ManagedQuicOptions>? configure = null,
        int port = 0,
        Action<IServiceCollection>? services = null,
        Action<KestrelServerLimits>? limits = null,
        CancellationToken cancellationToken = default)
    {
        FaultCollector faults = new();
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(faults);
        builder.WebHost.UseKestrelHttpsConfiguration().UseManagedQuic(configure ?? (_ => { }));
        services?.Invoke(builder.Services);
        builder.WebHost.ConfigureKestrel(server =>
        {
            limits?.Invoke(server.Limits);
            server.Listen(IPAddress.Loopback, port, endpoint =>
            {
                endpoint.Protocols = HttpProtocols.Http3;
                if (listen is null)
                {
                    endpoint.UseHttps(TestPki.Instance.Server);
                }
                else
                {
                    listen(endpoint);
                }
            });
        });
        WebApplication app = builder.Build();
        map(app);
        AppServer server = new(app, faults);
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }

        server.Address = new(IPAddress.Loopback, new Uri(app.Urls.First()).Port);
        return server;
    }

    public Task<Http3Client> ConnectAsync(CancellationToken cancellationToken, SslClientAuthenticationOptions? tls = null, string name = "localhost")
    {
        tls ??= new();
        tls.CertificateChainPolicy = TestPki.Instance.Policy();
        return Http3Client.ConnectAsync(UdpAddress.FromEndPoint(Address), name, tls, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await App.StopAsync();
        await App.DisposeAsync();
    }

    private sealed class FaultCollector : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _messages = new();

        public IReadOnlyCollection<string> Messages => _messages;

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                _messages.Enqueue($"{formatter(state, exception)} {exception}");
            }
        }

        public void Dispose()
        {
        }
    }
}

/// <summary>Requests in few words.</summary>
internal static class Requests
{
    public static async Task<ClientExchange> OpenAsync(this Http3Client client, string method, string path, bool hasBody, params Field[] fields)
    {
        ClientExchange exchange = client.NewExchange();
        await exchange.SendAsync(new(method, "https", "localhost", path, new(fields)), hasBody);
        return exchange;
    }

    public static async Task<(int Status, byte[] Body, FieldSection Headers)> GetAsync(this Http3Client client, string path, params Field[] fields)
    {
        ClientExchange exchange = await client.OpenAsync("GET", path, hasBody: false, fields);
        byte[] body = await exchange.ReadAllAsync();
        return (exchange.Response!.Status, body, exchange.Response.Headers);
    }

    public static async Task<byte[]> ReadAllAsync(this ClientExchange exchange)
    {
        await exchange.ReadHeadAsync();
        using MemoryStream body = new();
        byte[] buffer = new byte[40_000];
        for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
        {
            body.Write(buffer, 0, count);
        }

        return body.ToArray();
    }
}
