using System.Globalization;
using System.Security.Cryptography;
using Interop.Federation;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>What else curl asks of a web server: methods, a hundred requests at once, trailers, large and empty messages, and clients that leave early.</summary>
internal sealed class WebRequests(CaseContext context, Peer curl, WebSite site)
{
    private const int Parallel = 100;
    private const int BodySize = 3_000_000;

    /// <summary>Name and colons of a field of <c>/headers</c>, about; the exact length is not looked at.</summary>
    private const int LargeFields = 40, LargeValue = 1000;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private int _checks;
    private int _aborted;

    /// <summary>Everything, with both of our servers, and the component `web` of a node.</summary>
    public static async Task<string> RunAsync(CaseContext context, Peer curl)
    {
        List<string> said = [];
        foreach (string kind in (string[])["lean", "kestrel"])
        {
            said.Add(await RunOneAsync(context, curl, kind));
        }

        said.Add(await AskNodeAsync(context, curl));
        return string.Join("; ", said);
    }

    /// <summary>Everything, with Http3Server alone.</summary>
    public static Task<string> RunLeanAsync(CaseContext context, Peer curl) => RunOneAsync(context, curl, "lean");

    /// <summary>Everything, with one of our servers.</summary>
    /// <param name="context">Of the case.</param>
    /// <param name="curl">Which.</param>
    /// <param name="kind">As <see cref="WebSite.StartAsync"/> has it.</param>
    private static async Task<string> RunOneAsync(CaseContext context, Peer curl, string kind)
    {
        using WebSite site = await WebSite.StartAsync(context, kind);
        WebRequests requests = new(context, curl, site);
        await requests.AskMethodsAsync();
        await requests.AskAtOnceAsync();
        await requests.AskLargeAsync();
        await requests.AskTrailersAsync();
        await requests.LeaveAsync();
        return string.Create(CultureInfo.InvariantCulture, $"{kind}: {requests._checks} checks, {Parallel} requests at once on one connection, {requests._aborted} clients left early");
    }

    private async Task AskMethodsAsync()
    {
        string body = site.Write("body", RandomNumberGenerator.GetBytes(BodySize)), nothing = site.Write("nothing", []);
        Expect("GET", await AskAsync("/hello"), "hello\n"u8);
        Answer head = await AskAsync("/hello", "--head");
        Expect("HEAD", head, []);
        Expect(head.Head.Contains("content-length: 6", StringComparison.OrdinalIgnoreCase), $"HEAD gave '{head.Head}'");
        byte[] sent = await File.ReadAllBytesAsync(body, context.Cancellation);
        Expect("POST", await AskAsync("/echo", "--data-binary", $"@{body}"), sent);
        Expect("PUT", await AskAsync("/echo", "--upload-file", body), sent);
        Expect("GET without a body", await AskAsync("/empty"), []);
        Expect("POST without a body", await AskAsync("/echo", "--data-binary", ""), []);
        Expect("PUT of an empty file", await AskAsync("/echo", "--upload-file", nothing), []);
        Expect("PUT of an unannounced empty body", await AskAsync("/echo", "--upload-file", "-"), []);
        Expect("POST that is not read", await AskAsync("/refuse", "--data-binary", $"@{body}"), "unread\n"u8);
    }

    /// <summary>Each of them is answered when all are there: so they were there at the same time.</summary>
    private async Task AskAtOnceAsync()
    {
        int before = site.Connections;
        string[] arguments =
        [
            .. s_common, "--parallel", "--parallel-max", $"{Parallel}", "--output", Path.Combine(site.Directory, "together_#1"),
            "--write-out", "%{stdout}%{http_version} %{http_code} %{size_download}\n", $"{site.Url($"/meet/{Parallel}")}?[1-{Parallel}]",
        ];
        Finished finished = await curl.RunAsync(s_limit, arguments);
        string[] lines = finished.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Expect(
            finished.Code == 0 && lines.Length == Parallel && lines.All(line => line == "3 200 9"),
            $"{Parallel} requests at once ended with exit code {finished.Code} and {lines.Count(line => line == "3 200 9")} answers: {Child.LastLine(finished.Errors)}");
        Expect(site.Connections == before + 1, $"{Parallel} requests came on {site.Connections - before} connections");
    }

