using System.Net;
using System.Threading.Channels;
using Net.Http3.Server;
using Net.Migration.Hosting;
using Net.Migration.Link;
using Net.Tests.Core.Io;

namespace Net.Tests.Migration.Hosting;

/// <summary>The start of a node, over real links to a real ingress: what may end it, and what may not. Waits are for signals.</summary>
[TestClass]
public sealed class NodeStartTests : IDisposable
{
    private readonly string _directory = System.IO.Directory.CreateTempSubdirectory("ct-").FullName;
    private readonly Channel<string> _said = Channel.CreateUnbounded<string>();
    private readonly Channel<string> _failed = Channel.CreateUnbounded<string>();

    public required TestContext TestContext { get; set; }

    private CancellationToken Stop => TestContext.CancellationToken;

    public void Dispose() => System.IO.Directory.Delete(_directory, recursive: true);

    /// <summary>Goal: a node is not refused for good because the life before it was killed a moment ago: it is told where and why, and joins when the ingress has noticed.</summary>
    [TestMethod]
    [Timeout(120_000, CooperativeCancellation = true)]
    public async Task A_killed_node_comes_back()
    {
        await using IngressHost ingress = await IngressAsync();
        await using FakeNode before = await FakeNode.JoinAsync(ingress, "a", 7, Stop, "web");
        Task<NodeHost> starting = NodeHost.StartAsync(Options(ingress), Stop);
        Assert.AreEqual($"{ingress.ControlEndPoint}: a is in use", await _failed.Reader.ReadAsync(Stop));
        before.Say(new LeaveMessage());
        await using NodeHost node = await starting;
    }

    /// <summary>
    /// Goal: a successor that has everything keeps it, although it cannot open the door for one of its own: to end would end all connections. One that starts afresh has nothing to lose,
    /// and says what is wrong.
    /// </summary>
    [TestMethod]
    [Timeout(120_000, CooperativeCancellation = true)]
    public async Task A_take_over_outlives_a_door_that_cannot_be_opened()
    {
        // By another name of the same directory the door is found; but what it is bound to before it has its name is too long there.
        int room = 107 - _directory.Length - "//d".Length;
        if (OperatingSystem.IsWindows() || room < 8)
        {
            Assert.Inconclusive("no names of that length here");
        }

        string other = Path.Combine(_directory, new string('l', room)), near = Path.Combine(_directory, "d"), far = Path.Combine(other, "d");
        _ = System.IO.Directory.CreateSymbolicLink(other, _directory);
        await using IngressHost ingress = await IngressAsync();
        _ = await Assert.ThrowsExactlyAsync<IOException>(() => NodeHost.StartAsync(Options(ingress) with { Name = "b", MemberCertificate = TestFederation.Instance.Member("b"), Door = far }, Stop));

        TaskCompletionSource first = new(TaskCreationOptions.RunContinuationsAsynchronously), second = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using NodeHost predecessor = await NodeHost.StartAsync(Options(ingress, first) with { Door = near }, Stop);
        await first.Task.WaitAsync(Stop);
        await using NodeHost successor = await NodeHost.StartAsync(Options(ingress, second) with { Door = far, TakeOver = true }, Stop);
        await SaysAsync("no process can take over from this one: ");
        await second.Task.WaitAsync(Stop);
        await predecessor.Completion.WaitAsync(Stop);
        Assert.IsFalse(successor.Completion.IsCompleted);
    }

    /// <summary>Goal: asked to end while it takes over, a node does not throw away what it has got by then: it comes to serve, and may be drained.</summary>
    [TestMethod]
    [Timeout(120_000, CooperativeCancellation = true)]
    public async Task A_member_is_not_ended_by_giving_up_to_join()
    {
        await using IngressHost ingress = await IngressAsync();
        string path = Path.Combine(_directory, "d");
        using SuccessionDoor door = SuccessionDoor.Open(path);
        TaskCompletionSource<bool> handedOver = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<bool> serving = door.ServeAsync(_ => Task.FromResult(true), () => handedOver.Task, Stop);
        using CancellationTokenSource asked = new();
        Task<NodeHost> starting = NodeHost.StartAsync(Options(ingress) with { Door = path, TakeOver = true, UntilJoined = asked.Token }, Stop);
        await SaysAsync("joined at ");
        await asked.CancelAsync();
        handedOver.SetResult(true);
        Assert.IsTrue(await serving);
        await using NodeHost node = await starting;
        Assert.AreEqual(1, (await node.GetHealthAsync(Stop)).Ingresses);
    }

    private async Task SaysAsync(string starts)
    {
        while (!(await _said.Reader.ReadAsync(Stop)).StartsWith(starts, StringComparison.Ordinal))
        {
        }
    }

    private Task<IngressHost> IngressAsync() => IngressHost.StartAsync(
        new()
        {
            Listen = new(IPAddress.Loopback, 0),
            Control = new(IPAddress.Loopback, 0),
            StateDirectory = Path.Combine(_directory, "state"),
            MemberCertificate = TestFederation.Instance.Member("ingress"),
            FederationRoots = TestFederation.Instance.Roots,
            // Where the machine is busy, silence says nothing of death.
            FailureTimeout = TimeSpan.FromMinutes(2),
        },
        Stop);

    private NodeOptions Options(IngressHost ingress, TaskCompletionSource? serves = null) => new()
    {
        Name = "a",
        Join = ingress.ControlEndPoint,
        Components = serves is null ? [] : [new("web", new Silent()) { Serving = _ => serves.TrySetResult() }],
        ServerCertificate = TestPki.Instance.Server,
        MemberCertificate = TestFederation.Instance.Member("a"),
        FederationRoots = TestFederation.Instance.Roots,
        JoinFailed = why => _failed.Writer.TryWrite(why),
        Log = line => _said.Writer.TryWrite(line),
    };

    private sealed class Silent : IComponent
    {
        public ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken) => exchange.RespondAsync(204);
    }
}
