using Net.Migration.Hosting;
using Net.Node.Cli;
using NodeOptions = Net.Node.Cli.NodeOptions;

namespace Net.Tests.Node.Cli;

/// <summary>Flags of nodes, drains and looks: what they mean, and what a wrong one is told.</summary>
[TestClass]
public sealed class HostingOptionsTests : IDisposable
{
    private readonly RecordingHandlers _handlers = new();
    private readonly StringWriter _output = new(), _error = new();

    public void Dispose()
    {
        _output.Dispose();
        _error.Dispose();
    }

    [TestMethod]
    public async Task Flags_reach_their_commands()
    {
        Assert.AreEqual(0, await RunAsync("drain", "a", "--timeout", "5", "--json"));
        Assert.AreEqual(("a", TimeSpan.FromSeconds(5), true), _handlers.Options is DrainOptions d ? (d.Node, d.Timeout, d.Json) : default);
        Assert.AreEqual(0, await RunAsync("top", "--once"));
        Assert.AreEqual((true, TimeSpan.FromSeconds(1), false), _handlers.Options is TopOptions t ? (t.Once, t.Interval, t.Json) : default);
        Assert.AreEqual(0, await RunAsync("drain", "a", "--cancel"));
        Assert.IsTrue(((DrainOptions)_handlers.Options!).Cancel);
        Assert.AreEqual(0, await RunAsync("node", "--name", "a", "--serve", "d", "--component", "web,media", "--drain-timeout", "3", "--takeover"));
        Assert.AreEqual(("web,media", TimeSpan.FromSeconds(3), true), _handlers.Options is NodeOptions n ? (n.Components, n.DrainTimeout, n.TakeOver) : default);
        Assert.AreEqual(0, await RunAsync("node", "--name", "a", "--listen", "127.0.0.1:1", "--control", "127.0.0.1:2"));
        Assert.AreEqual((1, 2), _handlers.Options is NodeOptions r ? (r.Listen!.Value.Port, r.Control!.Value.Port) : default);
        Assert.AreEqual(0, await RunAsync("ingress", "--no-hold"));
        Assert.IsFalse(((IngressOptions)_handlers.Options!).Hold);
    }

    [TestMethod]
    [DataRow("drain: NODE is missing", "drain")]
    [DataRow("drain: --timeout 'x' is not a time", "drain", "a", "--timeout", "x")]
    [DataRow("drain: --timeout '86401' is not a time: give seconds, more than 0 and at most 86400", "drain", "a", "--timeout", "86401")]
    [DataRow("migrate: --timeout '86401' is not a time: give seconds, more than 0 and at most 86400", "migrate", "web", "--to", "a", "--timeout", "86401")]
    [DataRow("node: --drain-timeout '86401' is not a time: give seconds, more than 0 and at most 86400", "node", "--name", "a", "--drain-timeout", "86401")]
    [DataRow("top: --interval '0' is not a time", "top", "--interval", "0")]
    [DataRow("node: --component without --serve: give --serve DIR", "node", "--name", "a", "--component", "web")]
    [DataRow("node: --component names one twice", "node", "--name", "a", "--serve", "d", "--component", "web,web")]
    [DataRow("node: --component 'A' is not a name", "node", "--name", "a", "--serve", "d", "--component", "A")]
    [DataRow("node: --listen without --control: give both", "node", "--name", "a", "--listen", "127.0.0.1:1")]
    [DataRow("node: --listen with --join or --takeover", "node", "--name", "a", "--listen", "127.0.0.1:1", "--control", "127.0.0.1:2", "--takeover")]
    [DataRow("demo: unknown scenario 'x': use move or drain or takeover or relay", "demo", "x")]
    public async Task What_is_wrong_is_named_with_its_remedy(string starts, params string[] arguments)
    {
        Assert.AreEqual(2, await RunAsync(arguments));
        StringAssert.StartsWith(_error.ToString(), $"continuum {starts}");
        Assert.IsNull(_handlers.Options, "nothing was done");
    }

    /// <summary>Goal: what the command line takes, the ingress takes as it is: a drain of an hour is one.</summary>
    [TestMethod]
    public async Task No_time_is_cut_behind_the_command_line()
    {
        TimeSpan longest = new ControlDeskOptions().MaxMoveTime;
        string seconds = $"{longest.TotalSeconds:0}";
        Assert.AreEqual(0, await RunAsync("migrate", "web", "--to", "a", "--timeout", seconds));
        Assert.AreEqual(longest, ((MigrateOptions)_handlers.Options!).Timeout);
        Assert.AreEqual(0, await RunAsync("drain", "a", "--timeout", seconds));
        Assert.AreEqual(longest, ((DrainOptions)_handlers.Options!).Timeout);
        Assert.AreEqual(0, await RunAsync("checkpoint", "web", "--timeout", seconds));
        Assert.AreEqual(longest, ((CheckpointOptions)_handlers.Options!).Timeout);
        Assert.AreEqual(0, await RunAsync("node", "--name", "a", "--drain-timeout", seconds));
        Assert.AreEqual(longest, ((NodeOptions)_handlers.Options!).DrainTimeout);
    }

    private Task<int> RunAsync(params string[] arguments) => new CommandLine(_handlers, _output, _error) { Patience = Timeout.InfiniteTimeSpan }.RunAsync(arguments, CancellationToken.None);
}
