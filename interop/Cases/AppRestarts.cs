using System.Globalization;
using System.Text.RegularExpressions;
using Interop.Matrix;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>An ASP.NET Core application that is replaced by new processes of itself while clients are served: samples/takeover.</summary>
internal sealed partial class AppRestarts : IDisposable
{
    private const int Size = 30_000_000, Ticks = 200;

    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(45), s_limit = TimeSpan.FromSeconds(90);

    /// <summary>Within an idle timeout: 5 s without a reader, 5 s for one that may still end, and what it takes to notice.</summary>
    private static readonly TimeSpan s_hang = TimeSpan.FromSeconds(25);

    private readonly CaseContext _context;
    private readonly TestCertificates _certificates = new();
    private readonly string _directory = Directory.CreateTempSubdirectory("ar-").FullName;
    private int _port;

    private AppRestarts(CaseContext context) => _context = context;

    /// <summary>
    /// Two takeovers during a download and during server-sent events, behind which the same connection asks for another page: all arrives, each curl opened one
    /// connection, the page is the third process's, and the first two end by themselves.
    /// </summary>
    public static async Task<string> RunAsync(CaseContext context, Peer curl)
    {
        using AppRestarts restarts = new(context);
        Child first = await restarts.StartAsync();
        string file = Path.Combine(restarts._directory, "got");
        Curl download = Curl.Start(context, curl, restarts.Url($"/bytes/{Size}"), "--limit-rate", "4M", "--output", file);
        // The second URL goes over the connection of the first.
        Curl events = Curl.Start(context, curl, restarts.Url("/"), restarts.Url(string.Create(CultureInfo.InvariantCulture, $"/ticks/{Ticks}")));
        await restarts.CountAsync(events, 1, 20);
        Child second = await restarts.StartAsync();
        await restarts.CountAsync(events, 21, 80);
        Child third = await restarts.StartAsync();
        await restarts.CountAsync(events, 81, Ticks);
        string page = await events.Child.OutputLines.ReadToEndAsync(context.Cancellation);
        if (page.Trim() != string.Create(CultureInfo.InvariantCulture, $"process {third.Id}"))
        {
            throw new CaseFailedException($"behind two takeovers the page says '{page.Trim()}', and the third process is {third.Id}");
        }

        await restarts.MustHaveOneConnectionAsync(download);
        await restarts.MustHaveOneConnectionAsync(events);
        Check(await File.ReadAllBytesAsync(file, context.Cancellation));
        foreach (Child old in (Child[])[first, second])
        {
            if (await old.WaitAsync(s_limit, context.Cancellation) is not 0 and int code)
            {
                throw new CaseFailedException($"a process that was replaced ended with {code}: {Child.LastLine(old.Errors)}");
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{Size} bytes and {Ticks} events through two new processes, on one connection each");
    }

    /// <summary>
    /// A process that is stopped as soon as it reads from the port: the one before goes on with its events, on the same connection, has ended the stopped one and says
    /// so; and the next process takes over as if nothing had been.
    /// </summary>
    public static async Task<string> HangAsync(CaseContext context, Peer curl)
    {
        using AppRestarts restarts = new(context);
        Child first = await restarts.StartAsync();
        first.DrainOutput();
        Curl events = Curl.Start(context, curl, restarts.Url("/"), restarts.Url(string.Create(CultureInfo.InvariantCulture, $"/ticks/{Ticks}")));
        await restarts.CountAsync(events, 1, 20);

        // It is written when the new process reads from the port, and has the log.
        string control = Path.Combine(restarts._directory, "run", "127.0.0.1_0", "control");
        string before = await File.ReadAllTextAsync(control, context.Cancellation);
        Child second = restarts.Launch();
        while (await File.ReadAllTextAsync(control, context.Cancellation) == before)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), context.Cancellation);
        }

        second.Stop();
        if (await second.WaitAsync(s_hang, context.Cancellation) is not 137 and int code)
        {
            throw new CaseFailedException($"the process that hung ended with {code}: {Child.LastLine(second.Errors)}");
        }

