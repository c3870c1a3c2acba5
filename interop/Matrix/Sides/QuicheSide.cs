using System.Text.Json;
using System.Text.Json.Nodes;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Matrix.Sides;

/// <summary>Cloudflare's quiche in both roles: its native binding in an npm package, driven by a script beside this program. hq-interop alone.</summary>
internal sealed class QuicheSide() : Side("quiche")
{
    private const string Package = "@matrixai/quic";

    private string _module = "";

    private static string Script => Path.Combine(AppContext.BaseDirectory, "Peers/quiche.mjs");

    public override async Task<string> PrepareAsync()
    {
        _module = await NpmPackage.EnsureAsync(PeerSet.CacheDirectory(), Package);
        JsonNode manifest = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_module, "package.json")))!;
        return $"{Package} {manifest["version"]}";
    }

    // As a server it stalls after some rebindings (quiche of @matrixai/quic 2.0.9): all its challenges are answered and its packets acknowledged, the
    // gap of those that went to the old address stands in every ACK of ours, and what they carried is never sent again; it repeats DATA_BLOCKED until
    // the idle timeout.
    public override bool Serves(MatrixCase c) => !(c.Http3 || c.Version2 || c.Migrates) && c.Name is not ("ecn" or "rebind-port" or "rebind-addr");

    public override bool Fetches(MatrixCase c) => !(c.Http3 || c.Version2 || c.ChaCha20 || c.KeyUpdate || c.ProbesVersions) && c.Name is not "ecn";

    public override async Task ServeAsync(Cell cell)
    {
        cell.Port = cell.ServerPlace.FreePort();
        JsonObject settings = Settings(cell);
        settings["www"] = cell.Www;
        settings["cert"] = cell.Certificates.Chain;
        settings["key"] = cell.Certificates.Key;
        settings["retry"] = cell.Case.Retry;
        cell.Server = cell.Own(Run(cell.ServerPlace, "server", settings));
        await cell.UntilAsync(() => cell.Server.Said.Contains("ready", StringComparison.Ordinal), "it was ready");
    }

    public override async Task<string> FetchAsync(Cell cell)
    {
        JsonObject settings = Settings(cell);
        settings["downloads"] = cell.Downloads;
        settings["local"] = cell.ClientPlace.Address.ToString();
        settings["files"] = JsonSerializer.SerializeToNode(cell.Files.ToArray());
        settings["plan"] = cell.Case.Plan switch { Plan.Each => "each", Plan.Resume => "resume", Plan.Early => "early", _ => "one" };
        settings["migrate"] = cell.Case.Migrates;
        Child child = await cell.MustSucceedAsync(Run(cell.ClientPlace, "client", settings));
        return Child.LastLine(child.Said);
    }

    private JsonObject Settings(Cell cell) => new()
    {
        ["module"] = _module,
        ["host"] = cell.Host,
        ["port"] = cell.Port,
        ["name"] = "server",
        ["early"] = cell.Case.Plan == Plan.Early,
    };

    private static Child Run(IPlace place, string role, JsonObject settings) =>
        place.Start("quiche", "node", [Script, role, settings.ToJsonString()], new Dictionary<string, string?>());
}
