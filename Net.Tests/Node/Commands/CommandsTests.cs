using System.Security.Cryptography.X509Certificates;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Link;
using Net.Node.Cli;
using Net.Node.Commands;
using Net.Node.Web;
using Net.Tests.Node.Web;

namespace Net.Tests.Node.Commands;

/// <summary>Goal: each command prints what CLI.md says, and fails as it says, whatever the network does.</summary>
[TestClass]
public sealed class CommandsTests : IDisposable
{
    private static readonly MigrateReport s_moved = new("web", "a", "b", 4, true, 2, 1, TimeSpan.FromTicks(12_345), 9000, MigrateCode.None, "");

    private readonly FakeRuntime _runtime = new();
    private readonly StringWriter _output = new(), _error = new();
    private readonly InstantTime _time = new();
    private string _home = "";
    private Stream _input = Stream.Null;

    [TestInitialize]
    public void MakeHome() => _home = Directory.CreateTempSubdirectory("continuum-home-").FullName;

    [TestCleanup]
    public void RemoveHome() => Directory.Delete(_home, recursive: true);

    public void Dispose()
    {
        _output.Dispose();
        _error.Dispose();
        _input.Dispose();
    }

    [TestMethod]
    public async Task A_move_is_told_in_json_and_in_words()
    {
        _runtime.Migrate = _ => Task.FromResult(s_moved);
        Assert.AreEqual(0, await RunAsync("migrate", "web", "--to", "b", "--json"));
        Assert.AreEqual("""{"component":"web","from":"a","to":"b","epoch":4,"moved":true,"connections":2,"abandoned":1,"freeze_us":1235,"state_bytes":9000,"error":null}""", _output.ToString().Trim());
        Assert.AreEqual("", _error.ToString());

        Assert.AreEqual(0, await RunAsync("migrate", "web", "--to", "b"));
        Assert.Contains("web moved from a to b: epoch 4, 2 connections", _output.ToString());
        _runtime.Migrate = _ => Task.FromResult(s_moved with { From = "b", Moved = false });
        Assert.AreEqual(0, await RunAsync("migrate", "web", "--to", "b"));
        Assert.Contains("web is already at b: nothing moved", _output.ToString());
    }

    [TestMethod]
    [DataRow(1, "unknown-component")]
    [DataRow(2, "unknown-node")]
    [DataRow(3, "refused")]
    [DataRow(4, "unreachable")]
    [DataRow(5, "timeout")]
    [DataRow(6, "conflict")]
    public async Task A_move_that_fails_has_its_code(int code, string name)
    {
        _runtime.Migrate = _ => Task.FromResult(s_moved with { Moved = false, Code = (MigrateCode)code, Message = "it <did> not" });
        Assert.AreEqual(1, await RunAsync("migrate", "web", "--to", "b", "--json"));
        StringAssert.EndsWith(_output.ToString().Trim(), "\"error\":{\"code\":\"" + name + "\",\"message\":\"it <did> not\"}}");
        StringAssert.StartsWith(_error.ToString(), "continuum migrate: it <did> not: ");
        Assert.AreEqual(1, _error.ToString().Trim().Split('\n').Length);

        Assert.AreEqual(1, await RunAsync("migrate", "web", "--to", "b"));
        Assert.AreEqual("", _output.ToString());
    }

