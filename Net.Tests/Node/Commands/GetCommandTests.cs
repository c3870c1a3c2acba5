using System.Net;
using System.Text;
using System.Text.Json;
using Net.Node.Cli;
using Net.Node.Commands;
using Net.Tests.Http3.Client;
using Net.Tests.Http3.Server;

namespace Net.Tests.Node.Commands;

/// <summary>Goal: `get` asks for what was typed, writes what came where it was told to, and leaves nothing that only looks whole.</summary>
[TestClass]
public sealed class GetCommandTests : IDisposable
{
    private readonly FakeRuntime _runtime = new();
    private readonly StringWriter _output = new(), _error = new();
    private MemoryStream _raw = new();
    private Stream _input = Stream.Null;
    private string _home = "";

    public required TestContext TestContext { get; set; }

    [TestInitialize]
    public void MakeHome() => _home = Directory.CreateTempSubdirectory("continuum-home-").FullName;

    [TestCleanup]
    public void RemoveHome() => Directory.Delete(_home, recursive: true);

    public void Dispose()
    {
        _output.Dispose();
        _error.Dispose();
        _raw.Dispose();
        _input.Dispose();
    }

    [TestMethod]
    public async Task The_body_goes_where_it_is_told()
    {
        _runtime.Response = (200, "0123456789"u8.ToArray(), 10);
        Assert.AreEqual(0, await RunAsync("https://[::1]:4433/a?b=c"));
        Assert.AreEqual("0123456789", Raw);
        Assert.AreEqual("GET https://[::1]:4433/a?b=c", _runtime.Requested);
        Assert.AreEqual(1, _runtime.TrustedRoots!.Count);

        string file = Path.Combine(_home, "body");
        await File.WriteAllTextAsync(file, "something longer than what comes");
        const UnixFileMode Mine = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, Mine);
        }

        Assert.AreEqual(0, await RunAsync("https://localhost/", "-o", file));
        Assert.AreEqual("0123456789", await File.ReadAllTextAsync(file));
        if (!OperatingSystem.IsWindows())
        {
            Assert.AreEqual(Mine, File.GetUnixFileMode(file));
        }

        string link = Path.Combine(_home, "link");
        File.CreateSymbolicLink(link, file);
        _runtime.Response = (200, "new"u8.ToArray(), -1);
        Assert.AreEqual(0, await RunAsync("https://localhost/", "-o", link));
        Assert.AreEqual("new", await File.ReadAllTextAsync(file));
        Assert.IsNotNull(File.ResolveLinkTarget(link, returnFinalTarget: false), "the link is still one");
        Assert.AreEqual(0, await RunAsync("https://localhost/", "-o", "/dev/null"));
        AssertNoParts();
    }

    [TestMethod]
    public async Task A_failure_leaves_the_file_as_it_was()
    {
        string file = Path.Combine(_home, "body"), old = Path.Combine(_home, "old");
        await File.WriteAllTextAsync(old, "old");
        _runtime.Response = (404, "nothing"u8.ToArray(), 7);
        await FailsAsync("the server answered 404: check the path", "https://localhost/x", "-o", file);
        Assert.IsFalse(File.Exists(file));
        Assert.AreEqual("", Raw);
        _runtime.Response = (200, "012"u8.ToArray(), 10);
        await FailsAsync("only 3 of 10 bytes came: ", "https://localhost/x", "-o", file);
        Assert.IsFalse(File.Exists(file));
        await FailsAsync("only 3 of 10 bytes came: ", "https://localhost/x", "-o", old);
        Assert.AreEqual("old", await File.ReadAllTextAsync(old));
        AssertNoParts();
        _runtime.Answer = _ => throw new AssertFailedException("what cannot be written is not asked for");
        await FailsAsync($"-o {_home} is a directory: ", "https://localhost/x", "-o", _home);
        await FailsAsync("-o /no/such/dir/f is in a directory that does not exist: ", "https://localhost/x", "-o", "/no/such/dir/f");
        await FailsAsync("-d @/no/such/file does not exist: ", "https://localhost/x", "-d", "@/no/such/file");
        await FailsAsync($"-d @{_home} is a directory: ", "https://localhost/x", "-d", $"@{_home}");
    }

    [TestMethod]
    public async Task Strangers_are_distrusted_unless_told_otherwise()
    {
        _runtime.Distrusts = true;
        await FailsAsync("the certificate of localhost is not trusted (unknown authority): use the server's CONTINUUM_HOME, or --insecure", "https://localhost/x");
        Assert.AreEqual(0, await RunAsync("https://localhost/x", "--insecure"));
        Assert.AreEqual(0, _runtime.TrustedRoots!.Count);
    }

    [TestMethod]
    [DataRow(HttpRequestError.NameResolutionError, "nowhere.test has no address: ")]
    [DataRow(HttpRequestError.ConnectionError, "cannot reach nowhere.test port 443 (why, so): ")]
    [DataRow(HttpRequestError.SecureConnectionError, "no TLS connection with nowhere.test (why, so): ")]
    [DataRow(HttpRequestError.ResponseEnded, "the exchange with nowhere.test was cut off (why, so): try again")]
    public async Task Each_failure_says_what_to_do(HttpRequestError error, string line)
    {
        _runtime.Answer = _ => throw new HttpRequestException(error, "outer", new IOException("why: so."));
        await FailsAsync(line, "https://nowhere.test/");
    }

    [TestMethod]
    public async Task Methods_bodies_and_fields_are_sent_as_typed()
    {
        List<string> seen = [];
        _runtime.Answer = async request =>
        {
            string body = request.Content is null ? "nothing" : await request.Content.ReadAsStringAsync(TestContext.CancellationToken);
            seen.Add($"{request.Method} {body} {request.Content?.Headers.ContentType} {request.Content?.Headers.ContentLength} {string.Join(',', request.Headers.UserAgent)}");
            Assert.AreEqual(HttpVersion.Version30, request.Version);
            return new(HttpStatusCode.OK);
        };
        string file = Path.Combine(_home, "data");
        await File.WriteAllTextAsync(file, "two\r\nlines\n");
        _input = new MemoryStream("from input"u8.ToArray());
        Assert.AreEqual(0, await RunAsync("https://h/"));
        Assert.AreEqual(0, await RunAsync("https://h/", "-d", "a=b"));
        Assert.AreEqual(0, await RunAsync("https://h/", "-d", $"@{file}", "-X", "PUT", "-H", "content-type: text/plain", "-H", "User-Agent: me"));
        Assert.AreEqual(0, await RunAsync("https://h/", "-d", "@-"));
        Assert.AreEqual(0, await RunAsync("https://h/", "-X", "DELETE"));
        string[] expected =
        [
            "GET nothing   continuum", "POST a=b application/x-www-form-urlencoded 3 continuum", "PUT two\r\nlines\n text/plain 11 me",
            "POST from input application/x-www-form-urlencoded 10 continuum", "DELETE nothing   continuum",
        ];
        CollectionAssert.AreEqual(expected, seen, string.Join('\n', seen));
    }

    [TestMethod]
    public async Task The_head_is_shown_if_asked_for()
    {
        _runtime.Answer = request => Task.FromResult(Response(request.RequestUri!.AbsolutePath == "/" ? 200 : 500));
        Assert.AreEqual(0, await RunAsync("https://h/", "-i"));
        Assert.AreEqual("HTTP/3 200\r\nx-two: 1, 2\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nbody", Raw);
        await FailsAsync("the server answered 500: ", "https://h/x", "-i");
        StringAssert.StartsWith(_output.ToString(), "HTTP/3 500\r\nx-two: 1, 2\r\n");

        static HttpResponseMessage Response(int status)
        {
            HttpResponseMessage response = new((HttpStatusCode)status) { Content = new ByteArrayContent("body"u8.ToArray()) };
            response.Headers.Add("X-Two", ["1", "2"]);
            response.Content.Headers.Add("Content-Type", "text/plain");
            response.Content.Headers.ContentLength = 4;
            return response;
        }
    }

    [TestMethod]
    public async Task Json_tells_the_times_and_nothing_else()
    {
        _runtime.Response = (200, "0123456789"u8.ToArray(), 10);
        Assert.AreEqual(0, await RunAsync("https://h/a", "--json"));
        Assert.AreEqual("", Raw);
        JsonElement report = Report();
        Assert.AreEqual("https://h/a", report.GetProperty("url").GetString());
        Assert.AreEqual("GET", report.GetProperty("method").GetString());
        Assert.AreEqual(200, report.GetProperty("status").GetInt32());
        Assert.AreEqual(10, report.GetProperty("bytes").GetInt64());
        Assert.AreEqual(10, report.GetProperty("content_length").GetInt64());
        long connect = report.GetProperty("connect_us").GetInt64(), first = report.GetProperty("first_byte_us").GetInt64(), total = report.GetProperty("total_us").GetInt64();
        Assert.IsTrue(connect > 0 && connect <= first && first <= total, $"{connect} {first} {total}");
        Assert.AreEqual("10", report.GetProperty("headers").GetProperty("content-length").GetString());
        Assert.AreEqual(JsonValueKind.Null, report.GetProperty("error").ValueKind);

        string file = Path.Combine(_home, "body");
        Assert.AreEqual(0, await RunAsync("https://h/a", "--json", "-o", file));
        Assert.AreEqual(file, Report().GetProperty("file").GetString());
        Assert.AreEqual("0123456789", await File.ReadAllTextAsync(file));

        foreach ((int status, long length, string code) in ((int, long, string)[])[(503, 10, "status"), (200, 20, "incomplete")])
        {
            _runtime.Response = (status, "0123456789"u8.ToArray(), length);
            Assert.AreEqual(1, await RunAsync("https://h/a", "--json", "-i"));
            Assert.AreEqual(code, Report().GetProperty("error").GetProperty("code").GetString());
            Assert.AreEqual(status, Report().GetProperty("status").GetInt32());
        }

        _runtime.Answer = _ => throw new HttpRequestException(HttpRequestError.ConnectionError, "no");
        Assert.AreEqual(1, await RunAsync("https://h/a", "--json", "-o", file));
        Assert.AreEqual("unreachable", Report().GetProperty("error").GetProperty("code").GetString());
        Assert.AreEqual(0, Report().GetProperty("status").GetInt32());
        Assert.AreEqual(JsonValueKind.Null, Report().GetProperty("file").ValueKind);
    }

    /// <summary>Goal: over the real handler, a response that the server cuts off is a failure and leaves no file; a POST comes back.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task A_response_that_is_cut_off_is_no_file()
    {
        await using ClientSite site = new(new Handler(async (exchange, _) =>
        {
            await exchange.RespondAsync(200);
            await exchange.WriteAsync("a part of it"u8.ToArray());
            if (exchange.Path == "/cut")
            {
                throw new InvalidOperationException("broken");
            }

            byte[] buffer = new byte[100];
            await exchange.WriteAsync(buffer.AsMemory(0, await exchange.ReadAsync(buffer)));
        }));
        _runtime.NewHandler = ClientSite.NewHandler;
        string file = Path.Combine(_home, "body");
        await FailsAsync("the exchange with localhost was cut off (", site.At("/cut", "localhost").AbsoluteUri, "-o", file);
        Assert.IsFalse(File.Exists(file));
        AssertNoParts();
        Assert.AreEqual(0, await RunAsync(site.At("/", "localhost").AbsoluteUri, "-o", file, "-d", ", and the rest"));
        Assert.AreEqual("a part of it, and the rest", await File.ReadAllTextAsync(file));
    }

    /// <summary>Goal: who is interrupted in the middle of a body ends with 130, says nothing, and leaves an older file as it was, and no part of the new one.</summary>
    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task An_interruption_leaves_the_older_file()
    {
        TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using ClientSite site = new(new Handler(async (exchange, token) =>
        {
            await exchange.RespondAsync(200, ("content-length", "1000000"));
            await exchange.WriteAsync("a part of it"u8.ToArray());
            begun.SetResult();
            await Never.EndsAsync(token);
        }));
        _runtime.NewHandler = ClientSite.NewHandler;
        string file = Path.Combine(_home, "body");
        await File.WriteAllTextAsync(file, "older");
        using CancellationTokenSource interrupted = CancellationTokenSource.CreateLinkedTokenSource(TestContext.CancellationToken);
        Task<int> running = RunAsync(interrupted.Token, site.At("/", "localhost").AbsoluteUri, "-o", file);
        await begun.Task.WaitAsync(TestContext.CancellationToken);
        await interrupted.CancelAsync();
        Assert.AreEqual(130, await running);
        Assert.AreEqual("", _error.ToString());
        Assert.AreEqual("older", await File.ReadAllTextAsync(file));
        AssertNoParts();
    }

    private string Raw => Encoding.ASCII.GetString(_raw.ToArray());

    private void AssertNoParts() => Assert.IsEmpty(Directory.GetFiles(_home, "*.part-*", new EnumerationOptions { AttributesToSkip = 0 }));

    private JsonElement Report()
    {
        using JsonDocument document = JsonDocument.Parse(_output.ToString());
        return document.RootElement.Clone();
    }

    private async Task FailsAsync(string starts, params string[] arguments)
    {
        Assert.AreEqual(1, await RunAsync(arguments));
        StringAssert.StartsWith(_error.ToString(), $"continuum get: {starts}");
        Assert.AreEqual(1, _error.ToString().Trim().Split('\n').Length);
    }

    private Task<int> RunAsync(params string[] arguments) => RunAsync(TestContext.CancellationToken, arguments);

    private Task<int> RunAsync(CancellationToken stop, params string[] arguments)
    {
        _output.GetStringBuilder().Clear();
        _error.GetStringBuilder().Clear();
        _raw = new();
        CommandHandlers handlers = new(_runtime, name => name == "CONTINUUM_HOME" ? Path.Combine(_home, "home") : null, TimeProvider.System);
        CommandLine line = new(handlers, _output, _error) { OpenOutput = () => _raw, OpenInput = () => _input };
        return line.RunAsync(["get", .. arguments], stop);
    }
}
