using Interop.Matrix;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>The pages of interop/WebServer, by one of our two servers, in a process of its own.</summary>
internal sealed class WebSite : IDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(45);

    private readonly TestCertificates _certificates;

    private WebSite(TestCertificates certificates, string directory) => (_certificates, Directory) = (certificates, directory);

    /// <summary>For the case's files; the server's traces lie in <c>qlog</c>.</summary>
    public string Directory { get; }

    public string Authority { get; private set; } = "";

    /// <summary>Connections that clients have made so far: each has left a trace.</summary>
    public int Connections => System.IO.Directory.EnumerateFiles(Traces, "*_server.sqlog").Count();

    private string Traces => Path.Combine(Directory, "qlog");

    /// <param name="context">Whose process it is.</param>
    /// <param name="kind"><c>lean</c> for Http3Server, <c>kestrel</c> for Kestrel over our transport.</param>
    public static async Task<WebSite> StartAsync(CaseContext context, string kind)
    {
        string program = Environment.GetEnvironmentVariable("WEB_SERVER") ?? "";
        if (!File.Exists(program))
        {
            throw new CaseFailedException($"the web server is missing ('{program}'): start the cases with interop/run, or set WEB_SERVER");
        }

        WebSite site = new(new(), System.IO.Directory.CreateTempSubdirectory("interop-web-").FullName);
        System.IO.Directory.CreateDirectory(site.Traces);
        Child server = context.Own(Child.Start(
            $"web-server {kind}", program, [kind, site._certificates.Chain, site._certificates.Key], new Dictionary<string, string?> { ["QLOGDIR"] = site.Traces }));
        string? ready = await server.OutputLines.ReadLineAsync(context.Cancellation).AsTask().WaitAsync(s_startLimit, context.Cancellation);
        site.Authority = ready?.Split(' ') is ["ready", string address] ? address : throw new CaseFailedException($"the web server says '{ready}': {Child.LastLine(server.Errors)}");
        return site;
    }

    public string Url(string path) => $"https://{Authority}{path}";

    /// <summary>A file for a client to send.</summary>
    public string Write(string name, ReadOnlySpan<byte> bytes)
    {
        string path = Path.Combine(Directory, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    public void Dispose()
    {
        _certificates.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