    [TestMethod]
    public async Task A_checkpoint_and_a_roll_back_are_told_in_json_and_in_words()
    {
        CheckpointReport report = new("web", "a", 4, 7, 90, 2, 1, 3, [5, 7], MigrateCode.None, "");
        List<(CheckpointAction, ulong)> asked = [];
        _runtime.Checkpoint = (action, number, _) =>
        {
            asked.Add((action, number));
            return Task.FromResult(report);
        };
        Assert.AreEqual(0, await RunAsync("checkpoint", "web", "--json"));
        Assert.AreEqual("{\"component\":\"web\",\"owner\":\"a\",\"epoch\":4,\"checkpoint\":7,\"state_bytes\":90,\"connections\":2,\"kept\":[5,7],\"error\":null}", _output.ToString().Trim());
        Assert.AreEqual(0, await RunAsync("rollback", "web", "--to", "7", "--json"));
        Assert.AreEqual("{\"component\":\"web\",\"owner\":\"a\",\"epoch\":4,\"checkpoint\":7,\"connections\":2,\"resumed\":1,\"reset\":3,\"kept\":[5,7],\"error\":null}", _output.ToString().Trim());
        Assert.AreEqual(0, await RunAsync("checkpoint", "web"));
        Assert.AreEqual("checkpoint 7 of web at a: 90 bytes, kept: 5, 7", _output.ToString().Trim());
        Assert.AreEqual(0, await RunAsync("rollback", "web"));
        Assert.AreEqual("web at a is back at checkpoint 7: 2 connections live on, 1 requests go on from there, 3 were reset, kept: 5, 7", _output.ToString().Trim());
        CollectionAssert.AreEqual(
            new[] { (CheckpointAction.Take, 0ul), (CheckpointAction.RollBack, 7ul), (CheckpointAction.Take, 0ul), (CheckpointAction.RollBack, 0ul) }, asked);
        Assert.AreEqual("", _error.ToString());
    }

    [TestMethod]
    public async Task A_roll_back_that_fails_has_its_code_and_says_what_to_do()
    {
        CheckpointReport report = new("web", "a", 4, 0, 0, 2, 0, 0, [5], MigrateCode.UnknownCheckpoint, "web has no checkpoint 7: it has 5");
        _runtime.Checkpoint = (_, _, _) => Task.FromResult(report);
        Assert.AreEqual(1, await RunAsync("rollback", "web", "--to", "7", "--json"));
        StringAssert.EndsWith(_output.ToString().Trim(), "\"checkpoint\":null,\"connections\":2,\"resumed\":0,\"reset\":0,\"kept\":[5],\"error\":{\"code\":\"unknown-checkpoint\",\"message\":\"web has no checkpoint 7: it has 5\"}}");
        Assert.AreEqual("continuum rollback: web has no checkpoint 7: it has 5", _error.ToString().Trim());
        foreach ((MigrateCode code, string remedy) in ((MigrateCode, string)[])[
            (MigrateCode.UnknownComponent, "see its name"), (MigrateCode.Unreachable, "start continuum ingress"), (MigrateCode.Timeout, "try again with a larger --timeout"),
            (MigrateCode.Conflict, "try again"), (MigrateCode.Refused, "the log of its node")])
        {
            report = report with { Code = code, Message = "it did not" };
            Assert.AreEqual(1, await RunAsync("checkpoint", "web"));
            StringAssert.StartsWith(_error.ToString(), "continuum checkpoint: it did not: ");
            Assert.Contains(remedy, _error.ToString());
        }

        _runtime.Checkpoint = async (_, _, token) =>
        {
            await Never.EndsAsync(token);
            return report;
        };
        Assert.AreEqual(1, await RunAsync("rollback", "web", "--json"));
        Assert.Contains("\"code\":\"timeout\"", _output.ToString());
        Assert.Contains("whether it was done is not known", _error.ToString());
    }

    [TestMethod]
    public async Task A_refusal_that_says_what_to_do_is_passed_on()
    {
        _runtime.Migrate = _ => Task.FromResult(s_moved with { Moved = false, Code = MigrateCode.Refused, Message = "b cannot host web: start it with --serve DIR" });
        Assert.AreEqual(1, await RunAsync("migrate", "web", "--to", "b"));
        Assert.AreEqual("continuum migrate: b cannot host web: start it with --serve DIR", _error.ToString().Trim());
    }

