using Net.Core.Io;
using Net.Core.Wire;
using Net.Node.Cli;

namespace Net.Tests.Node.Cli;

/// <summary>Goal: the command line means what CLI.md says; what it does not understand is one line and exit code 2, never a stack trace.</summary>
[TestClass]
public sealed class CommandLineTests : IDisposable
{
    private readonly RecordingHandlers _handlers = new();
    private readonly StringWriter _output = new(), _error = new();

    [TestMethod]
    public async Task Defaults_are_those_of_the_contract()
    {
        Assert.AreEqual(new DemoOptions("move", 100L << 20, 8, false, Fault.None), await ParseAsync("demo"));
        Assert.AreEqual(new IngressOptions(Address("[::]:4433"), Address("127.0.0.1:4434"), null, "web", false), await ParseAsync("ingress"));
        Assert.AreEqual(
            new NodeOptions("a", Address("127.0.0.1:4434"), TimeSpan.FromSeconds(30), null, null, null, null, null, false), await ParseAsync("node", "--name", "a"));
        Assert.AreEqual(new StatusOptions(Address("127.0.0.1:4434"), false), await ParseAsync("status"));
        Assert.AreEqual(new MigrateOptions("web", "b", Address("127.0.0.1:4434"), TimeSpan.FromSeconds(10), false), await ParseAsync("migrate", "web", "--to", "b"));
        Assert.AreEqual(new CheckpointOptions("web", Address("127.0.0.1:4434"), TimeSpan.FromSeconds(10), false), await ParseAsync("checkpoint", "web"));
        Assert.AreEqual(new RollBackOptions("web", 0, Address("127.0.0.1:4434"), TimeSpan.FromSeconds(10), false), await ParseAsync("rollback", "web"));
        Assert.AreEqual(new GetOptions(new("https://localhost:4433/bytes/1"), null, false), await ParseAsync("get", "https://localhost:4433/bytes/1"));
        Assert.AreEqual(LogLevel.Info, _handlers.Output!.Level);
    }

    [TestMethod]
    public async Task Every_option_reaches_its_command()
    {
        Assert.AreEqual(new DemoOptions("move", 3L << 20, 2, true, Fault.LostCommit), await ParseAsync("demo", "move", "--size", "3", "--moves", "2", "--json", "--fault", "lost-commit"));
        Assert.AreEqual(Fault.WrongByte, ((DemoOptions)(await ParseAsync("demo", "--fault", "wrong-byte"))!).Fault);
        Assert.AreEqual(Fault.SecondHandshake, ((DemoOptions)(await ParseAsync("demo", "--fault", "second-handshake"))!).Fault);
        Assert.AreEqual(new DemoOptions("move", 0, 0, false, Fault.None), await ParseAsync("demo", "--size", "0", "--moves", "0"));
        Assert.AreEqual(new IngressOptions(Address("127.0.0.1:0"), Address("[::1]:7"), "s", "api", true),
            await ParseAsync("ingress", "--listen", "127.0.0.1:0", "--control", "[::1]:7", "--state", "s", "--default", "api", "--stop-on-eof"));
        Assert.AreEqual(new NodeOptions("n-1", Address("[::1]:9"), TimeSpan.FromSeconds(2.5), "d", Address("127.0.0.1:0"), "c", "k", "t", true), await ParseAsync(
            "node", "--name", "n-1", "--join", "[::1]:9", "--join-timeout", "2.5", "--serve", "d", "--link", "127.0.0.1:0", "--cert", "c", "--key", "k", "--trust", "t", "--stop-on-eof"));
        Assert.AreEqual(new StatusOptions(Address("127.0.0.1:5"), true), await ParseAsync("status", "--join", "127.0.0.1:5", "--json"));
        Assert.AreEqual(new MigrateOptions("No_such", "Nobody!", Address("127.0.0.1:5"), TimeSpan.FromSeconds(0.25), true),
            await ParseAsync("migrate", "No_such", "--to", "Nobody!", "--join=127.0.0.1:5", "--timeout", "0.25", "--json"));
        Assert.AreEqual(new CheckpointOptions("No_such", Address("127.0.0.1:5"), TimeSpan.FromSeconds(0.25), true) { Trust = "t" },
            await ParseAsync("checkpoint", "No_such", "--join", "127.0.0.1:5", "--timeout", "0.25", "--json", "--trust", "t"));
        Assert.AreEqual(new RollBackOptions("web", 7, Address("127.0.0.1:5"), TimeSpan.FromSeconds(3), true) { Trust = "t" },
            await ParseAsync("rollback", "web", "--to", "7", "--join", "127.0.0.1:5", "--timeout", "3", "--json", "--trust", "t"));
        Assert.AreEqual(new GetOptions(new("https://h/p"), "@f", true), await ParseAsync("get", "https://h/p", "-o", "@f", "--insecure", "--log-level", "debug"));
        Assert.AreEqual(LogLevel.Debug, _handlers.Output!.Level);
        GetOptions get = (GetOptions)(await ParseAsync("get", "https://h/p", "-i", "-d", "@-", "-X", "PUT", "-H", "A: b:c ", "-H", "D:", "--json"))!;
        HeaderField[] fields = [new("A", "b:c"), new("D", "")];
        CollectionAssert.AreEqual(fields, get.Headers.ToArray());
        Assert.AreEqual(new GetOptions(new("https://h/p"), null, false) { ShowsHead = true, Data = "@-", Method = "PUT", Json = true }, get with { Headers = [] });
        Assert.IsNull(((GetOptions)(await ParseAsync("get", "https://h/p", "-o", "-"))!).Output);
    }

