using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Interop.Processes;

namespace Interop.Matrix.Sides;

/// <summary>Chromium without a window: a page of our server fetches the files over HTTP/3, and writes down their hashes and by what protocol they came.</summary>
internal sealed partial class ChromiumSide() : DebianSide("chromium", "trixie", "trixie-chromium", ["chromium"], "usr/lib/chromium/chromium")
{
    private const string Page = "interop.html";

    // Inside a user and a mount namespace of its own: no privilege is needed, and nothing of it is seen outside.
    private const string EnterTree = """
        tree=$1; shift
        mount --rbind /proc "$tree/proc" && mount --rbind /dev "$tree/dev" && mount --bind /tmp "$tree/tmp" || exit 1
        exec chroot "$tree" /usr/lib/chromium/chromium "$@"
        """;

    public override bool Fetches(MatrixCase c) => (c.IsPlain || c.Retry) && c.Name is "handshake" or "transfer" or "http3" or "retry" or "transferloss";

    public override async Task<string> FetchAsync(Cell cell)
    {
        await File.WriteAllTextAsync(Path.Combine(cell.Www, Page), $$"""
            <!doctype html><title>interop</title><pre id="result">waiting</pre>
            <script type="module">
            const names = {{JsonSerializer.Serialize(cell.Files)}};
            const hex = (bytes) => [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, '0')).join('');
            const fetchOne = async (name) => `file ${name} ${hex(await crypto.subtle.digest('SHA-256', await (await fetch(name)).arrayBuffer()))}`;
            let said;
            try {
              const files = await Promise.all(names.map(fetchOne));
              const protocols = performance.getEntriesByType('resource').map((entry) => entry.nextHopProtocol);
              said = [...files, `protocols ${[...new Set(protocols)].join(' ')}`, 'end'];
            } catch (e) {
              said = [`failed ${e}`, 'end'];
            }
            document.getElementById('result').textContent = said.join('\n');
            </script>
            """, cell.Cancellation);
        string profile = Path.Combine(cell.Root, "chromium");
        Child chromium = cell.Own(Run(
            cell.ClientPlace,
            [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-extensions",
                $"--user-data-dir={profile}", "--enable-quic", $"--origin-to-force-quic-on={cell.Authority}",
                $"--ignore-certificate-errors-spki-list={cell.Certificates.KeyHash}", "--virtual-time-budget=30000", "--timeout=30000", "--dump-dom",
                $"https://{cell.Authority}/{Page}",
            ],
            new Dictionary<string, string?> { ["HOME"] = cell.Root, ["FONTCONFIG_PATH"] = "/etc/fonts" }));
        int code = await chromium.WaitAsync(cell.Case.Limit, cell.Cancellation);
        string said = chromium.Said;
        if (code != 0 || !said.Contains("\nend", StringComparison.Ordinal))
        {
            throw new CaseFailedException(string.Create(CultureInfo.InvariantCulture, $"chromium ended with exit code {code}; the page says: {Shown(said)}"));
        }

        Dictionary<string, string> hashes = FileLine().Matches(said).ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
        foreach (string name in cell.Files)
        {
            string path = Path.Combine(cell.Www, name);
            if (hashes.GetValueOrDefault(name) != Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(path, cell.Cancellation))))
            {
                throw new CaseFailedException($"{name} arrived with other bytes than were sent");
            }

            // The page compared nothing: its hashes stand for the files.
            File.Copy(path, Path.Combine(cell.Downloads, name));
        }

        return said.Contains("protocols h3\n", StringComparison.Ordinal) ? "" : throw new CaseFailedException($"chromium did not use HTTP/3 alone: {Shown(said)}");
    }

    /// <summary>Writes a program that starts it, for those who start it themselves and pass its arguments.</summary>
    /// <param name="directory">Where; once <see cref="DebianSide.PrepareAsync"/> has been called.</param>
    /// <returns>The program's path.</returns>
    public string WriteStarter(string directory)
    {
        string program = Path.Combine(directory, "chromium.sh");
        File.WriteAllText(program, $"#!/bin/sh\nexec unshare --map-root-user --mount sh -c '{EnterTree}' sh '{Tree}' \"$@\"\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        return program;
    }

    /// <summary>It starts itself again for its parts, which a loader by its side would break: so its release becomes the root of its files.</summary>
    protected override Child Start(IPlace place, IEnumerable<string> arguments, Dictionary<string, string?> environment)
    {
        foreach (string folder in (string[])["proc", "dev", "tmp"])
        {
            Directory.CreateDirectory(Path.Combine(Tree, folder));
        }

        return place.Start(Name, "unshare", ["--map-root-user", "--mount", "sh", "-c", EnterTree, "sh", Tree, .. arguments], environment);
    }

    protected override string VersionIn(string said) => said.Trim().Split('\n').FirstOrDefault(line => line.StartsWith("Chromium", StringComparison.Ordinal)) ?? base.VersionIn(said);

    private static string Shown(string page) => page.Length == 0 ? "(nothing)" : page.ReplaceLineEndings(" ")[..int.Min(page.Length, 300)];

    [GeneratedRegex("^(?:.*>)?file (\\S+) ([0-9a-f]{64})", RegexOptions.Multiline)]
    private static partial Regex FileLine();
}
