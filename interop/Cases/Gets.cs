using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Interop.Federation;
using Interop.Matrix;
using Interop.Matrix.Sides;
using Interop.Processes;

namespace Interop.Cases;

/// <summary><c>continuum get</c> asks servers of others, and ours by Kestrel and by Http3Server: methods, fields, bodies, files, reports, failures.</summary>
internal sealed class Gets(CaseContext context, string authority, string home)
{
    private const int SmallSize = 10, LargeSize = 5_000_000, SentSize = 500_000;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private int _checks;

    public static Task<string> FromNginxAsync(CaseContext context) => FromAsync(context, new NginxSide());

    public static Task<string> FromCaddyAsync(CaseContext context) => FromAsync(context, new CaddySide());

    public static Task<string> FromKestrelAsync(CaseContext context) => FromOursAsync(context, "kestrel");

    public static Task<string> FromLeanAsync(CaseContext context) => FromOursAsync(context, "lean");

    private static async Task<string> FromAsync(CaseContext context, Side side)
    {
        string version = await side.PrepareAsync();
        using TestCertificates certificates = new();
        using Cell cell = new(new("get", [SmallSize, LargeSize]), new HerePlace(false), new HerePlace(false), certificates, context.Cancellation);
        try
        {
            await side.ServeAsync(cell);
            Gets gets = new(context, cell.Authority, cell.Downloads);
            await gets.AskAsync("/file0", await File.ReadAllBytesAsync(Path.Combine(cell.Www, "file0")), "/file1", await File.ReadAllBytesAsync(Path.Combine(cell.Www, "file1")));
            return string.Create(CultureInfo.InvariantCulture, $"{side.Name} {version}: {gets._checks} requests");
        }
        catch (CaseFailedException)
        {
            cell.ExplainTo(Console.Error);
            throw;
        }
    }

    private static async Task<string> FromOursAsync(CaseContext context, string kind)
    {
        using WebSite site = await WebSite.StartAsync(context, kind);
        Gets gets = new(context, site.Authority, site.Directory);
        await gets.AskAsync("/hello", "hello\n"u8.ToArray(), $"/large/{LargeSize}", Pattern(LargeSize));
        await gets.InterruptAsync("/endless");
        return string.Create(CultureInfo.InvariantCulture, $"{kind}: {gets._checks} requests, one of them interrupted");
    }

    /// <param name="small">Path of a short answer.</param>
    /// <param name="smallBody">Its bytes.</param>
    /// <param name="large">Path of a long answer with a length.</param>
    /// <param name="largeBody">Its bytes.</param>
    private async Task AskAsync(string small, byte[] smallBody, string large, byte[] largeBody)
    {
        string shown = Path.Combine(home, "shown"), file = Path.Combine(home, "got"), sent = Path.Combine(home, "sent");
        await File.WriteAllBytesAsync(sent, RandomNumberGenerator.GetBytes(SentSize), context.Cancellation);

        await GetAsync(small, "-o", shown);
        Expect(File.ReadAllBytes(shown).AsSpan().SequenceEqual(smallBody), $"{small} came with other bytes");

        JsonElement report = JsonDocument.Parse((await GetAsync(large, "-o", file, "--json")).Output).RootElement;
        bool isSound = report.GetProperty("status").GetInt32() == 200
            && report.GetProperty("bytes").GetInt64() == LargeSize
            && report.GetProperty("content_length").GetInt64() == LargeSize
            && report.GetProperty("connect_us").GetInt64() > 0
            && report.GetProperty("error").ValueKind == JsonValueKind.Null;
        Expect(isSound && File.ReadAllBytes(file).AsSpan().SequenceEqual(largeBody), $"{large} came with other bytes, or the report is wrong: {report}");

        Finished head = await GetAsync(large, "-X", "HEAD", "-i");
        Expect(
            head.Output.StartsWith("HTTP/3 200\r\n", StringComparison.Ordinal) && head.Output.Contains($"content-length: {LargeSize}\r\n", StringComparison.Ordinal)
                && head.Output.EndsWith("\r\n\r\n", StringComparison.Ordinal),
            $"HEAD gave '{head.Output}'");

        await SaysAsync("GET a-word \n", "-H", "x-word: a-word");
        await SaysAsync("POST a-word 4\n", "-H", "x-word: a-word", "-d", "body");
        await SaysAsync("PUT  4\n", "-X", "PUT", "-d", "body");
        await SaysAsync($"POST  {SentSize}\n", "-d", $"@{sent}");
        await SaysAsync("POST  0\n", "-d", "");

        Finished missing = await RunAsync("/no-such-file", "--insecure");
        Expect(missing.Code == 1 && missing.Errors.Contains("the server answered 404", StringComparison.Ordinal), $"what is not there ended with exit code {missing.Code}: {missing.Errors.Trim()}");
        Finished stranger = await RunAsync(small);
        Expect(stranger.Code == 1 && stranger.Errors.Contains("is not trusted", StringComparison.Ordinal), $"a stranger's certificate ended with exit code {stranger.Code}: {stranger.Errors.Trim()}");
    }