    [TestMethod]
    public async Task A_federation_of_several_machines_has_its_options()
    {
        Assert.AreEqual("etcds://h:1,g:2", ((IngressOptions)(await ParseAsync("ingress", "--directory", "etcds://h:1,g:2/shop", "--trust", "t"))!).Directory!.ToString());
        Assert.AreEqual("t", ((IngressOptions)_handlers.Options!).Trust);
        Assert.AreEqual("/shop/", ((NodeOptions)(await ParseAsync("node", "--name", "a", "--directory", "etcd://h:1/shop"))!).Directory!.Prefix);
        Assert.AreEqual("t", ((StatusOptions)(await ParseAsync("status", "--trust", "t"))!).Trust);
        Assert.AreEqual("t", ((MigrateOptions)(await ParseAsync("migrate", "web", "--to", "b", "--trust", "t"))!).Trust);
        Assert.AreEqual("t", ((DrainOptions)(await ParseAsync("drain", "a", "--trust", "t"))!).Trust);
        Assert.AreEqual("t", ((TopOptions)(await ParseAsync("top", "--trust", "t"))!).Trust);
        Assert.AreEqual(new TrustOptions(TrustAction.Init, null, "t", false), await ParseAsync("trust", "init", "--trust", "t"));
        Assert.AreEqual(new TrustOptions(TrustAction.Add, "a", null, false), await ParseAsync("trust", "add", "a"));
        Assert.AreEqual(new TrustOptions(TrustAction.List, null, null, true), await ParseAsync("trust", "list", "--json"));
        Assert.AreEqual(new TrustOptions(TrustAction.Remove, "a", null, false), await ParseAsync("trust", "remove", "a"));
    }

