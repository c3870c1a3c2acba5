using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using System.Threading.Channels;
using Net.Http3.Client;
using Net.Http3.Server;
using Net.Migration.Hosting;
using Net.Tests.Core.Io;

namespace Net.Tests.Migration.Hosting;

/// <summary>Servers of one directory that take over from each other, in one process over loopback. Waits are for signals, bounded by the test's time.</summary>
[TestClass]
[OSCondition(OperatingSystems.Linux)]
public sealed class RestartableServerTests : IDisposable
{
    /// <summary>Short: Unix sockets are in it.</summary>
    private readonly string _directory = System.IO.Directory.CreateTempSubdirectory("rs").FullName;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private int _handshakes;

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    public void Dispose() => System.IO.Directory.Delete(_directory, recursive: true);

    /// <summary>
    /// Goal: two servers in a row take over during a request that each finds running; it goes on where it began, new ones are answered by the new server, all
    /// on one connection. The first ends when its request has, the second when its own have.
    /// </summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task The_next_one_takes_over()
    {
        await using RestartableServer first = await StartAsync("one", port: 0);
        using HttpClient http = Client(first.LocalEndPoint.Port);
        Assert.AreEqual("one", await AskAsync(http));
        using StreamReader running = new(await http.GetStreamAsync(new Uri("/lines", UriKind.Relative), Stop), Encoding.UTF8);
        await HearAsync(running, "1");

        await using RestartableServer second = await StartAsync("two", port: 1);
        Assert.AreEqual(first.LocalEndPoint, second.LocalEndPoint);
        Assert.AreEqual("two", await AskAsync(http));
        await HearAsync(running, "2");
        Assert.IsFalse(first.Completion.IsCompleted, "a request runs there");

        await using RestartableServer third = await StartAsync("three", port: 1);
        Assert.AreEqual("three", await AskAsync(http));
        await HearAsync(running, "3");
        await second.Completion.WaitAsync(Stop);
        Assert.IsFalse(first.Completion.IsCompleted, "a request runs there");
        _lines.Writer.Complete();
        Assert.IsNull(await running.ReadLineAsync(Stop));
        await first.Completion.WaitAsync(Stop);
        Assert.AreEqual("three", await AskAsync(http));
        Assert.AreEqual(1, _handshakes);
    }

    /// <summary>Goal: one that dies when it has the port leaves it with the one that serves, on whose connections nothing is lost, and the next one can come.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task One_that_dies_on_its_way_changes_nothing()
    {
        await using RestartableServer first = await StartAsync("one", port: 0);
        using HttpClient http = Client(first.LocalEndPoint.Port);
        Assert.AreEqual("one", await AskAsync(http));
        using (PortDoor.PassedPort? passed = await PortDoor.TakeAsync(Path.Combine(_directory, "port.sock"), Stop))
        {
            using SafeSocketHandle handle = passed!.Handle;
            // It says that it reads, and is gone.
            await passed.FollowAsync(9, Stop);
        }

        Assert.AreEqual("one", await AskAsync(http));
        await using RestartableServer second = await StartAsync("two", port: 1);
        Assert.AreEqual("two", await AskAsync(http));
        await first.Completion.WaitAsync(Stop);
        Assert.AreEqual(1, _handshakes);
    }

    /// <summary>Goal: one that has the port and says nothing more has it for no longer than a take-over may take: then the one that serves reads again.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task One_that_hangs_with_the_port_loses_it()
    {
        await using RestartableServer first = await StartAsync("one", port: 0, patience: TimeSpan.FromMilliseconds(300));
        using HttpClient http = Client(first.LocalEndPoint.Port);
        using PortDoor.PassedPort? passed = await PortDoor.TakeAsync(Path.Combine(_directory, "port.sock"), Stop);
        using SafeSocketHandle handle = passed!.Handle;
        Assert.AreEqual("one", await AskAsync(http));
        Assert.IsFalse(first.Completion.IsCompleted);
    }

    /// <summary>Goal: the end of a server without a successor is told to its clients, and the next one begins anew in the same directory.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task An_end_is_told_and_leaves_nothing_in_the_way()
    {
        Assert.IsNull(await RestartableServer.FindAsync(_directory, Stop));
        RestartableServer first = await StartAsync("one", port: 0);
        int port = first.LocalEndPoint.Port;
        Assert.AreEqual(port, await RestartableServer.FindAsync(_directory, Stop));
        using HttpClient http = Client(port);
        Task<Stream> running = http.GetStreamAsync(new Uri("/lines", UriKind.Relative), Stop);
        await using Stream body = await running;
        await first.DisposeAsync();
        Assert.IsTrue(first.Completion.IsCompletedSuccessfully);
        await Assert.ThrowsAsync<IOException>(async () => await body.ReadExactlyAsync(new byte[1], Stop));
        Assert.IsNull(await RestartableServer.FindAsync(_directory, Stop));
        await using RestartableServer second = await StartAsync("two", port);
        Assert.AreEqual("two", await AskAsync(http));
        Assert.AreEqual(2, _handshakes);
    }

    /// <summary>Goal: nobody else can read what the processes share.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    [UnsupportedOSPlatform("windows")]
    public async Task What_is_shared_is_private()
    {
        string inner = Path.Combine(_directory, "new");
        await using RestartableServer server = await StartAsync("one", port: 0, inner);
        Assert.AreEqual(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(inner));
        foreach (string file in System.IO.Directory.EnumerateFiles(inner, "*", SearchOption.AllDirectories))
        {
            Assert.AreEqual(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file) & ~UnixFileMode.UserExecute, file);
        }
    }

    private Task<RestartableServer> StartAsync(string name, int port, string? directory = null, TimeSpan? patience = null) => RestartableServer.StartAsync(
        new()
        {
            ListenEndPoint = new(IPAddress.Loopback, port),
            Directory = directory ?? _directory,
            Components = [new("web", new Component(name, _lines.Reader)) { HandshakeCompleted = () => Interlocked.Increment(ref _handshakes) }],
            ServerCertificate = TestPki.Instance.Server,
            Log = line => TestContext.WriteLine($"{name}: {line}"),
            // Where the machine is busy, silence says nothing of death, and time passes that is nobody's fault.
            FailureTimeout = TimeSpan.FromMinutes(2),
            TakeOverTimeout = TimeSpan.FromMinutes(4),
            PortPatience = patience,
        },
        Stop);

    private async Task<string> AskAsync(HttpClient http) => await http.GetStringAsync(new Uri("/", UriKind.Relative), Stop);

    private async Task HearAsync(StreamReader running, string line)
    {
        Assert.IsTrue(_lines.Writer.TryWrite(line));
        Assert.AreEqual($"one {line}", await running.ReadLineAsync(Stop));
    }

    private static HttpClient Client(int port) => new(new Http3Handler { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy() } })
    {
        BaseAddress = new($"https://localhost:{port}"),
        Timeout = Timeout.InfiniteTimeSpan,
        DefaultRequestVersion = HttpVersion.Version30,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    /// <summary>Ordinary code: says its name, or lines as they come.</summary>
    private sealed class Component(string name, ChannelReader<string> lines) : IComponent
    {
        public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
        {
            await exchange.RespondAsync(200);
            if (exchange.Path == "/")
            {
                await exchange.WriteAsync(Encoding.UTF8.GetBytes(name));
                return;
            }

            await foreach (string line in lines.ReadAllAsync(cancellationToken))
            {
                await exchange.WriteAsync(Encoding.UTF8.GetBytes($"{name} {line}\n"));
            }
        }
    }
}
