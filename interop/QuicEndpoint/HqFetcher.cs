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

    private readonly Dictionary<Uri, Asked> _asked;

    private HqFetcher(Host host, ConnectionDriver driver, Dictionary<Uri, Asked> asked) => (_host, _driver, _asked) = (host, driver, asked);

    private sealed record Asked(QuicStream Stream, Task Written);

    public Connection Connection => _driver.Connection;

    /// <param name="early">What is asked for as soon as 0-RTT permits it, if it does.</param>
    /// <exception cref="QuicException">The handshake failed.</exception>
    public static async Task<HqFetcher> ConnectAsync(Host host, TlsClientOptions tls, UdpAddress remote, IReadOnlyList<Uri> early)
    {
        Dictionary<Uri, Asked> asked = [];
        TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ConnectionDriver driver = await host.RunAsync(now =>
        {
            Connection connection = host.Shard.Endpoint.Connect(tls, new(remote, host.Shard.Channel.Local, 0), now);
            ConnectionDriver made = new(host.Shard, connection, defaultStreamErrorCode: 0, onEnded: () => { });
            made.OnConnected = () =>
            {
                // On the shard's thread, before anything is sent: the thread pool of a busy machine is slower than the server.
                foreach (Uri url in early)
                {
                    if (made.TryOpen(unidirectional: false) is QuicStream stream)
                    {
                        asked[url] = new(stream, AskAsync(stream, url));
                    }
                }

                started.TrySetResult();
            };
            made.OnConfirmed = at => MigrateWork.FollowPreferred(made, mayFollow: null, at);
            host.Shard.SetOwner(connection, made);
            return made;
        });
        // Either the handshake is complete, or 0-RTT data may be sent, or all has failed.
        await await Task.WhenAny(started.Task, driver.Connected);
        return new(host, driver, asked);
    }

    public async Task FetchAsync(Uri url, Stream file)
    {
        Asked asked = _asked.GetValueOrDefault(url) ?? await OpenAsync(url);
        await using QuicStream stream = asked.Stream;
        await asked.Written;
        await stream.CopyToAsync(file);
    }

    public Task<Task?> TryMoveAsync() => _host.TryMoveAsync(_driver);

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

    private async Task<Asked> OpenAsync(Uri url)
    {
        QuicStream stream = await _driver.OpenAsync(unidirectional: false, CancellationToken.None);
        return new(stream, AskAsync(stream, url));
    }

    private static Task AskAsync(QuicStream stream, Uri url) =>
        stream.WriteAsync(Encoding.UTF8.GetBytes($"GET {url.AbsolutePath}\r\n"), completeWrites: true).AsTask();
}
