using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Wire;
using Net.Http3.Client.Hosting;
using Net.Http3.Messages;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Sessions;
using Net.Http3.Wire;
using Net.Tests.Core.Io;
using Net.Tests.Http3.Server;

namespace Net.Tests.Http3.Client;

/// <summary>Client and server over real connections on loopback.</summary>
[TestClass]
public sealed class Http3ClientTests
{
    public required TestContext TestContext { get; set; }

    /// <summary>Goal: a duplex upload of 3 MB comes back as it was sent, through sockets, TLS and flow control, and a second request too.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_duplex_exchange_crosses_loopback()
    {
        CancellationToken stop = TestContext.CancellationToken;
        await using LoopbackServer server = new(new Handler(async (exchange, _) =>
        {
            await exchange.RespondAsync(200, new Field("x-path", exchange.Path));
            byte[] buffer = new byte[30_000];
            for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
            {
                await exchange.WriteAsync(buffer.AsMemory(0, count));
            }
        }));
        await using Http3Client client = await server.ConnectAsync(stop);
        byte[] upload = RandomNumberGenerator.GetBytes(3_000_000);
        ClientExchange duplex = client.NewExchange();
        await duplex.SendAsync(new("POST", "https", "localhost", "/duplex", new(new Field("content-length", "3000000"))), hasBody: true);
        Task sending = SendAsync();
        byte[] body = await ReadAllAsync(duplex);
        await sending;
        Assert.AreEqual("/duplex", duplex.Response?.Headers["x-path"]);
        Assert.IsTrue(upload.AsSpan().SequenceEqual(body));

        ClientExchange get = client.NewExchange();
        await get.SendAsync(new("GET", "https", "localhost", "/get", new()), hasBody: false);
        Assert.IsEmpty(await ReadAllAsync(get));
        Assert.AreEqual(200, get.Response?.Status);

        async Task SendAsync()
        {
            for (int at = 0; at < upload.Length; at += 50_000)
            {
                await duplex.WriteAsync(upload.AsMemory(at, 50_000));
            }

            await duplex.FinishAsync();
        }
    }

    /// <summary>Goal: a request that is given up ends at once on both sides, and the connection serves on.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_cancelled_request_ends_on_both_sides()
    {
        TaskCompletionSource aborted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using LoopbackServer server = new(new Handler(async (exchange, token) =>
        {
            if (exchange.Path == "/wait")
            {
                await exchange.RespondAsync(200);
                await Assert.ThrowsExactlyAsync<Http3RequestAbortedException>(async () => await exchange.ReadAsync(new byte[1]));
                Assert.IsTrue(token.IsCancellationRequested);
                aborted.SetResult();
            }
        }));
        await using Http3Client client = await server.ConnectAsync(TestContext.CancellationToken);
        ClientExchange exchange = client.NewExchange();
        await exchange.SendAsync(new("POST", "https", "localhost", "/wait", new()), hasBody: true);
        await exchange.ReadHeadAsync();
        ValueTask<int> reading = exchange.ReadAsync(new byte[1]);
        exchange.Cancel();
        await Assert.ThrowsExactlyAsync<Http3RequestAbortedException>(async () => await reading);
        await aborted.Task.WaitAsync(TestContext.CancellationToken);

        ClientExchange silent = client.NewExchange();
        await silent.SendAsync(new("GET", "https", "localhost", "/", new()), hasBody: false);
        await silent.ReadHeadAsync();
        Assert.AreEqual(500, silent.Response?.Status);
        await Assert.ThrowsExactlyAsync<ArgumentException>(
            async () => await client.NewExchange().SendAsync(new("G T", "https", "localhost", "/", new()), hasBody: false));
    }

    private static async Task<byte[]> ReadAllAsync(ClientExchange exchange)
    {
        await exchange.ReadHeadAsync();
        List<byte> body = [];
        byte[] buffer = new byte[40_000];
        for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
        {
            body.AddRange(buffer.AsSpan(0, count));
        }

        return [.. body];
    }
}

/// <summary>A component on a socket of 127.0.0.1.</summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    private readonly TaskCompletionSource<ExchangeHost> _exchanges = new();
    private readonly ShardHost _host;

    public LoopbackServer(IComponent component)
    {
        SslServerAuthenticationOptions tls = new() { ServerCertificate = TestPki.Instance.Server, CertificateChainPolicy = TestPki.Instance.Policy() };
        _host = new(
            UdpAddress.FromEndPoint(new(IPAddress.Loopback, 0)), ConnectionOptions.Default, new() { AlpnProtocols = ["h3"u8.ToArray()] }, new SslHost(tls),
            (_, _, connection) => new ServerOwner(_exchanges.Task.Result, connection));
        _exchanges.SetResult(new(component, new ShardQueue(_host.Shard), new()));
    }

    public Task<Http3Client> ConnectAsync(CancellationToken cancellationToken) => Http3Client.ConnectAsync(
        _host.Shard.Channel.Local, "localhost", new() { CertificateChainPolicy = TestPki.Instance.Policy() }, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        _host.Release();
        await _host.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _exchanges.Task.Result.Dispose();
    }
}
