using System.Net;
using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Node.Etcd;

namespace Bench.Migration;

/// <summary>An ingress, two nodes, and the command that moves a component between them, over loopback in this process.</summary>
internal sealed class LiveFederation : IAsyncDisposable
{
    public const string Component = "bench";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly string _state;
    private readonly BenchPki _pki;
    private readonly List<NodeHost> _nodes = [];
    private ControlClient? _command;
    private int _owner;

    private LiveFederation(string state, BenchPki pki, IngressHost ingress) => (_state, _pki, Ingress) = (state, pki, ingress);

    public IngressHost Ingress { get; }

    public MoveTimes Times { get; set; } = new();

    public NodeHost Owner => _nodes[_owner];

    /// <param name="storage">A directory in which the ingress's own is made: its file system decides what a flush costs.</param>
    /// <param name="etcd">Where the ownership directory is; null: the ingress has it.</param>
    public static async Task<LiveFederation> StartAsync(string storage, BenchPki pki, ConnectionOptions connections, EtcdAddress? etcd = null)
    {
        string state = Path.Combine(storage, $"continuum-bench-{Path.GetRandomFileName()}");
        IngressHost ingress = await IngressHost.StartAsync(new()
        {
            Listen = new(IPAddress.Loopback, 0),
            Control = new(IPAddress.Loopback, 0),
            StateDirectory = state,
            DefaultComponent = Component,
            MemberCertificate = pki.Issue("ingress"),
            FederationRoots = pki.Roots,
            OpenDirectory = etcd is null ? null : (self, token) => OpenAsync(etcd, self, token),
        });
        LiveFederation federation = new(state, pki, ingress);
        await federation.AddNodeAsync("a", connections);
        federation._command = await ControlClient.ConnectAsync(ingress.ControlEndPoint, pki.Issue("admin"), pki.Roots, CancellationToken.None);
        while ((await federation._command.StatusAsync(CancellationToken.None)).Components.Count == 0)
        {
            await Task.Delay(10);
        }

        await federation.AddNodeAsync("b", connections);
        await HandOverRehearsal.Once;
        return federation;
    }

    /// <summary>Moves the component to the other node.</summary>
    /// <exception cref="InvalidOperationException">It stayed.</exception>
    public async Task<MigrateReport> MoveAsync(Watch? client = null)
    {
        Times.Begin();
        _ = client?.TakeLongestSilence();
        MigrateReport report = await _command!.MigrateAsync(Component, _owner == 0 ? "b" : "a", s_patience, CancellationToken.None);
        if (!report.Moved)
        {
            throw new InvalidOperationException($"a move failed: {report.Message}");
        }

        _owner = 1 - _owner;
        Times.End(report, client?.TakeLongestSilence() ?? TimeSpan.Zero);
        return report;
    }

    /// <summary>Connections that the component has.</summary>
    public async Task<int> ConnectionsAsync() => (await _command!.StatusAsync(CancellationToken.None)).Components.Sum(component => (int)component.Connections);

    public async ValueTask DisposeAsync()
    {
        await _command!.DisposeAsync();
        foreach (NodeHost node in _nodes)
        {
            await node.DisposeAsync();
        }

        await Ingress.DisposeAsync();
        // With etcd nothing is kept here.
        if (Directory.Exists(_state))
        {
            Directory.Delete(_state, recursive: true);
        }
    }

    private static async Task<ISharedDirectory> OpenAsync(EtcdAddress etcd, SharedDirectoryUser self, CancellationToken cancellationToken) =>
        await EtcdDirectory.OpenAsync(
            new GrpcEtcd(etcd), etcd.Prefix, etcd.ToString(), new("bench", self.Control.ToString()), RandomNumberGenerator.GetBytes(32), TimeProvider.System, cancellationToken);

    private async Task AddNodeAsync(string name, ConnectionOptions connections) => _nodes.Add(await NodeHost.StartAsync(new()
    {
        Name = name,
        Join = Ingress.ControlEndPoint,
        Components = [new(Component, new LoadComponent()) { Connections = connections }],
        ServerCertificate = _pki.Server,
        MemberCertificate = _pki.Issue(name),
        FederationRoots = _pki.Roots,
        Phases = phase => Times.On(phase),
        JoinFailed = message => Console.Error.WriteLine($"{name} cannot join: {message}"),
    }));
}