    [TestMethod]
    [DataRow("continuum: no command: ")]
    [DataRow("continuum: unknown command 'bogus': ", "bogus")]
    [DataRow("continuum: unknown command '[diagram]': ", "[diagram]", "demo")]
    [DataRow("continuum: unknown option '--bogus': ", "--bogus")]
    [DataRow("continuum node: unknown option '--bogus': ", "node", "--name", "a", "--bogus")]
    [DataRow("continuum node: unknown option '--nam': ", "node", "--nam", "a")]
    [DataRow("continuum status: unexpected 'more': ", "status", "more")]
    [DataRow("continuum demo: unknown scenario 'fly': ", "demo", "fly")]
    [DataRow("continuum demo: unexpected 'x': ", "demo", "move", "x")]
    [DataRow("continuum demo: --size -1 is negative: ", "demo", "--size", "-1")]
    [DataRow("continuum demo: --size 'many' is not a whole number: ", "demo", "--size", "many")]
    [DataRow("continuum demo: --size '1.5' is not a whole number: ", "demo", "--size", "1.5")]
    [DataRow("continuum demo: --size 99999999999999999999 is too large: ", "demo", "--size", "99999999999999999999")]
    [DataRow("continuum demo: --size 1048577 is too large: ", "demo", "--size", "1048577")]
    [DataRow("continuum demo: --moves -3 is negative: ", "demo", "--moves", "-3")]
    [DataRow("continuum demo: --moves 10001 is too large: ", "demo", "--moves", "10001")]
    [DataRow("continuum demo: --size 0 leaves no byte ", "demo", "--size", "0")]
    [DataRow("continuum demo: --size is given more than once: ", "demo", "--size", "1", "--size", "2")]
    [DataRow("continuum demo: --fault 'x' is unknown: ", "demo", "--fault", "x")]
    [DataRow("continuum demo: --fault lost-commit needs ", "demo", "--fault", "lost-commit", "--moves", "0")]
    [DataRow("continuum demo: --fault wrong-byte needs ", "demo", "--fault", "wrong-byte", "--moves", "0", "--size", "0")]
    [DataRow("continuum ingress: --listen 'nonsense' is not an address: ", "ingress", "--listen", "nonsense")]
    [DataRow("continuum ingress: --listen '127.0.0.1:70000' is not an address: ", "ingress", "--listen", "127.0.0.1:70000")]
    [DataRow("continuum ingress: --listen '::1:5' is not an address: ", "ingress", "--listen", "::1:5")]
    [DataRow("continuum ingress: --control '127.0.0.1' is not an address: ", "ingress", "--control", "127.0.0.1")]
    [DataRow("continuum ingress: --default 'A b' is not a name: ", "ingress", "--default", "A b")]
    [DataRow("continuum ingress: --state needs a path: ", "ingress", "--state", "")]
    [DataRow("continuum ingress: --directory 'etcd:/h' is no etcd: ", "ingress", "--directory", "etcd:/h")]
    [DataRow("continuum ingress: --control [::]:5 with --directory: ", "ingress", "--directory", "etcd://h:1", "--control", "[::]:5")]
    [DataRow("continuum node: --directory with --join or --listen: ", "node", "--name", "a", "--directory", "etcd://h:1", "--join", "127.0.0.1:5")]
    [DataRow("continuum node: --directory needs a value: ", "node", "--name", "a", "--directory")]
    [DataRow("continuum trust: ACTION is missing: ", "trust")]
    [DataRow("continuum trust: unknown action 'fly': ", "trust", "fly")]
    [DataRow("continuum trust: unknown action '1': ", "trust", "1")]
    [DataRow("continuum trust: add without a name: ", "trust", "add")]
    [DataRow("continuum trust: list takes no name: ", "trust", "list", "a")]
    [DataRow("continuum trust: NAME 'Up' is not a name: ", "trust", "remove", "Up")]
    [DataRow("continuum trust: --json with init: ", "trust", "init", "--json")]
    [DataRow("continuum trust: --trust needs a path: ", "trust", "list", "--trust", "")]
    [DataRow("continuum node: --name is missing: ", "node")]
    [DataRow("continuum node: --name needs a value: ", "node", "--name")]
    [DataRow("continuum node: --name 'Up' is not a name: ", "node", "--name", "Up")]
    [DataRow("continuum node: --serve needs a value: ", "node", "--name", "x", "--serve")]
    [DataRow("continuum node: --join 'nowhere' is not an address: ", "node", "--name", "x", "--join", "nowhere")]
    [DataRow("continuum node: --join '127.0.0.1:0' has no port ", "node", "--name", "x", "--join", "127.0.0.1:0")]
    [DataRow("continuum node: --cert without --key: ", "node", "--name", "x", "--cert", "c")]
    [DataRow("continuum node: --key without --cert: ", "node", "--name", "x", "--key", "k")]
    [DataRow("continuum node: --join-timeout '0' is not a time: ", "node", "--name", "x", "--join-timeout", "0")]
    [DataRow("continuum migrate: --to is missing: ", "migrate", "web")]
    [DataRow("continuum migrate: COMPONENT is missing: ", "migrate", "--to", "b")]
    [DataRow("continuum migrate: --timeout '-1' is not a time: ", "migrate", "web", "--to", "a", "--timeout", "-1")]
    [DataRow("continuum migrate: --timeout 'NaN' is not a time: ", "migrate", "web", "--to", "a", "--timeout", "NaN")]
    [DataRow("continuum migrate: --to is empty ", "migrate", "web", "--to", "")]
    [DataRow("continuum checkpoint: COMPONENT is missing: ", "checkpoint")]
    [DataRow("continuum checkpoint: --timeout '0' is not a time: ", "checkpoint", "web", "--timeout", "0")]
    [DataRow("continuum rollback: COMPONENT is missing: ", "rollback", "--to", "3")]
    [DataRow("continuum rollback: --to 0 is no checkpoint: ", "rollback", "web", "--to", "0")]
    [DataRow("continuum rollback: --to 'x' is not a whole number: ", "rollback", "web", "--to", "x")]
    [DataRow("continuum rollback: --to -1 is negative: ", "rollback", "web", "--to", "-1")]
    [DataRow("continuum get: URL is missing: ", "get")]
    [DataRow("continuum get: -H 'none' is not a header field: ", "get", "https://h/", "-H", "a: b", "-H", "none")]
    [DataRow("continuum get: -H 'a b: c' is not a header field: ", "get", "https://h/", "-H", "a b: c")]
    [DataRow("continuum get: -H 'a: b?c: d' is not a header field: ", "get", "https://h/", "-H", "a: b\nc: d")]
    [DataRow("continuum get: -X 'G T' is not a method: ", "get", "https://h/", "-X", "G T")]
    [DataRow("continuum get: -d @ names no file: ", "get", "https://h/", "-d", "@")]
    [DataRow("continuum get: 'nonsense' is not a URL ", "get", "nonsense")]
    [DataRow("continuum get: URL 'http://a/' is not https", "get", "http://a/")]
    [DataRow("continuum status: --log-level 'loud' is not a level: ", "status", "--log-level", "loud")]
    [DataRow("continuum status: --log-level '1' is not a level: ", "status", "--log-level", "1")]
    public async Task Wrong_usage_is_one_line_and_2(string starts, params string[] arguments)
    {
        Assert.AreEqual(2, await RunAsync(arguments));
        AssertOneLine(starts);
        Assert.IsNull(_handlers.Options, "nothing was done");
    }

