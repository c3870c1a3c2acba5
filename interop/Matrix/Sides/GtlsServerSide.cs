using System.Globalization;

namespace Interop.Matrix.Sides;

/// <summary>ngtcp2's example server with GnuTLS: HTTP/3.</summary>
internal sealed class GtlsServerSide(string release, string folder, string[] packages) : DebianSide("gtlsserver", release, folder, packages, "usr/sbin/gtlsserver"), IHttp3Only
{
    protected override string[] VersionArguments => ["--help"];

    public override bool Serves(MatrixCase c) => c.Name is not "multiplexing";

    public override async Task ServeAsync(Cell cell)
    {
        cell.Port = cell.ServerPlace.FreePort();
        cell.Server = cell.Own(Run(
            cell.ServerPlace,
            [
                "--quiet", "--no-quic-dump", "--no-http-dump", $"--htdocs={cell.Www}",
                .. cell.Case.Retry ? (string[])["--validate-addr"] : [],
                .. cell.Case.Version2 ? (string[])["--preferred-versions=0x6b3343cf"] : [],
                cell.Host, cell.Port.ToString(CultureInfo.InvariantCulture), cell.Certificates.Key, cell.Certificates.Chain,
            ]));
        // It does not say when it serves: a client's first packet that comes too early is sent again.
        await Task.Delay(TimeSpan.FromMilliseconds(300), cell.Cancellation);
    }

    protected override string VersionIn(string said) => $"of {Release}";
}
