using System.Globalization;
using Net.Core.Connections;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace QuicEndpoint;

/// <summary>HTTP/3, the client's side.</summary>
internal sealed class Http3Fetcher : IFetcher
{
    private readonly Host _host;
    private readonly ClientOwner _owner;

    private Http3Fetcher(Host host, Connection connection, ClientOwner owner) => (_host, Connection, _owner) = (host, connection, owner);

    public Connection Connection { get; }

    /// <exception cref="IOException">The handshake failed.</exception>
    public static async Task<Http3Fetcher> ConnectAsync(Host host, TlsClientOptions tls, UdpAddress remote)
    {
        TaskCompletionSource connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Http3Fetcher fetcher = await host.RunAsync(now =>
        {
            Connection connection = host.Shard.Endpoint.Connect(tls, new(remote, host.Shard.Channel.Local, 0), now);
            ClientOwner owner = new(connection, new ShardQueue(host.Shard), inline: false, new(new(), SendsGrease: true))
            {
                OnConnected = () => connected.TrySetResult(),
                Roaming = new(host.Shard, connection),
            };
            host.Shard.SetOwner(connection, owner);
            return new Http3Fetcher(host, connection, owner);
        });
        await Task.WhenAny(connected.Task, fetcher._owner.Http3.Closed);
        return connected.Task.IsCompleted
            ? fetcher
            : throw new IOException($"the handshake failed: {fetcher._owner.CloseReason?.Reason ?? "the connection's thread has ended"}");
    }

    public async Task FetchAsync(Uri url, Stream file)
    {
        try
        {
            ClientExchange exchange = _owner.Http3.NewExchange();
            await exchange.SendAsync(new("GET", "https", url.Authority, url.PathAndQuery, new FieldSection()), hasBody: false);
            await exchange.ReadHeadAsync();
            if (exchange.Response!.Status != 200)
            {
                throw new IOException(string.Create(CultureInfo.InvariantCulture, $"{url}: status {exchange.Response.Status}"));
            }

            byte[] buffer = new byte[64 * 1024];
            while (await exchange.ReadAsync(buffer) is int read and > 0)
            {
                await file.WriteAsync(buffer.AsMemory(0, read));
            }
        }
        catch (Http3RequestAbortedException e)
        {
            throw new IOException($"{url}: {e.Message} ({_owner.CloseReason?.Reason ?? "the connection lives"})", e);
        }
    }

    public Task<Task?> TryMoveAsync() => _host.TryMoveAsync(_owner.Roaming!);

    public async ValueTask DisposeAsync()
    {
        await _host.RunAsync(now =>
        {
            if (Connection.IsOpen)
            {
                Connection.Close((ulong)Http3ErrorCode.NoError, "all files are here", now);
            }

            return true;
        });
        await _owner.Http3.Closed;
    }
}