    private async Task AskLargeAsync()
    {
        Answer large = await AskAsync("/headers", "--header", $"x-large: {new string('y', 16_000)}");
        Expect("GET with a large field", large, "16000\n"u8);
        int whole = large.Head.Split('\n').Count(line => line.StartsWith("x-large-", StringComparison.Ordinal) && line.Trim().Length > LargeValue);
        Expect(whole == LargeFields, $"of {LargeFields} large fields {whole} came");
    }

    /// <summary>
    /// curl shows trailers where it shows headers; but curl 8.14 writes those that its OpenSSL backend reads to where the body goes, behind the body.
    /// </summary>
    private async Task AskTrailersAsync()
    {
        Answer answer = await AskAsync("/trailers");
        bool isShown = answer.Head.Contains("x-sum: 5\r\n", StringComparison.Ordinal) && answer.Body.AsSpan().SequenceEqual("body\n"u8);
        bool isBehindBody = curl == context.Peers.CurlOpenSsl && answer.Body.AsSpan().SequenceEqual("body\nx-sum: 5\r\n"u8);
        Expect(isShown || isBehindBody, $"the trailer is neither among the fields nor behind the body: '{answer.Head}' and {answer.Body.Length} bytes");
    }

    /// <summary>Clients go away inside a download and inside an upload; the server learns of each and serves the next one.</summary>
    private async Task LeaveAsync()
    {
        // Its output is gone: it ends the request and the connection.
        Child reader = context.Own(curl.Start([.. s_common, "--output", "-", site.Url("/endless")]));
        await reader.Output.ReadExactlyAsync(new byte[500_000], context.Cancellation);
        await reader.Output.DisposeAsync();
        Expect(await reader.WaitAsync(s_limit, context.Cancellation) == 23, "a client whose output was closed did not say so");
        await MustHaveSeenAbortAsync();

        // More than it wants: it ends the request, and asks for something else, most likely on the same connection.
        Finished sated = await curl.RunAsync(
            s_limit, [.. s_common, "--max-filesize", "500000", "--output", "/dev/null", site.Url("/endless"), "--next", .. s_common, site.Url("/hello")]);
        Expect(sated.Output == "hello\n", $"behind a download that was given up came '{sated.Output}' (exit code {sated.Code})");
        await MustHaveSeenAbortAsync();

        // An upload whose rest never comes. The dot is an input that curl does not wait for while the time runs.
        Child writer = context.Own(curl.Start([.. s_common, "--max-time", "2", "--upload-file", ".", site.Url("/sink")]));
        await writer.Input.WriteAsync(new byte[500_000], context.Cancellation);
        await writer.Input.FlushAsync(context.Cancellation);
        Expect(await writer.WaitAsync(s_limit, context.Cancellation) == 28, "a client that ran out of time did not say so");
        await MustHaveSeenAbortAsync();
        Expect("GET after all that", await AskAsync("/hello"), "hello\n"u8);
    }

