using System.Net;
using Net.Http3.Server;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Core.Io;

namespace Net.Tests.Migration.Hosting;

/// <summary>An ingress with real nodes behind it, in one process over loopback. Every wait is bounded by <see cref="Stop"/>.</summary>
[TestClass]
public sealed class IngressWithNodesTests : IDisposable
{
    private readonly string _state = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
    private readonly CancellationTokenSource _stop = new(TimeSpan.FromSeconds(30));

    private CancellationToken Stop => _stop.Token;

    public void Dispose()
    {
        _stop.Dispose();
        System.IO.Directory.Delete(_state, recursive: true);
    }

    /// <summary>Goal: two nodes join, the first owns the component, and commands move it there and back with an epoch each.</summary>
    [TestMethod]
    public async Task A_component_moves_between_nodes_by_command()
    {
        await using IngressHost ingress = await IngressHost.StartAsync(
            new()
            {
                Listen = new(IPAddress.Loopback, 0),
                Control = new(IPAddress.Loopback, 0),
                StateDirectory = _state,
                MemberCertificate = TestFederation.Instance.Member("ingress"),
                FederationRoots = TestFederation.Instance.Roots,
            },
            Stop);
        await using NodeHost a = await NodeAsync(ingress, "a", serves: true);
        await using ControlClient command =
            await ControlClient.ConnectAsync(ingress.ControlEndPoint, TestFederation.Instance.Member("admin"), TestFederation.Instance.Roots, Stop);
        while ((await command.StatusAsync(Stop)).Components.Count == 0)
        {
            await Task.Yield();
        }

        await using NodeHost b = await NodeAsync(ingress, "b", serves: true);
        await using NodeHost c = await NodeAsync(ingress, "c", serves: false);
        Assert.AreEqual("a", (await command.StatusAsync(Stop)).Components.Single().Record.Owner.Name);

        MigrateReport there = await command.MigrateAsync("web", "b", TimeSpan.FromSeconds(10), Stop);
        Assert.AreEqual((null, true, "a", "b", 2ul), (there.CodeName, there.Moved, there.From, there.To, there.Epoch), there.Message);
        MigrateReport again = await command.MigrateAsync("web", "b", TimeSpan.FromSeconds(10), Stop);
        Assert.AreEqual((null, false, 2ul), (again.CodeName, again.Moved, again.Epoch), again.Message);
        MigrateReport refused = await command.MigrateAsync("web", "c", TimeSpan.FromSeconds(10), Stop);
        Assert.AreEqual("c cannot host web: start it with --serve DIR", refused.Message);
        MigrateReport back = await command.MigrateAsync("web", "a", TimeSpan.FromSeconds(10), Stop);
        Assert.AreEqual((null, true, 3ul), (back.CodeName, back.Moved, back.Epoch), back.Message);
        Assert.AreEqual("a", (await command.StatusAsync(Stop)).Components.Single().Record.Owner.Name);
    }

    private Task<NodeHost> NodeAsync(IngressHost ingress, string name, bool serves) => NodeHost.StartAsync(
        new()
        {
            Name = name,
            Join = ingress.ControlEndPoint,
            Components = serves ? [new("web", new Silent())] : [],
            ServerCertificate = TestPki.Instance.Server,
            MemberCertificate = TestFederation.Instance.Member(name),
            FederationRoots = TestFederation.Instance.Roots,
        },
        Stop);

    private sealed class Silent : IComponent
    {
        public ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken) => exchange.RespondAsync(204);
    }
}