        await restarts.CountAsync(events, 21, 80);
        Child third = await restarts.StartAsync();
        await restarts.CountAsync(events, 81, Ticks);
        string page = await events.Child.OutputLines.ReadToEndAsync(context.Cancellation);
        if (page.Trim() != string.Create(CultureInfo.InvariantCulture, $"process {third.Id}"))
        {
            throw new CaseFailedException($"behind the takeover the page says '{page.Trim()}', and the process that took over is {third.Id}");
        }

        await restarts.MustHaveOneConnectionAsync(events);
        return await first.WaitAsync(s_limit, context.Cancellation) is 0 && first.Said.Contains("hangs, and has been ended", StringComparison.Ordinal)
            ? "the process that hung was ended, and the next one took over, on one connection"
            : throw new CaseFailedException($"the first process does not say what it did: {Child.LastLine(first.Said)} {Child.LastLine(first.Errors)}");
    }

    public void Dispose()
    {
        _certificates.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private string Url(string path) => string.Create(CultureInfo.InvariantCulture, $"https://localhost:{_port}{path}");

    private Child Launch()
    {
        string program = Environment.GetEnvironmentVariable("TAKEOVER_SAMPLE") ?? "";
        if (!File.Exists(program))
        {
            throw new CaseFailedException($"the sample is missing ('{program}'): start the cases with interop/run, or set TAKEOVER_SAMPLE");
        }

        return _context.Own(Child.Start(
            "takeover-sample", program,
            [Path.Combine(_directory, "run"), "0", _certificates.Chain, _certificates.Key],
            new Dictionary<string, string?> { ["Logging__LogLevel__Default"] = "Warning", ["Logging__LogLevel__Net.Kestrel.Takeover"] = "Information" }));
    }

    private async Task<Child> StartAsync()
    {
        Child app = Launch();
        string? ready;
        do
        {
            ready = await app.OutputLines.ReadLineAsync(_context.Cancellation).AsTask().WaitAsync(s_startLimit, _context.Cancellation);
        }
        while (ready?.StartsWith("ready ", StringComparison.Ordinal) == false);
        _port = ready is null ? throw new CaseFailedException($"the sample does not start: {Child.LastLine(app.Errors)}")
            : int.Parse(ready["ready ".Length..], CultureInfo.InvariantCulture);
        return app;
    }

    /// <summary>The next events, each of them once and in order.</summary>
    private async Task CountAsync(Curl events, int from, int to)
    {
        for (int expected = from; expected <= to;)
        {
            string line = await events.Child.OutputLines.ReadLineAsync(_context.Cancellation).AsTask().WaitAsync(s_limit, _context.Cancellation)
                ?? throw new CaseFailedException($"the events end before {expected}: {Child.LastLine(events.Child.Errors)}");
            if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                if (line != string.Create(CultureInfo.InvariantCulture, $"data: {expected}"))
                {
                    throw new CaseFailedException($"where event {expected} should be, '{line}' came");
                }

                expected++;
            }
        }
    }

    private async Task MustHaveOneConnectionAsync(Curl curl)
    {
        int code = await curl.Child.WaitAsync(s_limit, _context.Cancellation);
        string[] connects = [.. ResultLine().Matches(curl.Child.Errors).Select(match => match.Groups[1].Value)];
        if (code != 0 || connects.Count(count => count == "1") != 1 || connects.Any(count => count is not ("0" or "1")))
        {
            throw new CaseFailedException(
                $"{curl.Child.Name} ended with {code} after {string.Join('+', connects)} connections: {curl.Child.Errors.ReplaceLineEndings(" ").Trim()}");
        }
    }

    private static void Check(byte[] bytes)
    {
        if (bytes.Length != Size)
        {
            throw new CaseFailedException($"{bytes.Length} bytes came, not {Size}");
        }

        for (long i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] != (byte)((i * 31) ^ (i >> 16)))
            {
                throw new CaseFailedException($"byte {i} is wrong");
            }
        }
    }

    [GeneratedRegex(@"^result 3 200 (\d+) \d+ \d+$", RegexOptions.Multiline)]
    private static partial Regex ResultLine();
}
