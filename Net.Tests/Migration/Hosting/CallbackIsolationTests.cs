using System.Buffers;
using System.Diagnostics;
using System.Net;
using Net.Http3.Client;
using Net.Http3.Server;
using Net.Migration.Diagnostics;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Core.Io;

namespace Net.Tests.Migration.Hosting;

/// <summary>
/// Code of a component and of its host that does not return: its node decides on, and serves and moves everything else. Over loopback; the code waits for a signal, and so does
/// the test, bounded by its time.
/// </summary>
[TestClass]
public sealed class CallbackIsolationTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>No other test's: whoever listens to activities hears those of all.</summary>
    private const string Other = "isolated";

    private readonly string _state = System.IO.Directory.CreateTempSubdirectory("ci").FullName;
    private readonly Barrier _barrier = new();

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    public void Dispose()
    {
        _barrier.Dispose();
        System.IO.Directory.Delete(_state, recursive: true);
    }

    /// <summary>Goal: whatever of a component's hangs in the middle of its move, both nodes take messages, and give each other another component meanwhile; then the move goes on.</summary>
    [TestMethod]
    [Timeout(120_000, CooperativeCancellation = true)]
    [DataRow("a save")]
    [DataRow("b restore")]
    [DataRow("b serving")]
    [DataRow("a names save")]
    [DataRow("b names restore")]
    public async Task A_move_that_hangs_is_nobody_elses(string where)
    {
        await using World world = await World.StartAsync(this);
        string component = where.Contains("names", StringComparison.Ordinal) ? "names" : "web";
        world.Of(component).Value = 7;
        _barrier.Arm(where);
        Task<MigrateReport> move = world.MigrateAsync(component, "b");
        await _barrier.Reached.WaitAsync(Stop);
        await world.MustGoOnAsync();

        _barrier.Open();
        MigrateReport moved = await move;
        Assert.IsTrue(moved.Moved, moved.Message);
        Assert.AreEqual(7, world.At("b", component).Value);
        Assert.IsTrue((await world.MigrateAsync(component, "a")).Moved);
    }

    /// <summary>Goal: the same of a checkpoint and of a roll-back.</summary>
    [TestMethod]
    [Timeout(120_000, CooperativeCancellation = true)]
    [DataRow(false, "a save")]
    [DataRow(true, "a save")]
    [DataRow(true, "a restore")]
    public async Task A_checkpoint_that_hangs_is_nobody_elses(bool goesBack, string where)
    {
        await using World world = await World.StartAsync(this);
        world.Of("web").Value = 1;
        Assert.AreEqual(1ul, (await world.CheckpointAsync(CheckpointAction.Take)).Number);
        world.Of("web").Value = 2;
        _barrier.Arm(where);
        Task<CheckpointReport> asked = world.CheckpointAsync(goesBack ? CheckpointAction.RollBack : CheckpointAction.Take);
        await _barrier.Reached.WaitAsync(Stop);
        await world.MustGoOnAsync();
        Assert.IsFalse(asked.IsCompleted);

        _barrier.Open();
        CheckpointReport report = await asked;
        Assert.AreEqual(MigrateCode.None, report.Code, report.Message);
        Assert.AreEqual(goesBack ? 1 : 2, world.Of("web").Value);
    }

    /// <summary>Goal: a host that hangs where it is told of a client keeps that component's clients waiting, and a handler that hangs not even those.</summary>
    [TestMethod]
    [Timeout(120_000, CooperativeCancellation = true)]
    [DataRow("a handshake")]
    [DataRow("a handler")]
    public async Task A_client_that_is_served_by_what_hangs_is_nobody_elses(string where)
    {
        await using World world = await World.StartAsync(this);
        using HttpClient http = new(new Http3Handler { SslOptions = new() { CertificateChainPolicy = TestPki.Instance.Policy() } })
        {
            BaseAddress = new($"https://{world.Ingress.PublicEndPoint}"),
            Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestVersion = HttpVersion.Version30,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        _barrier.Arm(where);
        Task<string> asked = http.GetStringAsync(new Uri("/", UriKind.Relative), Stop);
        await _barrier.Reached.WaitAsync(Stop);
        await world.MustGoOnAsync();
        if (where == "a handler")
        {
            Assert.AreEqual("a", await http.GetStringAsync(new Uri("/", UriKind.Relative), Stop));
        }

        Assert.IsFalse(asked.IsCompleted);
        _barrier.Open();
        Assert.AreEqual("a", await asked);
    }

    /// <summary>Goal: whoever listens to a node's or an ingress's log and hangs silences neither.</summary>
    [TestMethod]
    [Timeout(120_000, CooperativeCancellation = true)]
    [DataRow("a log")]
    [DataRow("b log")]
    [DataRow("ingress log")]
    public async Task A_log_that_hangs_is_nobody_elses(string where)
    {
        await using World world = await World.StartAsync(this);
        _barrier.Arm(where);
        Assert.IsTrue((await world.MigrateAsync("web", "b")).Moved);
        Assert.IsTrue((await world.MigrateAsync("web", "a")).Moved);
        await _barrier.Reached.WaitAsync(Stop);
        await world.MustGoOnAsync();
        _barrier.Open();
    }

    /// <summary>Goal: so does whoever exports what a move has been.</summary>
    [TestMethod]
    [Timeout(120_000, CooperativeCancellation = true)]
    public async Task An_exporter_that_hangs_is_nobody_elses()
    {
        using ActivityListener listener = new()
        {
            ShouldListenTo = static source => source.Name == MigrationDiagnostics.ActivitySourceName,
            Sample = static (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (activity.GetTagItem("continuum.component") is Other)
                {
                    _barrier.Pass("export");
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using World world = await World.StartAsync(this);
        _barrier.Arm("export");
        await world.MustGoOnAsync();
        await _barrier.Reached.WaitAsync(Stop);
        await world.MustGoOnAsync();
        _barrier.Open();
    }

    /// <summary>Where code hangs: at one point, once, when it is armed.</summary>
    private sealed class Barrier : IDisposable
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _open = new();
        private string? _armed;

        public Task Reached => _reached.Task;

        public void Arm(string where) => Volatile.Write(ref _armed, where);

        public void Pass(string where)
        {
            if (where == Volatile.Read(ref _armed) && Interlocked.Exchange(ref _armed, null) is not null)
            {
                _reached.SetResult();
                _open.Wait();
            }
        }

        public void Open() => _open.Set();

        public void Dispose()
        {
            // Whatever has failed: threads that hang would keep their node from ending.
            _open.Set();
            _open.Dispose();
        }
    }

    /// <summary>An ingress and two nodes. Each hosts "web"; "names", an aggregate with a half that has state; and one that has nothing to hang in.</summary>
    private sealed class World(CallbackIsolationTests test, IngressHost ingress) : IAsyncDisposable
    {
        private readonly Dictionary<string, (NodeHost Host, Hanging Web, Names Names)> _nodes = [];
        // One asks for what hangs, and gets its answer at the end.
        private ControlClient _command = null!, _second = null!;
        private string _other = "a";

        public IngressHost Ingress => ingress;

        private CancellationToken Stop => test.Stop;

        public static async Task<World> StartAsync(CallbackIsolationTests test)
        {
            IngressHost ingress = await IngressHost.StartAsync(
                new()
                {
                    Listen = new(IPAddress.Loopback, 0),
                    Control = new(IPAddress.Loopback, 0),
                    StateDirectory = test._state,
                    MemberCertificate = TestFederation.Instance.Member("ingress"),
                    FederationRoots = TestFederation.Instance.Roots,
                    // No node dies here, however long the machine stands still.
                    FailureTimeout = TimeSpan.FromMinutes(2),
                    Log = _ => test._barrier.Pass("ingress log"),
                },
                test.Stop);
            World world = new(test, ingress);
            using CountdownEvent served = new(3);
            await world.AddAsync("a", served);
            await Task.Run(() => served.Wait(test.Stop), test.Stop);
            await world.AddAsync("b", null);
            world._command = await world.ConnectAsync();
            world._second = await world.ConnectAsync();
            return world;
        }

        public Hanging At(string node, string component) => component == "web" ? _nodes[node].Web : _nodes[node].Names;

        public Hanging Of(string component) => At("a", component);

        public Task<MigrateReport> MigrateAsync(string component, string to) => _command.MigrateAsync(component, to, s_patience, Stop);

        public Task<CheckpointReport> CheckpointAsync(CheckpointAction action) => _command.CheckpointAsync("web", action, 0, s_patience, Stop);

        /// <summary>Each node takes a message, and both carry out what moves another component between them, there and back.</summary>
        public async Task MustGoOnAsync()
        {
            foreach ((NodeHost host, _, _) in _nodes.Values)
            {
                Assert.IsTrue((await host.GetHealthAsync(Stop)).IsHealthy);
            }

            for (int times = 0; times < 2; times++)
            {
                _other = _other == "a" ? "b" : "a";
                MigrateReport other = await _second.MigrateAsync(Other, _other, s_patience, Stop);
                Assert.IsTrue(other.Moved, other.Message);
            }
        }

        public async ValueTask DisposeAsync()
        {
            test._barrier.Open();
            await _command.DisposeAsync();
            await _second.DisposeAsync();
            foreach ((NodeHost host, _, _) in _nodes.Values)
            {
                await host.DisposeAsync();
            }

            await ingress.DisposeAsync();
        }

        private Task<ControlClient> ConnectAsync() =>
            ControlClient.ConnectAsync(ingress.ControlEndPoint, TestFederation.Instance.Member("admin"), TestFederation.Instance.Roots, Stop);

        private async Task AddAsync(string name, CountdownEvent? served)
        {
            Hanging web = new(name, test._barrier, name);
            Names names = new(name, test._barrier);
            Action<ulong> Serving(string where) => epoch =>
            {
                if (epoch == 1)
                {
                    served?.Signal();
                }

                test._barrier.Pass(where);
            };
            NodeHost host = await NodeHost.StartAsync(
                new()
                {
                    Name = name,
                    Join = ingress.ControlEndPoint,
                    Components =
                    [
                        new("web", web) { Serving = Serving($"{name} serving"), HandshakeCompleted = () => test._barrier.Pass($"{name} handshake") },
                        .. HostedComponent.Of(names, new Silent()).Select(component => component with { Serving = Serving("") }),
                        new(Other, new Silent()) { Serving = Serving("") },
                    ],
                    ServerCertificate = TestPki.Instance.Server,
                    MemberCertificate = TestFederation.Instance.Member(name),
                    FederationRoots = TestFederation.Instance.Roots,
                    Log = line =>
                    {
                        test.TestContext.WriteLine($"{name}: {line}");
                        test._barrier.Pass($"{name} log");
                    },
                },
                Stop);
            _nodes.Add(name, (host, web, names));
        }
    }

    private class Hanging(string node, Barrier barrier, string where) : IResumableComponent, IStatefulComponent
    {
        public int Value { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); }

        public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
        {
            barrier.Pass($"{where} handler");
            await exchange.RespondAsync(200);
            await exchange.WriteAsync(System.Text.Encoding.ASCII.GetBytes(node));
        }

        public void Save(IBufferWriter<byte> writer)
        {
            barrier.Pass($"{where} save");
            BitConverter.TryWriteBytes(writer.GetSpan(sizeof(int)), Value);
            writer.Advance(sizeof(int));
        }

        public void Restore(ReadOnlyMemory<byte> state)
        {
            barrier.Pass($"{where} restore");
            Value = BitConverter.ToInt32(state.Span);
        }
    }

    [Component("first")]
    [Aggregate("names")]
    private sealed class Names(string node, Barrier barrier) : Hanging(node, barrier, $"{node} names");

    [Component("second")]
    [Aggregate("names")]
    private sealed class Silent : IComponent
    {
        public ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken) => exchange.RespondAsync(204);
    }
}
