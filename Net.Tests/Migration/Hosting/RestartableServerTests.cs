using System.Buffers;
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
        Task following;
        using (PassedPort? passed = await TakeAsync("web"))
        {
            using SafeSocketHandle handle = passed!.Handle;
            // It says that it reads, and is gone.
            following = passed.FollowAsync(9, Stop);
        }

        await following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
        using PassedPort? passed = await TakeAsync("web");
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

    /// <summary>Goal: one that lacks a component gets nothing, not even the others: whoever has those is not disturbed.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task One_that_lacks_a_component_gets_nothing()
    {
        await using RestartableServer first = await StartAsync("one", port: 0, more: new("media", new Component("one", _lines.Reader)));
        using HttpClient http = Client(first.LocalEndPoint.Port);
        Assert.AreEqual("one", await AskAsync(http));
        IOException refused = await Assert.ThrowsExactlyAsync<IOException>(() => StartAsync("two", port: 1));
        Assert.Contains("it has media, which this one lacks", refused.Message);
        Assert.AreEqual("one", await AskAsync(http));
        Assert.AreEqual(1, _handshakes);
    }

    /// <summary>Goal: when a component stays, what has moved by then goes back with its connections, the new process fails, and the port is read again.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task What_has_moved_goes_back_when_something_stays()
    {
        await using RestartableServer first = await StartAsync("one", port: 0, more: new("zoo", new Stubborn()));
        using HttpClient http = Client(first.LocalEndPoint.Port);
        Assert.AreEqual("one", await AskAsync(http));
        await Assert.ThrowsExactlyAsync<NodeJoinException>(() => StartAsync("two", port: 1, more: new("zoo", new Stubborn())));
        Assert.AreEqual("one", await AskAsync(http));
        Assert.AreEqual(1, _handshakes);
        Assert.IsFalse(first.Completion.IsCompleted);
    }

    /// <summary>
    /// Goal: a server that is one of several waits twice for the others: nothing has moved to it at first, and at last nothing is lost yet that has; if it fails then, everything
    /// goes back. Method: ask at both moments who answers, and fail at one of them.
    /// </summary>
    [TestMethod]
    [DataRow("ready")]
    [DataRow("moved")]
    [DataRow("")]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task One_of_several_waits_for_the_others(string fails)
    {
        await using RestartableServer first = await StartAsync("one", port: 0);
        using HttpClient http = Client(first.LocalEndPoint.Port);
        Assert.AreEqual("one", await AskAsync(http));
        List<string> answers = [];
        async Task ReachAsync(string moment)
        {
            answers.Add($"{moment} {await AskAsync(http)}");
            Assert.IsFalse(first.Completion.IsCompleted);
            if (fails == moment)
            {
                throw new TimeoutException(moment);
            }
        }

        Task<RestartableServer> starting = StartAsync("two", port: 1, with: options => options with { Ready = _ => ReachAsync("ready"), Moved = _ => ReachAsync("moved") });
        if (fails.Length > 0)
        {
            TimeoutException failed = await Assert.ThrowsExactlyAsync<TimeoutException>(() => starting);
            Assert.AreEqual(fails, failed.Message, "the reason is told, not what came of it");
            Assert.AreEqual("one", await AskAsync(http));
            Assert.IsFalse(first.Completion.IsCompleted);
        }
        else
        {
            await using RestartableServer second = await starting;
            await first.Completion.WaitAsync(Stop);
            Assert.AreEqual("two", await AskAsync(http));
        }

        string[] expected = ["ready one", "moved two"];
        CollectionAssert.AreEqual(fails == "ready" ? expected[..1] : expected, answers);
        Assert.AreEqual(1, _handshakes);
    }

    /// <summary>Goal: a process that hangs with the log is waited for no longer than it may have the port; and what is asked to end it is asked once.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task One_that_hangs_with_the_log_is_ended()
    {
        RestartableServerOptions options = Options("one", port: 0) with { PortPatience = TimeSpan.Zero };
        PrivateDirectory.Open(Path.Combine(_directory, "state"));
        PrivateTrust trust = PrivateTrust.Open(_directory, "one");
        await using ServedPort port = new(options, trust, ServedPort.Bind(options), []) { Failed = _ => { } };
        FileStream log = Log();
        int asked = 0;
        IPEndPoint? control = await port.TryReadAgainAsync(
            () =>
            {
                asked++;
                log.Dispose();
                return "it is ended";
            },
            () => Task.FromResult(false),
            Stop);
        Assert.AreEqual(1, asked);
        Assert.AreEqual(control, await port.TryFindIngressAsync());
        Assert.IsTrue(port.IsRead);
    }

    /// <summary>
    /// Goal: a server that wants its port back while another one serves, as it has been stopped for long, finds that out at the door, ends nobody, and leaves.
    /// Method: the test is the process to which it has passed the port, and another server has the log and the door by then.
    /// </summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task One_that_comes_back_too_late_leaves()
    {
        TaskCompletionSource leaves = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using RestartableServer first = await StartAsync("one", port: 0, told: line =>
        {
            if (line == "another process has taken over")
            {
                leaves.TrySetResult();
            }
        });
        PassedPort passed = (await TakeAsync("web"))!;
        passed.Handle.Dispose();
        FakePortOwner next = new() { PublicSocket = passed.Handle };
        using (Log())
        {
            using PortDoor door = PortDoor.Open(Path.Combine(_directory, "port.sock"));
            _ = door.ServeAsync(next, Stop);
            passed.Dispose();
            await leaves.Task.WaitAsync(Stop);
        }
    }

    /// <summary>
    /// Goal: one that waits for the others is told that the process before goes on, and fails at once, so that the others keep nothing either; when that one ends
    /// instead, what it had is here, and is kept. Method: the test is the process before.
    /// </summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task One_that_waits_for_the_others_hears_its_predecessor(bool ends)
    {
        using Socket port = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        port.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        TaskCompletionSource silence = new(), waits = new(TaskCreationOptions.RunContinuationsAsynchronously), moved = new(), released = new();
        FakePortOwner owner = new()
        {
            PublicSocket = port.SafeHandle,
            PublicPort = ((IPEndPoint)port.LocalEndPoint!).Port,
            Silence = silence.Task,
            // As a real one, which waits for the log.
            TakesBack = async _ =>
            {
                await released.Task;
                return true;
            },
        };
        using PortDoor door = PortDoor.Open(Path.Combine(_directory, "port.sock"));
        Task serving = door.ServeAsync(owner, end.Token);
        Task<RestartableServer> starting = StartAsync("two", port: 1, with: options => options with
        {
            GiveBackTimeout = TimeSpan.Zero,
            Moved = stop =>
            {
                waits.TrySetResult();
                return moved.Task.WaitAsync(stop);
            },
        });
        await waits.Task.WaitAsync(Stop);
        if (ends)
        {
            await end.CancelAsync();
            await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            moved.SetResult();
            await using RestartableServer second = await starting;
            using HttpClient http = Client(owner.PublicPort);
            Assert.AreEqual("two", await AskAsync(http));
        }
        else
        {
            silence.SetResult();
            await Assert.ThrowsExactlyAsync<NodeJoinException>(() => starting);
            released.SetResult();
            await end.CancelAsync();
        }
    }

    /// <summary>Goal: a request that began in a process which gives everything back ends there, before that one does.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task What_began_in_one_that_gives_back_ends_there()
    {
        await using RestartableServer first = await StartAsync("one", port: 0);
        using HttpClient http = Client(first.LocalEndPoint.Port);
        Assert.AreEqual("one", await AskAsync(http));
        StreamReader? running = null;
        Task<RestartableServer> starting = StartAsync("two", port: 1, with: options => options with
        {
            Moved = async _ =>
            {
                running = new(await http.GetStreamAsync(new Uri("/lines", UriKind.Relative), Stop), Encoding.UTF8);
                throw new TimeoutException("another one stays");
            },
        });
        while (running is null || await AskAsync(http) != "one")
        {
            // It goes back as soon as the request has begun.
            await Task.Yield();
        }

        using (running)
        {
            Assert.IsTrue(_lines.Writer.TryWrite("1"));
            Assert.AreEqual("two 1", await running.ReadLineAsync(Stop));
            Assert.IsFalse(starting.IsCompleted);
            _lines.Writer.Complete();
            Assert.IsNull(await running.ReadLineAsync(Stop));
        }

        await Assert.ThrowsExactlyAsync<TimeoutException>(() => starting);
        Assert.AreEqual("one", await AskAsync(http));
        Assert.AreEqual(1, _handshakes);
    }

    /// <summary>Goal: the port is read again however long the process that had it holds the log.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task The_port_is_taken_back_as_soon_as_it_can_be()
    {
        TaskCompletionSource waits = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using RestartableServer first = await StartAsync("one", port: 0, told: line =>
        {
            if (line.StartsWith("nobody reads", StringComparison.Ordinal))
            {
                waits.TrySetResult();
            }
        });
        using HttpClient http = Client(first.LocalEndPoint.Port);
        Assert.AreEqual("one", await AskAsync(http));
        PassedPort passed = (await TakeAsync("web"))!;
        passed.Handle.Dispose();
        using (Log())
        {
            passed.Dispose();
            await waits.Task.WaitAsync(Stop);
        }

        Assert.AreEqual("one", await AskAsync(http));
        Assert.AreEqual(1, _handshakes);
    }

    /// <summary>Goal: when the process before ends on the way, the one that has the port serves.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task One_whose_predecessor_ends_goes_on()
    {
        using Socket port = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        port.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        FakePortOwner owner = new() { PublicSocket = port.SafeHandle, PublicPort = ((IPEndPoint)port.LocalEndPoint!).Port, Follows = end.CancelAsync };
        using PortDoor door = PortDoor.Open(Path.Combine(_directory, "port.sock"));
        Task serving = door.ServeAsync(owner, end.Token);
        await using RestartableServer second = await StartAsync("two", port: 1);
        await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using HttpClient http = Client(owner.PublicPort);
        Assert.AreEqual("two", await AskAsync(http));
    }

    /// <summary>Goal: the process before ends when the port is half passed: it has nothing any more, so the new one serves, and is no error.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task One_whose_predecessor_ends_before_the_port_has_come_serves()
    {
        using Socket door = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        door.Bind(new UnixDomainSocketEndPoint(Path.Combine(_directory, "port.sock")));
        door.Listen();
        Task<RestartableServer> starting = StartAsync("two", port: 0);
        using (Socket asks = await door.AcceptAsync(Stop))
        {
            _ = await asks.SendAsync(new byte[] { 1, 1 }, Stop);
        }

        using (Socket takes = await door.AcceptAsync(Stop))
        {
            _ = await takes.SendAsync(new[] { PortDoor.Give, (byte)1, (byte)'x' }, Stop);
            door.Dispose();
        }

        await using RestartableServer server = await starting;
        using HttpClient http = Client(server.LocalEndPoint.Port);
        Assert.AreEqual("two", await AskAsync(http));
    }

    /// <summary>Goal: that nobody can be told where the ingress is, as the disk is full, is no reason to leave the port without a reader.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task A_port_is_taken_back_also_when_that_cannot_be_told()
    {
        await using RestartableServer first = await StartAsync("one", port: 0);
        using HttpClient http = Client(first.LocalEndPoint.Port);
        Assert.AreEqual("one", await AskAsync(http));
        PassedPort passed = (await TakeAsync("web"))!;
        passed.Handle.Dispose();
        // In the way of what is to be written.
        _ = System.IO.Directory.CreateDirectory(Path.Combine(_directory, "control.new", "x"));
        passed.Dispose();
        Assert.AreEqual("one", await AskAsync(http));
        Assert.AreEqual(1, _handshakes);
    }

    /// <summary>Goal: one that has passed its port on keeps it open no longer, though requests run there: should the next one die, the port is free.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task The_port_is_free_when_the_one_that_took_it_dies()
    {
        await using RestartableServer first = await StartAsync("one", port: 0);
        int port = first.LocalEndPoint.Port;
        using HttpClient http = Client(port);
        using StreamReader running = new(await http.GetStreamAsync(new Uri("/lines", UriKind.Relative), Stop), Encoding.UTF8);
        await HearAsync(running, "1");
        RestartableServer second = await StartAsync("two", port: 1);
        Assert.AreEqual("two", await AskAsync(http));
        Assert.IsFalse(first.Completion.IsCompleted, "a request runs there");
        await second.DisposeAsync();
        await using RestartableServer third = await StartAsync("three", port);
        using HttpClient other = Client(port);
        Assert.AreEqual("three", await AskAsync(other));
        // At once, whatever runs there.
        await first.DisposeAsync();
        Assert.IsTrue(first.Completion.IsCompleted);
    }

    /// <summary>Goal: a directory whose log somebody holds is not used, and what is in the log stays.</summary>
    [TestMethod]
    [Timeout(300_000, CooperativeCancellation = true)]
    public async Task A_log_that_is_in_use_is_left_alone()
    {
        _ = System.IO.Directory.CreateDirectory(Path.Combine(_directory, "state"));
        using FileStream log = Log();
        log.WriteByte(1);
        await log.FlushAsync(Stop);
        _ = await Assert.ThrowsExactlyAsync<IOException>(() => StartAsync("one", port: 0));
        Assert.AreEqual(1, log.Length);
    }

    /// <summary>Goal: a directory that others can write to is refused, one that they can read becomes private.</summary>
    [TestMethod]
    [UnsupportedOSPlatform("windows")]
    public void A_directory_is_made_private_or_refused()
    {
        const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        File.SetUnixFileMode(_directory, Private | UnixFileMode.OtherRead | UnixFileMode.GroupExecute);
        PrivateDirectory.Open(_directory);
        Assert.AreEqual(Private, File.GetUnixFileMode(_directory));
        File.SetUnixFileMode(_directory, Private | UnixFileMode.OtherWrite);
        _ = Assert.ThrowsExactly<IOException>(() => PrivateDirectory.Open(_directory));
        File.SetUnixFileMode(_directory, Private);
    }

    /// <summary>Goal: of two that make an authority at once the first one's stays: its members are out there.</summary>
    [TestMethod]
    public void The_first_authority_stays()
    {
        string path = Path.Combine(_directory, "authority.pem");
        PrivateTrust.Publish($"{path}.a", path, [1]);
        PrivateTrust.Publish($"{path}.b", path, [2]);
        Assert.AreEqual(1, File.ReadAllBytes(path).Single());
        Assert.HasCount(1, System.IO.Directory.GetFiles(_directory));
    }

    private Task<PassedPort?> TakeAsync(params string[] components) => PassedPort.TakeAsync(Path.Combine(_directory, "port.sock"), components, Stop);

    private FileStream Log() => new(Path.Combine(_directory, "state", "directory.log"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

    private Task<RestartableServer> StartAsync(
        string name, int port, string? directory = null, TimeSpan? patience = null, HostedComponent? more = null, Action<string>? told = null,
        Func<RestartableServerOptions, RestartableServerOptions>? with = null)
    {
        RestartableServerOptions options = Options(name, port, directory, patience, more, told);
        return RestartableServer.StartAsync(with?.Invoke(options) ?? options, Stop);
    }

    private RestartableServerOptions Options(
        string name, int port, string? directory = null, TimeSpan? patience = null, HostedComponent? more = null, Action<string>? told = null) =>
        new()
        {
            ListenEndPoint = new(IPAddress.Loopback, port),
            Directory = directory ?? _directory,
            Components = [new("web", new Component(name, _lines.Reader)) { HandshakeCompleted = () => Interlocked.Increment(ref _handshakes) }, .. (HostedComponent[])(more is null ? [] : [more])],
            ServerCertificate = TestPki.Instance.Server,
            Log = line =>
            {
                TestContext.WriteLine($"{name}: {line}");
                told?.Invoke(line);
            },
            // Where the machine is busy, silence says nothing of death, and time passes that is nobody's fault.
            FailureTimeout = TimeSpan.FromMinutes(2),
            TakeOverTimeout = TimeSpan.FromMinutes(4),
            PortPatience = patience ?? TimeSpan.FromMinutes(4),
            GiveBackTimeout = TimeSpan.FromMinutes(2),
        };

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

    /// <summary>Takes nobody's state.</summary>
    private sealed class Stubborn : IComponent, IStatefulComponent
    {
        public ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public void Save(IBufferWriter<byte> writer) => writer.Write("state"u8);

        public void Restore(ReadOnlyMemory<byte> state) => throw new InvalidDataException("not mine");
    }

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
