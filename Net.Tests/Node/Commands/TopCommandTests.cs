using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Link;
using Net.Node.Cli;
using Net.Node.Commands;

namespace Net.Tests.Node.Commands;

/// <summary>Goal: `top` away from a terminal says what is there, once or for ever, as lines or as JSON.</summary>
[TestClass]
public sealed class TopCommandTests : IDisposable
{
    private static readonly UdpAddress s_ingress = UdpAddress.FromBytes([127, 0, 0, 1], 4433);
    private static readonly NodeInfo s_a = new(new("a", 1), UdpAddress.FromBytes([127, 0, 0, 1], 5001), []);
    private static readonly NodeInfo s_b = new(new("b", 2), UdpAddress.FromBytes([127, 0, 0, 1], 5002), []);

    private readonly FakeRuntime _runtime = new();
    private readonly StringWriter _output = new(), _error = new();
    private string _home = "";

    [TestInitialize]
    public void MakeHome() => _home = Directory.CreateTempSubdirectory("continuum-home-").FullName;

    [TestCleanup]
    public void RemoveHome() => Directory.Delete(_home, recursive: true);

    public void Dispose()
    {
        _output.Dispose();
        _error.Dispose();
    }

    [TestMethod]
    public async Task One_look_is_a_line_for_each_component_and_node()
    {
        _runtime.Status = Status(bytesOut: 10, movingTo: "b");
        Assert.AreEqual(0, await RunAsync("top", "--once"));
        Assert.AreEqual(
            """
            component web owner a epoch 4 connections 2 in - out - moves 3 last freeze 1.5 ms checkpoints 2 newest 7 moving to b
            node a draining connections 2 serves web
            node b dead connections 0 serves nothing

            """.ReplaceLineEndings("\n"), _output.ToString().ReplaceLineEndings("\n"));
        Assert.AreEqual("", _error.ToString());
    }

    [TestMethod]
    public async Task One_look_in_json_is_one_object()
    {
        _runtime.Status = Status(bytesOut: 10, movingTo: "");
        Assert.AreEqual(0, await RunAsync("top", "--once", "--json"));
        Assert.AreEqual(
            """{"ingress":"127.0.0.1:4433","components":[{"name":"web","owner":"a","epoch":4,"connections":2,"bytes_in_per_s":null,"bytes_out_per_s":null,"moves":3,"last_freeze_us":1500,"moving_to":null,"checkpoints":2,"newest_checkpoint":7}],"nodes":[{"name":"a","address":"127.0.0.1:5001","alive":true,"draining":true,"components":["web"],"connections":2},{"name":"b","address":"127.0.0.1:5002","alive":false,"draining":false,"components":[],"connections":0}]}""",
            _output.ToString().Trim());
        Assert.AreEqual("", _error.ToString());
    }

    /// <summary>Rates are those of one owner: bytes that another process counted say nothing.</summary>
    [TestMethod]
    public void A_rate_needs_two_looks_at_one_owner()
    {
        StatusReplyMessage before = Status(bytesOut: 1000, movingTo: "");
        TopJson look = TopJson.Of(Status(bytesOut: 5000, movingTo: ""), before, TimeSpan.FromSeconds(2));
        Assert.AreEqual((0, 2000), (look.Components[0].BytesInPerS, look.Components[0].BytesOutPerS));
        Assert.IsNull(TopJson.Of(Status(bytesOut: 500, movingTo: ""), before, TimeSpan.FromSeconds(2)).Components[0].BytesOutPerS, "it began to count again");
        Assert.IsNull(TopJson.Of(Status(bytesOut: 5000, movingTo: "", owner: s_b), before, TimeSpan.FromSeconds(2)).Components[0].BytesOutPerS, "another owner");
    }

    [TestMethod]
    public async Task Nobody_there_is_said_on_one_line()
    {
        _runtime.Connect = _ => throw new IOException("refused.");
        Assert.AreEqual(1, await RunAsync("top", "--once"));
        Assert.AreEqual("", _output.ToString());
        Assert.AreEqual("continuum top: cannot reach 127.0.0.1:4434 (refused): start continuum ingress, or give its control address with --join", _error.ToString().Trim());
    }

    private static StatusReplyMessage Status(ulong bytesOut, string movingTo, NodeInfo? owner = null)
    {
        OwnershipRecord record = new("web", (owner ?? s_a).Member, Member.None, 4, 7, default);
        ComponentStatus web = new(record, new("web", 2, 0, bytesOut, 2, 7), 3, TimeSpan.FromMilliseconds(1.5), 900, movingTo);
        return new(1, s_ingress, [web], [new(s_a, true, true), new(s_b, false)]);
    }

    private Task<int> RunAsync(params string[] arguments)
    {
        CommandHandlers handlers = new(_runtime, name => name == "CONTINUUM_HOME" ? Path.Combine(_home, "home") : null, TimeProvider.System, new());
        return new CommandLine(handlers, _output, _error) { OpenInput = () => Stream.Null }.RunAsync(arguments, CancellationToken.None);
    }
}
