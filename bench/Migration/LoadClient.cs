using System.Net;
using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Sessions;
using Net.Http3.Wire;

namespace Bench.Migration;

/// <summary>Any number of HTTP/3 connections from one socket and one thread: this stack's client, which knows nothing of moves.</summary>
internal sealed class LoadClient : IDisposable
{
    private const int Concurrent = 64;

    /// <summary>The server's table stays empty, so what it keeps of a connection is the same for all.</summary>
    private static readonly ClientSessionOptions s_session = new(new() { DecoderTableCapacity = 0 }, SendsGrease: false);

    private readonly BenchPki _pki;
    private readonly IDatagramChannel _channel = UdpChannel.Bind(UdpAddress.FromEndPoint(new(IPAddress.Loopback, 0)));
    private readonly Shard _shard;
    private readonly ShardThread _thread;
    private readonly UdpAddress _server;
    private readonly List<ClientOwner> _connections = [];
    private long _received;

    public LoadClient(BenchPki pki, IPEndPoint server, ConnectionOptions options)
    {
        (_pki, _server) = (pki, UdpAddress.FromEndPoint(server));
        EndpointOptions endpoint = new()
        {
            Connection = options,
            Keys = [new(0, 0, RandomNumberGenerator.GetBytes(32), RandomNumberGenerator.GetBytes(32))],
        };
        _shard = new(new(endpoint, _pki), _channel, _pki, static _ => throw new InvalidOperationException("a client accepts nobody"), new() { OffloadCrypto = true });
        _thread = new(_shard, "bench client");
        _thread.Start();
    }

    /// <summary>Bytes of bodies.</summary>
    public long Received => Volatile.Read(ref _received);

    public int Count => _connections.Count;

    /// <summary>Opens connections, each of which has one request answered.</summary>
    public async Task OpenAsync(int count)
    {
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = Concurrent }, async (_, _) =>
        {
            ClientOwner owner = await ConnectAsync();
            await RequestAsync(owner, "/");
            lock (_connections)
            {
                _connections.Add(owner);
            }
        });
    }

    /// <summary>Every connection has a request answered.</summary>
    public Task AskAllAsync() => Parallel.ForEachAsync(_connections, new ParallelOptions { MaxDegreeOfParallelism = Concurrent }, async (owner, _) => await RequestAsync(owner, "/"));

    /// <summary>Closes them all, and forgets them.</summary>
    public async Task CloseAllAsync()
    {
        TaskCompletionSource closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = _shard.Post(new Work(now =>
        {
            foreach (Connection connection in _shard.Endpoint.Connections.ToArray())
            {
                connection.Close((ulong)Http3ErrorCode.NoError, "the measurement is over", now);
            }

            _connections.Clear();
            closed.SetResult();
        }));
        await closed.Task;
    }

    /// <summary>Begins a download that never ends.</summary>
    /// <param name="index">Of the connection.</param>
    public void Download(int index, string path) => _ = DownloadAsync(_connections[index], path);

    public void Dispose() => _thread.RequestStop();

    private async Task<ClientOwner> ConnectAsync()
    {
        TaskCompletionSource<ClientOwner> connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = _shard.Post(new Work(now =>
        {
            Connection connection = _shard.Endpoint.Connect(
                new() { AlpnProtocols = ["h3"u8.ToArray()], ServerName = "localhost", Groups = [Net.Core.Crypto.NamedGroup.Secp256r1] },
                new(_server, _channel.Local, 0), now);
            ClientOwner? owner = null;
            owner = new(connection, new ShardQueue(_shard), inline: false, s_session) { OnConnected = () => connected.TrySetResult(owner!) };
            _shard.SetOwner(connection, owner);
        }));
        return await connected.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private static async Task RequestAsync(ClientOwner owner, string path)
    {
        ClientExchange exchange = await SendAsync(owner, path);
        byte[] nothing = new byte[16];
        while (await exchange.ReadAsync(nothing) > 0)
        {
        }

        if (exchange.Response?.Status != 204)
        {
            throw new InvalidOperationException("a request was not answered");
        }
    }

    private static async Task<ClientExchange> SendAsync(ClientOwner owner, string path)
    {
        ClientExchange exchange = owner.Http3.NewExchange();
        await exchange.SendAsync(new("GET", "https", "localhost", path, new()), hasBody: false);
        await exchange.ReadHeadAsync();
        return exchange;
    }

    private async Task DownloadAsync(ClientOwner owner, string path)
    {
        ClientExchange exchange = await SendAsync(owner, path);
        byte[] buffer = new byte[256 * 1024];
        for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
        {
            _ = Interlocked.Add(ref _received, count);
        }
    }

    private sealed class Work(Action<Instant> action) : IShardWork
    {
        public void Run(Instant now) => action(now);
    }
}
