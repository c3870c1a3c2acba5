using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using Net.Http3.Client;
using Net.Http3.Server;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Core.Io;

namespace Net.Tests.Migration.Hosting;

/// <summary>Clients of both kinds of addresses, real nodes and moves behind an ingress over loopback. Waits are for answers, bounded by the test's time.</summary>
[TestClass]
public sealed class IngressAddressTests : IDisposable
{
    private readonly string _state = System.IO.Directory.CreateTempSubdirectory("ia").FullName;
    private int _handshakes;

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    public void Dispose() => System.IO.Directory.Delete(_state, recursive: true);

    /// <summary>
    /// Goal: whatever kind of address a client comes from and the nodes are reached by, it is served across a move there and back: the request that is under
    /// way goes on, at whoever owns the component, all on one connection.
    /// </summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    [DataRow("127.0.0.1", "127.0.0.1", "127.0.0.1")]
    [DataRow("::1", "::1", "127.0.0.1")]
    [DataRow("::1", "::1", "::1")]
    [DataRow("::", "::1", "127.0.0.1")]
    [DataRow("::", "127.0.0.1", "127.0.0.1")]
    [DataRow("::", "127.0.0.1", "::1")]
    public async Task A_client_is_served_across_moves(string listen, string client, string inside)
    {
        if (!HasLoopback(IPAddress.IPv6Loopback))
        {
            Assert.Inconclusive("no IPv6 loopback on this machine");
        }

        await using IngressHost ingress = await IngressHost.StartAsync(
            new()
            {
                Listen = new(IPAddress.Parse(listen), 0),
                Control = new(IPAddress.Parse(inside), 0),
                StateDirectory = _state,
                MemberCertificate = TestFederation.Instance.Member("ingress"),
                FederationRoots = TestFederation.Instance.Roots,
                // No node dies here, however long the machine stands still.
                FailureTimeout = TimeSpan.FromMinutes(2),
            },
            Stop);
        Assert.AreEqual(listen, ingress.PublicEndPoint.Address.ToString());
        TaskCompletionSource served = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using NodeHost a = await NodeAsync(ingress, "a", served);
        await served.Task.WaitAsync(Stop);
        await using NodeHost b = await NodeAsync(ingress, "b", new());
        await using ControlClient command =
            await ControlClient.ConnectAsync(ingress.ControlEndPoint, TestFederation.Instance.Member("admin"), TestFederation.Instance.Roots, Stop);
        using HttpClient http = Client(new(IPAddress.Parse(client), ingress.PublicEndPoint.Port));
        Assert.AreEqual("a", await http.GetStringAsync(new Uri("/", UriKind.Relative), Stop));

        // Each byte of the request is answered by the name of who serves it: one before each move, one behind it.
        using Words words = new();
        using HttpRequestMessage request = new(HttpMethod.Post, new Uri("/names", UriKind.Relative))
        {
            Content = words,
            Version = HttpVersion.Version30,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        words.Say();
        using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Stop);
        using StreamReader running = new(await response.Content.ReadAsStreamAsync(Stop), Encoding.ASCII);
        Assert.AreEqual("a", await running.ReadLineAsync(Stop));
        foreach (string to in (string[])["b", "a"])
        {
            MigrateReport moved = await command.MigrateAsync("web", to, TimeSpan.FromSeconds(60), Stop);
            Assert.IsTrue(moved.Moved, moved.Message);
            Assert.AreEqual((1u, 0u), (moved.Connections, moved.Abandoned));
            Assert.AreEqual(to, await http.GetStringAsync(new Uri("/", UriKind.Relative), Stop));
            words.Say();
            Assert.AreEqual(to, await running.ReadLineAsync(Stop));
        }

        words.End();
        Assert.IsNull(await running.ReadLineAsync(Stop));
        Assert.AreEqual(1, _handshakes);
    }

    private Task<NodeHost> NodeAsync(IngressHost ingress, string name, TaskCompletionSource served) => NodeHost.StartAsync(
        new()
        {
            Name = name,
            Join = ingress.ControlEndPoint,
            Components =
            [
                new("web", new Names(name)) { Serving = _ => served.TrySetResult(), HandshakeCompleted = () => Interlocked.Increment(ref _handshakes) },
            ],
            ServerCertificate = TestPki.Instance.Server,
            MemberCertificate = TestFederation.Instance.Member(name),
            FederationRoots = TestFederation.Instance.Roots,
            Log = line => TestContext.WriteLine($"{name}: {line}"),
        },
        Stop);

    private static HttpClient Client(IPEndPoint ingress) => new(new Http3Handler { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy() } })
    {
        BaseAddress = new($"https://{ingress}"),
        Timeout = Timeout.InfiniteTimeSpan,
        DefaultRequestVersion = HttpVersion.Version30,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    private static bool HasLoopback(IPAddress address)
    {
        try
        {
            using Socket socket = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(address, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Says its name, once or for each byte of the request; how far it is, is in the two offsets.</summary>
    private sealed class Names(string name) : IResumableComponent
    {
        public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
        {
            if (!exchange.ResponseStarted)
            {
                await exchange.RespondAsync(200);
            }

            if (exchange.Path == "/")
            {
                await exchange.WriteAsync(Encoding.ASCII.GetBytes(name));
                return;
            }

            byte[] line = Encoding.ASCII.GetBytes($"{name}\n"), word = new byte[1];
            do
            {
                while (exchange.ResponseOffset < exchange.RequestOffset * line.Length)
                {
                    await exchange.WriteAsync(line.AsMemory((int)(exchange.ResponseOffset % line.Length)));
                }
            }
            while (await exchange.ReadAsync(word) > 0);
        }
    }

    /// <summary>A request that is sent byte by byte.</summary>
    private sealed class Words : HttpContent
    {
        private readonly Channel<byte> _words = Channel.CreateUnbounded<byte>();

        public void Say() => Assert.IsTrue(_words.Writer.TryWrite(1));

        public void End() => _words.Writer.Complete();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await foreach (byte word in _words.Reader.ReadAllAsync())
            {
                await stream.WriteAsync(new[] { word });
                await stream.FlushAsync();
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