    /// <summary>Nobody answers, somebody refuses, and an ingress goes silent in the middle: the clock of the test makes every limit pass at once.</summary>
    [TestMethod]
    public async Task Silence_ends_by_itself_and_names_the_address()
    {
        _runtime.Connect = Never.EndsAsync;
        Assert.AreEqual(1, await RunAsync("status", "--join", "127.0.0.1:9"));
        StringAssert.StartsWith(_error.ToString(), "continuum status: no answer from 127.0.0.1:9 within 5 s: start continuum ingress");

        Assert.AreEqual(1, await RunAsync("migrate", "web", "--to", "b", "--json", "--join", "127.0.0.1:9"));
        Assert.Contains("\"code\":\"unreachable\"", _output.ToString());
        StringAssert.StartsWith(_error.ToString(), "continuum migrate: no answer from 127.0.0.1:9 within 5 s: ");

        _runtime.Connect = _ => throw new IOException("refused: no member");
        Assert.AreEqual(1, await RunAsync("status", "--join", "127.0.0.1:9"));
        StringAssert.StartsWith(_error.ToString(), "continuum status: cannot reach 127.0.0.1:9 (refused, no member): ");

        _runtime.Connect = _ => Task.CompletedTask;
        _runtime.Migrate = async token =>
        {
            await Never.EndsAsync(token);
            return s_moved;
        };
        Assert.AreEqual(1, await RunAsync("migrate", "web", "--to", "b", "--json"));
        Assert.Contains("\"code\":\"timeout\"", _output.ToString());
    }

    [TestMethod]
    public async Task Status_is_told_in_json_and_in_words()
    {
        Member owner = new("a", 5);
        UdpAddress link = Address("127.0.0.1:6000");
        _runtime.Status = new(1, Address("127.0.0.1:4433"),
            [new(new("web", owner, Member.None, 3, 7, new SnapshotHash(new byte[SnapshotHash.Length])), new("web", 2, 0, 0, 1, 5))],
            [new(new(owner, link, [new("web", link, [])]), true), new(new(new("b", 6), link, []), false)]);
        Assert.AreEqual(0, await RunAsync("status", "--json"));
        Assert.AreEqual(
            """{"ingress":"127.0.0.1:4433","components":[{"name":"web","owner":"a","epoch":3,"shard":7,"connections":2,"checkpoints":1,"newest_checkpoint":5}],"nodes":[{"name":"a","address":"127.0.0.1:6000","alive":true,"hosts":["web"]},{"name":"b","address":"127.0.0.1:6000","alive":false,"hosts":[]}]}""",
            _output.ToString().Trim());
        Assert.AreEqual(0, await RunAsync("status"));
        Assert.Contains("component web owner a epoch 3 shard 7 connections 2 checkpoints 1 newest 5", _output.ToString());
        Assert.Contains("node b 127.0.0.1:6000 dead hosts nothing", _output.ToString());
    }

    [TestMethod]
    public async Task A_node_says_ready_once_and_reports_every_tenth_try()
    {
        _runtime.Node = (_, events, _) =>
        {
            for (int i = 0; i < 25; i++)
            {
                events.JoinFailed("10.0.0.1:4434: nobody there");
            }

            events.Ready();
            events.Ready();
            return Task.CompletedTask;
        };
        Assert.AreEqual(0, await RunAsync("node", "--name", "a", "--serve", _home));
        Assert.AreEqual("ready node a", _output.ToString().Trim());
        Assert.AreEqual(2, _error.ToString().Trim().Split('\n').Length);
        StringAssert.StartsWith(_error.ToString(), "continuum node: cannot join after 10 tries (10.0.0.1:4434: nobody there): start continuum ingress there, or give its control address with --join");
        Assert.AreEqual("a", _runtime.NodeSetup!.Member.Certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false));
        Assert.IsTrue(_runtime.NodeSetup.ServerCertificate.HasPrivateKey);
        Assert.IsInstanceOfType<WebComponent>(_runtime.NodeSetup.CreateWeb!(new TestIdentity("a", 1)));

