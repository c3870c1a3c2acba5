using System.Globalization;

namespace Interop.Matrix.Sides;

/// <summary>nginx (OpenSSL's TLS, its own QUIC): HTTP/3 and hq-interop.</summary>
internal sealed class NginxSide() : DebianSide("nginx", "sid", "sid-nginx", ["nginx"], "usr/sbin/nginx")
{
    protected override string[] VersionArguments => ["-v"];

    // It neither marks what it sends nor counts what arrives marked.
    public override bool Serves(MatrixCase c) => !c.Version2 && !c.Migrates && c.Name is not "ecn";

    public override async Task ServeAsync(Cell cell)
    {
        cell.Port = cell.ServerPlace.FreePort();
        string work = Directory.CreateDirectory(Path.Combine(cell.Root, "nginx")).FullName;
        string configuration = Path.Combine(work, "nginx.conf");
        string temporary = string.Join(' ', ((string[])["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]).Select(kind => $"{kind}_temp_path {work}/{kind};"));
        await File.WriteAllTextAsync(configuration, $$"""
            daemon off; master_process off; pid {{work}}/pid; error_log stderr notice;
            events { }
            http {
                access_log off; {{temporary}}
                http3_max_concurrent_streams 100; keepalive_requests 100000; keepalive_min_timeout 0;
                server {
                    listen {{cell.Authority}} quic;
                    ssl_certificate {{cell.Certificates.Chain}}; ssl_certificate_key {{cell.Certificates.Key}};
                    ssl_protocols TLSv1.3; ssl_early_data on; ssl_session_tickets on; http3_hq on;
                    quic_retry {{(cell.Case.Retry ? "on" : "off")}}; quic_active_connection_id_limit 4;
                    location = /ask { default_type text/plain; return 200 "$request_method $http_x_word $http_content_length\n"; }
                    location / { root {{cell.Www}}; }
                }
            }
            """, cell.Cancellation);
        cell.Server = cell.Own(Run(cell.ServerPlace, ["-e", "stderr", "-p", work, "-c", configuration]));
        await cell.UntilAsync(() => File.Exists(Path.Combine(work, "pid")) && new FileInfo(Path.Combine(work, "pid")).Length > 0, "it was ready");
    }

    protected override string VersionIn(string said) => said.Split("version:")[^1].Trim().Split('\n')[0];
}
