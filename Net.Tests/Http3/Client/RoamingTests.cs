using System.Net;
using System.Threading.Channels;
using Net.Core.Io;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Client;
using Net.Http3.Client.Hosting;
using Net.Http3.Server;
using Net.Tests.Core.Io;
using Net.Tests.Http3.Server;

namespace Net.Tests.Http3.Client;

/// <summary>A client whose network changes. The changes are the tests' own: no address of this machine comes or goes.</summary>
[TestClass]
public sealed class RoamingTests
{
    private readonly Channel<IPEndPoint> _addresses = Channel.CreateUnbounded<IPEndPoint>();

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    /// <summary>Goal: a change of the network moves the handler's connection to another socket while a request runs, which goes on as if nothing had been.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_change_of_the_network_moves_the_connection()
    {
        await using ClientSite site = NewSite();
        Watch watch = new();
        Http3Handler handler = ClientSite.NewHandler();
        handler.WatchNetwork = watch.Subscribe;
        using (HttpClient client = ClientSite.NewClient(handler))
        {
            Channel<byte> toSend = Channel.CreateUnbounded<byte>();
            using HttpRequestMessage request = Http3HandlerTests.Request(HttpMethod.Post, site.At("/"));
            request.Content = new DuplexContent(async stream =>
            {
                await foreach (byte next in toSend.Reader.ReadAllAsync(Stop))
                {
                    await stream.WriteAsync(new[] { next }, Stop);
                    await stream.FlushAsync(Stop);
                }
            });
            using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);
            await using Stream body = await response.Content.ReadAsStreamAsync(Stop);
            IPEndPoint before = await _addresses.Reader.ReadAsync(Stop);
            for (byte i = 1; i <= 2; i++)
            {
                watch.Change();
                IPEndPoint after = await _addresses.Reader.ReadAsync(Stop);
                Assert.AreNotEqual(before, after);
                before = after;
                Assert.IsTrue(toSend.Writer.TryWrite(i));
                Assert.AreEqual(i, await ReadAsync(body));
            }

            toSend.Writer.Complete();
            Assert.AreEqual(-1, await ReadAsync(body));
            Assert.AreEqual(1, site.Connections);
            Assert.IsFalse(watch.IsOver);
        }

        Assert.IsTrue(watch.IsOver, "whoever holds the handler's delegate holds the handler");
    }

    /// <summary>Goal: a connection that takes no more requests follows the network as long as one of its requests runs.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_connection_that_has_left_its_pool_follows_too()
    {
        await using ClientSite site = NewSite();
        Watch watch = new();
        ManualTime time = new();
        Http3Handler handler = ClientSite.NewHandler();
        handler.WatchNetwork = watch.Subscribe;
        handler.TimeProvider = time;
        handler.PooledConnectionLifetime = TimeSpan.FromSeconds(10);
        using HttpClient client = ClientSite.NewClient(handler);
        TaskCompletionSource over = new();
        using HttpRequestMessage request = Http3HandlerTests.Request(HttpMethod.Post, site.At("/"));
        request.Content = new DuplexContent(_ => over.Task);
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);
        await _addresses.Reader.ReadAsync(Stop);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.AreEqual(0, handler.Connections);
        watch.Change();
        await _addresses.Reader.ReadAsync(Stop);
        over.SetResult();
        Assert.IsEmpty(await response.Content.ReadAsByteArrayAsync(Stop));
        Assert.AreEqual(1, site.Connections);
    }

    /// <summary>Goal: as many changes as come while a path is asked are followed by one more question, and not by one each.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Many_changes_at_once_are_two_moves()
    {
        await using ClientSite site = NewSite();
        await using Http3Client client = await Http3Client.ConnectAsync(
            UdpAddress.FromEndPoint(new(IPAddress.Loopback, site.Port)), "localhost", new() { CertificateChainPolicy = TestPki.Instance.Policy() }, Stop);
        await _addresses.Reader.ReadAsync(Stop);
        // The server may have confirmed the handshake before the client knows: a first move shows that both have.
        client.OnNetworkChanged();
        await _addresses.Reader.ReadAsync(Stop);
        Assert.AreEqual(2, (await ChangeAsync(client.Roaming!, times: 5)).Begun);
        (int begun, bool isAtRest) = (0, false);
        while (!isAtRest)
        {
            // A server that is slow to look sees the last address alone.
            await _addresses.Reader.ReadAsync(Stop);
            (begun, isAtRest) = await ChangeAsync(client.Roaming!, times: 0);
        }

        Assert.AreEqual(3, begun);
    }

    /// <summary>Goal: a handler that does not follow changes asks nobody about them.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Who_does_not_follow_does_not_ask()
    {
        await using ClientSite site = NewSite();
        Http3Handler handler = ClientSite.NewHandler();
        handler.FollowNetworkChanges = false;
        handler.WatchNetwork = _ => throw new AssertFailedException("it was asked");
        using HttpClient client = ClientSite.NewClient(handler);
        Assert.AreEqual("", await client.GetStringAsync(site.At("/"), Stop));
    }

    /// <summary>Goal: the system's own news can be asked for and left.</summary>
    [TestMethod]
    public void The_system_is_asked()
    {
        IDisposable watch = NetworkWatch.Subscribe(static () => { });
        watch.Dispose();
        watch.Dispose();
    }

    /// <summary>Many changes within one step of the shard: none of them can be answered in between.</summary>
    private async Task<(int Begun, bool IsAtRest)> ChangeAsync(Roaming roaming, int times)
    {
        Changes changes = new(roaming, times);
        Assert.IsTrue(roaming.Shard.Post(changes));
        return await changes.Task.WaitAsync(Stop);
    }

    private static async Task<int> ReadAsync(Stream body)
    {
        byte[] one = new byte[1];
        return await body.ReadAsync(one) == 1 ? one[0] : -1;
    }

    /// <summary>A server that sends back what comes, and tells the tests where its client is.</summary>
    private ClientSite NewSite() => new(new Handler(async (exchange, _) =>
    {
        await exchange.RespondAsync(200);
        byte[] buffer = new byte[100];
        for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
        {
            await exchange.WriteAsync(buffer.AsMemory(0, count));
        }
    }))
    {
        OnClientAt = at => Assert.IsTrue(_addresses.Writer.TryWrite(at)),
    };

    private sealed class Watch : IDisposable
    {
        private Action? _onChanged;

        public bool IsOver { get; private set; }

        public IDisposable Subscribe(Action onChanged)
        {
            _onChanged = onChanged;
            return this;
        }

        public void Change() => _onChanged!();

        public void Dispose() => IsOver = true;
    }

    private sealed class Changes(Roaming roaming, int times)
        : TaskCompletionSource<(int Begun, bool IsAtRest)>(TaskCreationOptions.RunContinuationsAsynchronously), IShardWork
    {
        public void Run(Instant now)
        {
            for (int i = 0; i < times; i++)
            {
                roaming.OnNetworkChanged(now);
            }

            SetResult((roaming.Begun, roaming.Move is null));
        }
    }
}