    [TestMethod]
    public async Task What_was_typed_cannot_speak_to_the_terminal()
    {
        Assert.AreEqual(2, await RunAsync($"\u001b[2Jx\n{new string('y', 200)}"));
        Assert.DoesNotContain("\u001b", _error.ToString());
        AssertOneLine("continuum: unknown command '?[2Jx?yyy");
    }

    [TestMethod]
    [DataRow("--help")]
    [DataRow("-h")]
    [DataRow("demo", "--help")]
    [DataRow("ingress", "--help")]
    [DataRow("node", "--help")]
    [DataRow("status", "--help")]
    [DataRow("migrate", "--help")]
    [DataRow("get", "-h")]
    public async Task Help_is_everywhere(params string[] arguments)
    {
        Assert.AreEqual(0, await RunAsync(arguments));
        Assert.Contains("Usage:", _output.ToString());
        Assert.AreEqual("", _error.ToString());
        Assert.IsNull(_handlers.Options);
    }

    [TestMethod]
    [DataRow("--version")]
    [DataRow("demo", "--version")]
    [DataRow("node", "--version")]
    [DataRow("migrate", "--version")]
    public async Task So_is_the_version_on_one_line(params string[] arguments)
    {
        Assert.AreEqual(0, await RunAsync(arguments));
        StringAssert.Matches(_output.ToString(), new(@"^continuum \d+\.\d+\.\d+\r?\n$"));
        Assert.AreEqual("", _error.ToString());
    }

    [TestMethod]
    public async Task Failures_are_one_line_and_1()
    {
        _handlers.Answer = _ => throw new CommandFailure("it broke", "mend it");
        Assert.AreEqual(1, await RunAsync("status"));
        AssertOneLine("continuum status: it broke: mend it");

        _handlers.Answer = _ => throw new AddressInUseException("127.0.0.1:4433 is in use");
        Assert.AreEqual(1, await RunAsync("ingress"));
        AssertOneLine("continuum ingress: 127.0.0.1:4433 is in use: ");

        _handlers.Answer = _ => throw new InvalidOperationException("first\nsecond");
        Assert.AreEqual(1, await RunAsync("ingress"));
        AssertOneLine("continuum ingress: first second: this is a defect");

        _handlers.Answer = _ => throw new UnauthorizedAccessException("no entry.");
        Assert.AreEqual(1, await RunAsync("ingress"));
        AssertOneLine("continuum ingress: no entry: check the permissions");

        _handlers.Answer = _ => 1;
        Assert.AreEqual(1, await RunAsync("demo"));
    }

    [TestMethod]
    public async Task An_interruption_is_130_and_silent()
    {
        using CancellationTokenSource interrupted = new();
        _handlers.Answer = token =>
        {
            interrupted.Cancel();
            token.ThrowIfCancellationRequested();
            return 0;
        };
        Assert.AreEqual(130, await new CommandLine(_handlers, _output, _error) { Patience = Timeout.InfiniteTimeSpan }.RunAsync(["ingress"], interrupted.Token));
        Assert.AreEqual("", _error.ToString());
    }

    [TestMethod]
    public async Task A_line_above_the_level_is_dropped_and_a_failure_never()
    {
        await RunAsync("status", "--log-level", "error");
        _handlers.Output!.Info("news");
        _handlers.Output.Failure("the end");
        AssertOneLine("continuum status: the end");
    }

    public void Dispose()
    {
        _output.Dispose();
        _error.Dispose();
    }

    private static UdpAddress Address(string text) => UdpAddress.TryParse(text, out UdpAddress address) ? address : throw new FormatException(text);

    private async Task<object?> ParseAsync(params string[] arguments)
    {
        Assert.AreEqual(0, await RunAsync(arguments), _error.ToString());
        return _handlers.Options;
    }

    private Task<int> RunAsync(params string[] arguments)
    {
        _error.GetStringBuilder().Clear();
        return new CommandLine(_handlers, _output, _error) { Patience = Timeout.InfiniteTimeSpan }.RunAsync(arguments, CancellationToken.None);
    }

    private void AssertOneLine(string starts)
    {
        string text = _error.ToString();
        Assert.AreEqual(1, text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length, text);
        StringAssert.StartsWith(text, starts);

    }
}
