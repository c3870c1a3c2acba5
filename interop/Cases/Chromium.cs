using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Interop.Federation;
using Interop.Matrix.Sides;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>A browser stays on one page while its server moves: 50 resources over HTTP/3, events that count on, the resources again.</summary>
internal static class Chromium
{
    private const int Resources = 50;
    private const int Moves = 4;
    private const int BetweenMoves = 2;

    // A browser's start, on a machine that does other things as well.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);

    /// <summary>Four moves.</summary>
    public static Task<string> MoveAsync(CaseContext context) => RunAsync(context, takesOver: false);

    /// <summary>Moves and take-overs in turn: what the page sees is the same.</summary>
    public static Task<string> TakeOverAsync(CaseContext context) => RunAsync(context, takesOver: true);

    private static async Task<string> RunAsync(CaseContext context, bool takesOver)
    {
        ChromiumSide chromium = new();
        string version = await chromium.PrepareAsync();
        string playwright = await NpmPackage.EnsureAsync(PeerSet.CacheDirectory(), "playwright-core");
        Cluster cluster = context.NewCluster();
        WritePage(cluster.Site);
        await cluster.StartAsync("a", "b");
        string program = chromium.WriteStarter(cluster.Directory);
        string[] arguments =
        [
            Path.Combine(AppContext.BaseDirectory, "Cases", "chromium.mjs"), playwright, program, Path.Combine(cluster.Directory, "profile"), cluster.Listen, KeyHash(cluster.Directory),
        ];
        // Nothing here takes as much of a small machine as a browser: it shall not keep nodes from their heartbeats.
        Child browser = context.Own(Child.Start("chromium", "nice", ["-n", "10", "node", .. arguments], new Dictionary<string, string?> { ["HOME"] = cluster.Directory }));
        string expected = string.Create(CultureInfo.InvariantCulture, $"{Resources} h3");
        await ExpectAsync(browser, $"page h3 {expected}", context.Cancellation);

        int tick = 0;
        long connections = 0;
        for (int moves = 0; ; moves++)
        {
            for (int i = 0; i < BetweenMoves; i++)
            {
                await ExpectAsync(browser, string.Create(CultureInfo.InvariantCulture, $"tick {++tick}"), context.Cancellation);
            }

            if (moves == Moves)
            {
                break;
            }

            if (takesOver && moves % 2 == 1)
            {
                await cluster.TakeOverAsync(cluster.Owner);
                continue;
            }

            MoveReport report = await cluster.MoveAsync(cluster.Owner == "a" ? "b" : "a");
            connections = long.Max(connections, report.Connections!.Value);
        }

        // Whoever serves them now never shook hands with this browser.
        tick = await AgainAsync(browser, $"again {expected}", tick, context.Cancellation);
        browser.Input.Close();
        int code = await browser.WaitAsync(s_patience, context.Cancellation);
        return code == 0 && connections == 1
            ? string.Create(CultureInfo.InvariantCulture, $"{version}: {Resources} resources over h3, counted to {tick} across {Moves} {(takesOver ? "moves and take-overs" : "moves")} on one connection, and {Resources} again, {MoveLoop.DescribeMoves(cluster)}")
            : throw new CaseFailedException($"chromium's driver ended with exit code {code}, {connections} connections moved: {Child.LastLine(browser.Errors)}");
    }

    /// <summary>A page of scripts and images, from some bytes to many packets.</summary>
    private static void WritePage(string site)
    {
        StringBuilder page = new("<!doctype html><title>parts</title><link rel=icon href=data:,>\n");
        for (int i = 0; i < Resources; i++)
        {
            string padding = new('.', i * i * 40);
            (string name, string content, string element) = i % 2 == 0
                ? ($"part{i}.js", $"window.part{i} = true; // {padding}\n", $"<script src=part{i}.js></script>\n")
                : ($"part{i}.svg", $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"><desc>{padding}</desc><circle r=\"4\"/></svg>\n", $"<img src=part{i}.svg>\n");
            File.WriteAllText(Path.Combine(site, name), content);
            page.Append(element);
        }

        File.WriteAllText(Path.Combine(site, "index.html"), page.ToString());
    }

    /// <summary>SHA-256 of the server's public key in Base64: what Chromium is told to trust.</summary>
    private static string KeyHash(string directory)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(directory, "home", "server.pem"));
        return Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
    }

    private static async Task ExpectAsync(Child browser, string expected, CancellationToken cancellationToken)
    {
        string line = await ReadAsync(browser, expected, cancellationToken);
        if (line != expected)
        {
            throw new CaseFailedException($"chromium says '{line}', not '{expected}'");
        }
    }

    /// <summary>Asks for the resources again; events that come in between must count on.</summary>
    /// <returns>The last event.</returns>
    private static async Task<int> AgainAsync(Child browser, string expected, int tick, CancellationToken cancellationToken)
    {
        await browser.Input.WriteAsync("again\n"u8.ToArray(), cancellationToken);
        await browser.Input.FlushAsync(cancellationToken);
        while (true)
        {
            string line = await ReadAsync(browser, expected, cancellationToken);
            if (line == expected)
            {
                return tick;
            }

            tick = line == string.Create(CultureInfo.InvariantCulture, $"tick {tick + 1}")
                ? tick + 1
                : throw new CaseFailedException($"chromium says '{line}' after event {tick}, not '{expected}'");
        }
    }

    private static async Task<string> ReadAsync(Child browser, string expected, CancellationToken cancellationToken)
    {
        try
        {
            return await browser.OutputLines.ReadLineAsync(cancellationToken).AsTask().WaitAsync(s_patience, cancellationToken)
                ?? throw new CaseFailedException($"chromium's driver ended before '{expected}': {browser.Errors.ReplaceLineEndings(" ").Trim()}");
        }
        catch (TimeoutException)
        {
            throw new CaseFailedException($"chromium says nothing for {s_patience.TotalSeconds} s, where '{expected}' should come: {Child.LastLine(browser.Errors)}");
        }
    }
}
