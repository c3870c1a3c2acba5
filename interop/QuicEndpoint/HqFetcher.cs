using System.Text;
using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Tls;
using Net.Core.Wire;

namespace QuicEndpoint;

/// <summary>HTTP/0.9 over QUIC, the client's side.</summary>
internal sealed class HqFetcher : IFetcher
{
    private readonly Host _host;
    private readonly ConnectionDriver _driver;

    private HqFetcher(Host host, ConnectionDriver driver) => (_host, _driver) = (host, driver);

    public Connection Connection => _driver.Connection;

    /// <exception cref="QuicException">The handshake failed.</exception>
    public static async Task<HqFetcher> ConnectAsync(Host host, TlsClientOptions tls, UdpAddress remote)
    {
        ConnectionDriver driver = await host.RunAsync(now =>
        {
            Connection connection = host.Shard.Endpoint.Connect(tls, new(remote, host.Shard.Channel.Local, 0), now);
            ConnectionDriver made = new(host.Shard, connection, defaultStreamErrorCode: 0, onEnded: () => { });
            host.Shard.SetOwner(connection, made);
            return made;
        });
        await driver.Connected;
        return new(host, driver);
    }

    public async Task FetchAsync(Uri url, Stream file)
    {
        OpenRequest request = new(_driver, unidirectional: false);
        if (!_host.Shard.Post(request))
        {
            throw new IOException("the connection's thread has ended");
        }

        await using QuicStream stream = await request.Task;
        await stream.WriteAsync(Encoding.UTF8.GetBytes($"GET {url.AbsolutePath}\r\n"), completeWrites: true);
        await stream.CopyToAsync(file);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.RunAsync(now =>
        {
            if (Connection.IsOpen)
            {
                Connection.Close(0, "all files are here", now);
            }

            return true;
        });
        await _driver.Ended;
    }
}