        Assert.AreEqual(0, await RunAsync("node", "--name", "a"));
        Assert.IsNull(_runtime.NodeSetup.CreateWeb, "without --serve it hosts nothing");
    }

    /// <summary>Goal: a node that does not come to its ingress says what to do about it, which depends on how it looks for it.</summary>
    [TestMethod]
    [DataRow("start etcd and continuum ingress, both with the same --directory", "--directory", "etcd://10.0.0.2:2379")]
    [DataRow("it is the ingress of this process that does not answer, look at the lines above", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")]
    public async Task What_to_do_depends_on_the_way_to_the_ingress(string remedy, params string[] flags)
    {
        _runtime.Node = (_, events, _) =>
        {
            for (int i = 0; i < 10; i++)
            {
                events.JoinFailed("10.0.0.1:4434: nobody there");
            }

            return Task.CompletedTask;
        };
        Assert.AreEqual(0, await RunAsync(["node", "--name", "a", .. flags]));
        Assert.AreEqual($"continuum node: cannot join after 10 tries (10.0.0.1:4434: nobody there): {remedy}", _error.ToString().Trim());
    }

    [TestMethod]
    public async Task What_a_node_cannot_use_ends_it_before_it_joins()
    {
        string file = Path.Combine(_home, "file");
        await File.WriteAllTextAsync(file, "no certificate\n");
        await FailsAsync("--serve /no/such/dir does not exist: ", "node", "--name", "a", "--serve", "/no/such/dir");
        await FailsAsync($"--serve {file} is a file: ", "node", "--name", "a", "--serve", file);
        await FailsAsync($"{file} holds no PEM certificate: ", "node", "--name", "a", "--cert", file, "--key", file);
        await FailsAsync("--trust /no/such/dir is not a directory: ", "node", "--name", "a", "--trust", "/no/such/dir");
        Assert.IsNull(_runtime.NodeSetup);
        await FailsAsync($"--state {file} is a file: ", "ingress", "--state", file);
        Assert.IsNull(_runtime.IngressSetup);
    }

    [TestMethod]
    public async Task An_ingress_says_where_it_listens()
    {
        _runtime.Ingress = (ready, _) =>
        {
            ready(Address("127.0.0.1:4433"), Address("[::1]:4434"));
            return Task.CompletedTask;
        };
        Assert.AreEqual(0, await RunAsync("ingress"));
        Assert.AreEqual("ready ingress 127.0.0.1:4433 control [::1]:4434", _output.ToString().Trim());
        StringAssert.StartsWith(_runtime.IngressSetup!.StateDirectory, _home);
        Assert.IsTrue(Directory.Exists(_runtime.IngressSetup.StateDirectory));
    }

    /// <summary>The parent's end of the pipe is closed: here, at once.</summary>
    [TestMethod]
    public async Task The_end_of_input_ends_it_if_asked_for()
    {
        _input = new MemoryStream("ignored"u8.ToArray());
        _runtime.Ingress = (_, token) => Never.EndsAsync(token);
        Assert.AreEqual(0, await RunAsync("ingress", "--stop-on-eof"));
    }

    private static UdpAddress Address(string text) => UdpAddress.TryParse(text, out UdpAddress address) ? address : throw new FormatException(text);

    private async Task FailsAsync(string starts, params string[] arguments)
    {
        Assert.AreEqual(1, await RunAsync(arguments));
        StringAssert.StartsWith(_error.ToString(), $"continuum {arguments[0]}: {starts}");
        Assert.AreEqual(1, _error.ToString().Trim().Split('\n').Length);
    }

    private Task<int> RunAsync(params string[] arguments)
    {
        _output.GetStringBuilder().Clear();
        _error.GetStringBuilder().Clear();
        CommandHandlers handlers = new(_runtime, name => name == "CONTINUUM_HOME" ? Path.Combine(_home, "home") : null, _time, new());
        CommandLine line = new(handlers, _output, _error) { OpenInput = () => _input, Patience = Timeout.InfiniteTimeSpan };
        return line.RunAsync(arguments, CancellationToken.None);
    }

    /// <summary>A clock on which every timer rings a moment after it is set.</summary>
    private sealed class InstantTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            TimeProvider.System.CreateTimer(callback, state, TimeSpan.FromMilliseconds(20), period);
    }
}