    private async Task MustHaveSeenAbortAsync() =>
        Expect("how many have left", await AskAsync($"/aborted/{++_aborted}"), System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{_aborted}\n")));

    /// <summary>The component of a node, behind an ingress: files, methods and a hundred requests.</summary>
    private static async Task<string> AskNodeAsync(CaseContext context, Peer curl)
    {
        Cluster cluster = await context.StartClusterAsync("a");
        string directory = Directory.CreateDirectory(Path.Combine(cluster.Directory, "curl")).FullName, body = Path.Combine(directory, "body");
        await File.WriteAllBytesAsync(body, RandomNumberGenerator.GetBytes(BodySize), context.Cancellation);
        string digest = $"{BodySize} {Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(body, context.Cancellation)))}\n";
        (string Name, string Expected, string[] Arguments)[] asked =
        [
            ("GET", "hello\n", [cluster.Url("/files/hello.txt")]),
            ("POST", digest, ["--data-binary", $"@{body}", cluster.Url("/sha256")]),
            ("PUT", digest, ["--upload-file", body, cluster.Url("/sha256")]),
            ("POST without a body", $"0 {Convert.ToHexStringLower(SHA256.HashData([]))}\n", ["--data-binary", "", cluster.Url("/sha256")]),
            ("GET of no bytes", "", [cluster.Url("/bytes/0")]),
        ];
        foreach ((string name, string expected, string[] arguments) in asked)
        {
            Finished finished = await curl.RunAsync(s_limit, [.. s_common, .. arguments]);
            if (finished.Code != 0 || finished.Output != expected)
            {
                throw new CaseFailedException($"{name} at a node ended with exit code {finished.Code} and '{finished.Output.Trim()}': {Child.LastLine(finished.Errors)}");
            }
        }

        Finished head = await curl.RunAsync(s_limit, [.. s_common, "--head", cluster.Url("/bytes/123456")]);
        Finished together = await curl.RunAsync(
            s_limit, [.. s_common, "--parallel", "--parallel-max", $"{Parallel}", "--output", "/dev/null", "--write-out", "%{stdout}%{http_version} %{http_code} %{num_connects} %{size_download}\n", $"{cluster.Url("/bytes/20000")}?[1-{Parallel}]"]);
        string[][] lines = [.. together.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' '))];
        return head.Output.Contains("content-length: 123456", StringComparison.OrdinalIgnoreCase)
            && lines.Length == Parallel && lines.All(line => line is ["3", "200", _, "20000"]) && lines.Sum(line => int.Parse(line[2], CultureInfo.InvariantCulture)) == 1
            ? $"node: {asked.Length + 2} checks"
            : throw new CaseFailedException($"at a node HEAD gave '{head.Output.Trim()}', and of {Parallel} requests at once {lines.Length} were answered (exit code {together.Code}): {Child.LastLine(together.Errors)}");
    }

    private static readonly string[] s_common = ["--http3-only", "--silent", "--show-error", "--insecure", "--max-time", "50"];

    /// <summary>One curl with one request, which must end well.</summary>
    private async Task<Answer> AskAsync(string path, params string[] more)
    {
        string head = Path.Combine(site.Directory, "head"), body = Path.Combine(site.Directory, "answer");
        File.Delete(body);
        Finished finished = await curl.RunAsync(
            s_limit, [.. s_common, "--dump-header", head, "--output", body, "--write-out", "%{stdout}%{http_version} %{http_code} %{num_connects}", .. more, site.Url(path)]);
        _checks++;
        bool isHead = more.Contains("--head");
        return finished is { Code: 0, Output: "3 200 1" }
            ? new(await File.ReadAllTextAsync(head, context.Cancellation), isHead || !File.Exists(body) ? [] : await File.ReadAllBytesAsync(body, context.Cancellation))
            : throw new CaseFailedException($"{path} {string.Join(' ', more.Select(word => word.Length > 40 ? word[..40] : word))}: exit code {finished.Code}, '{finished.Output}': {Child.LastLine(finished.Errors)}");
    }

    private void Expect(string what, Answer answer, ReadOnlySpan<byte> body) =>
        Expect(answer.Body.AsSpan().SequenceEqual(body), $"{what}: {answer.Body.Length} bytes came, which are not the {body.Length} expected");

    private void Expect(bool holds, string otherwise)
    {
        _checks++;
        if (!holds)
        {
            throw new CaseFailedException(otherwise);
        }
    }

    private sealed record Answer(string Head, byte[] Body);
}
