namespace Interop.Matrix.Sides;

/// <summary>Caddy (quic-go): HTTP/3.</summary>
internal sealed class CaddySide() : DebianSide("caddy", "trixie", "trixie-caddy", ["caddy"], "usr/bin/caddy"), IHttp3Only
{
    protected override string[] VersionArguments => ["version"];

    // quic-go sends a Retry under load alone, and speaks version 2 only when told to in its code.
    // ECN came to quic-go later than this version.
    public override bool Serves(MatrixCase c) => c.Name is not "ecn" && !c.Version2 && !c.Migrates && !c.Retry && c.Plan is not (Plan.Resume or Plan.Early);

    public override async Task ServeAsync(Cell cell)
    {
        cell.Port = cell.ServerPlace.FreePort();
        string work = Directory.CreateDirectory(Path.Combine(cell.Root, "caddy")).FullName;
        string configuration = Path.Combine(work, "Caddyfile");
        await File.WriteAllTextAsync(configuration, $$"""
            {
                admin off
                auto_https off
                skip_install_trust
                default_sni server
                storage file_system {{work}}/storage
            }
            https://server:{{cell.Port}}, https://{{cell.Authority}} {
                bind {{cell.Host}}
                tls {{cell.Certificates.Chain}} {{cell.Certificates.Key}}
                respond /ask "{method} {header.x-word} {header.content-length}
            "
                root * {{cell.Www}}
                file_server
            }
            """, cell.Cancellation);
        Dictionary<string, string?> environment = new() { ["HOME"] = work, ["XDG_DATA_HOME"] = work, ["XDG_CONFIG_HOME"] = work };
        cell.Server = cell.Own(Run(cell.ServerPlace, ["run", "--config", configuration, "--adapter", "caddyfile"], environment));
        await cell.UntilAsync(() => cell.Server.Errors.Contains("serving initial configuration", StringComparison.Ordinal), "it was ready");
    }
}
