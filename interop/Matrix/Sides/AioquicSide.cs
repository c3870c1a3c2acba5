using System.Text.Json;
using System.Text.Json.Nodes;
using Interop.Processes;

namespace Interop.Matrix.Sides;

/// <summary>aioquic in both roles, driven by a script beside this program.</summary>
internal sealed class AioquicSide() : DebianSide("aioquic", "trixie", "trixie-aioquic", ["python3-aioquic"], "usr/bin/python3")
{
    private static string Script => Path.Combine(AppContext.BaseDirectory, "Peers/aioquic_peer.py");

    protected override string[] VersionArguments => ["-E", "-c", "import sys; sys.path.insert(0, sys.prefix + '/lib/python3/dist-packages'); import aioquic; print('aioquic', aioquic.__version__)"];

    public override bool Serves(MatrixCase c) => !c.Migrates && c.Name is not "ecn";

    public override bool Fetches(MatrixCase c) => !c.ProbesVersions && c.Name is not ("multiplexing" or "ecn" or "connectionmigration");

    public override async Task ServeAsync(Cell cell)
    {
        cell.Port = cell.ServerPlace.FreePort();
        JsonObject settings = Settings(cell);
        settings["www"] = cell.Www;
        settings["cert"] = cell.Certificates.Chain;
        settings["key"] = cell.Certificates.Key;
        settings["retry"] = cell.Case.Retry;
        cell.Server = cell.Own(Drive(cell.ServerPlace, "server", settings));
        await cell.UntilAsync(() => cell.Server.Said.Contains("ready", StringComparison.Ordinal), "it was ready");
    }

    public override async Task<string> FetchAsync(Cell cell)
    {
        JsonObject settings = Settings(cell);
        settings["downloads"] = cell.Downloads;
        settings["files"] = JsonSerializer.SerializeToNode(cell.Files.ToArray());
        settings["plan"] = cell.Case.Plan switch { Plan.Each => "each", Plan.Resume => "resume", Plan.Early => "early", _ => "one" };
        settings["keyUpdate"] = cell.Case.KeyUpdate;
        await cell.MustSucceedAsync(Drive(cell.ClientPlace, "client", settings));
        return "";
    }

    private static JsonObject Settings(Cell cell) => new()
    {
        ["host"] = cell.Host,
        ["port"] = cell.Port,
        ["name"] = "server",
        ["alpn"] = cell.Case.Http3 ? "h3" : "hq-interop",
        ["chacha20"] = cell.Case.ChaCha20,
        ["v2"] = cell.Case.Version2,
    };

    private Child Drive(IPlace place, string role, JsonObject settings)
    {
        Dictionary<string, string?> environment = new() { ["PYTHONHOME"] = Path.Combine(Tree, "usr"), ["PYTHONPATH"] = Path.Combine(Tree, "usr/lib/python3/dist-packages"), ["PYTHONDONTWRITEBYTECODE"] = "1" };
        return Run(place, [Script, role, settings.ToJsonString()], environment);
    }
}