    /// <summary>Ctrl-C in the middle of a body: 130, and the file of before is as it was.</summary>
    private async Task InterruptAsync(string endless)
    {
        string folder = Directory.CreateDirectory(Path.Combine(home, "interrupted")).FullName, file = Path.Combine(folder, "got");
        await File.WriteAllTextAsync(file, "older", context.Cancellation);
        Child get = context.Own(Child.Start("continuum get", context.Program, ["get", $"https://{authority}{endless}", "--insecure", "-o", file], Environment));
        while (!Directory.EnumerateFiles(folder, ".got.part-*", new EnumerationOptions { AttributesToSkip = 0 }).Any(part => new FileInfo(part).Length > 100_000))
        {
            Expect(!get.HasExited, $"the endless download ended: {Child.LastLine(get.Errors)}");
            await Task.Delay(20, context.Cancellation);
        }

        get.Interrupt();
        int code = await get.WaitAsync(s_limit, context.Cancellation);
        string[] left = [.. Directory.EnumerateFileSystemEntries(folder, "*", new EnumerationOptions { AttributesToSkip = 0 }).Select(path => Path.GetFileName(path)!)];
        _checks++;
        Expect(
            code == 130 && left is ["got"] && await File.ReadAllTextAsync(file, context.Cancellation) == "older" && get.Errors.Length == 0,
            $"an interrupted download ended with exit code {code}, left {string.Join(' ', left)} and said '{get.Errors.Trim()}'");
    }

    private async Task SaysAsync(string expected, params string[] arguments)
    {
        Finished finished = await GetAsync("/ask", arguments);
        Expect(finished.Output == expected, $"{string.Join(' ', arguments)}: the server says '{finished.Output.Trim()}', not '{expected.Trim()}'");
    }

    private async Task<Finished> GetAsync(string path, params string[] arguments)
    {
        Finished finished = await RunAsync(path, [.. arguments, "--insecure"]);
        return finished.Code == 0
            ? finished
            : throw new CaseFailedException($"get {path} {string.Join(' ', arguments)} ended with exit code {finished.Code}: {finished.Output.Trim()} {Child.LastLine(finished.Errors)}");
    }

    private Task<Finished> RunAsync(string path, params string[] arguments)
    {
        _checks++;
        return Child.RunAsync("continuum get", context.Program, ["get", $"https://{authority}{path}", .. arguments], s_limit, Environment, context.Cancellation);
    }

    private Dictionary<string, string?> Environment => new() { ["CONTINUUM_HOME"] = Path.Combine(home, "continuum"), ["DOTNET_NOLOGO"] = "1" };

    private static byte[] Pattern(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)((i * 31) + (i >> 8)))];

    private static void Expect(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new CaseFailedException(otherwise);
        }
    }
}
