using System.Globalization;
using Interop.Processes;

namespace Interop.Matrix.Sides;

/// <summary>ngtcp2's example client with GnuTLS: HTTP/3.</summary>
internal sealed class GtlsClientSide(string release, string folder, string[] packages) : DebianSide("gtlsclient", release, folder, packages, "usr/bin/gtlsclient")
{
    protected override string[] VersionArguments => ["--help"];

    public override bool Fetches(MatrixCase c) => !c.ProbesVersions && c.Name is not ("multiplexing" or "ecn" or "amplificationlimit");

    public override async Task<string> FetchAsync(Cell cell)
    {
        MatrixCase c = cell.Case;
        string session = Path.Combine(cell.Root, "session"), parameters = Path.Combine(cell.Root, "parameters");
        string[] common =
        [
            "--quiet", "--no-quic-dump", "--no-http-dump", "--exit-on-all-streams-close", $"--download={cell.Downloads}", "--handshake-timeout=60s",
            .. c.ChaCha20 ? (string[])["--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305"] : [],
            .. c.KeyUpdate ? (string[])["--key-update=50ms"] : [],
            .. c.Version2 ? (string[])["--version=0x1", "--available-versions=0x6b3343cf,0x1"] : [],
            .. c.Migrates ? (string[])["--change-local-addr=50ms"] : [],
        ];
        string[] urls = [.. cell.Urls];
        if (c.Plan == Plan.Each)
        {
            foreach (string url in urls)
            {
                await RunAsync(cell, common, [url]);
            }
        }
        else if (c.Plan is Plan.Resume or Plan.Early)
        {
            string[] keep = [$"--session-file={session}", $"--tp-file={parameters}"];
            await RunAsync(cell, [.. common, .. keep, "--wait-for-ticket"], urls[..1]);
            await RunAsync(cell, [.. common, .. keep, .. c.Plan == Plan.Early ? (string[])[] : ["--disable-early-data"]], urls[1..]);
        }
        else
        {
            await RunAsync(cell, common, urls);
        }

        return "";
    }

    protected override string VersionIn(string said) => $"of {Release}";

    private async Task RunAsync(Cell cell, string[] options, string[] urls)
    {
        Child child = Run(cell.ClientPlace, [.. options, cell.Host, cell.Port.ToString(CultureInfo.InvariantCulture), .. urls]);
        await cell.MustSucceedAsync(child);
    }
}
