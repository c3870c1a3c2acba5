using System.Text.Json;
using Interop.Processes;

namespace Interop.Federation;

/// <summary>A federation with a list of members: the authority's folder, and what each machine has been given of it.</summary>
/// <param name="cluster">Whose program is asked, and in whose directory everything lies.</param>
internal sealed class TrustFolders(Cluster cluster)
{
    private static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    /// <summary>With the authority's key: where members are made and unmade. Its ingress looks there.</summary>
    public string Authority { get; } = Path.Combine(cluster.Directory, "federation");

    /// <summary>What the machine of a member has, which nobody can take away from it.</summary>
    public string Machine(string name) => Path.Combine(cluster.Directory, "machines", name);

    public async Task InitAsync(params string[] members)
    {
        await TrustAsync("init");
        foreach (string member in members)
        {
            await AddAsync(member);
        }
    }

    /// <summary>Makes a member, and copies its folder to its machine.</summary>
    public async Task AddAsync(string name)
    {
        await TrustAsync("add", name);
        System.IO.Directory.CreateDirectory(Machine(name));
        foreach (string file in System.IO.Directory.GetFiles(Path.Combine(Authority, "members", name)))
        {
            File.Copy(file, Path.Combine(Machine(name), Path.GetFileName(file)), overwrite: true);
        }
    }

    public Task RemoveAsync(string name) => TrustAsync("remove", name);

    public async Task<RosterReport> ListAsync()
    {
        Finished finished = await TrustAsync("list", "--json");
        return JsonSerializer.Deserialize<RosterReport>(finished.Output, s_json) ?? throw new CaseFailedException($"trust list --json printed '{finished.Output}'");
    }

    private async Task<Finished> TrustAsync(string action, params string[] more)
    {
        Finished finished = await cluster.RunAsync(s_limit, ["trust", action, .. more, "--trust", Authority]);
        return finished.Code == 0 ? finished
            : throw new CaseFailedException($"trust {action} ended with exit code {finished.Code}: {Child.LastLine(finished.Errors)}");
    }
}

/// <summary>What <c>trust list --json</c> prints.</summary>
internal sealed record RosterReport(ulong Generation, ulong Rotation, IReadOnlyList<RosterMember> Members);

internal sealed record RosterMember(string Name, string Fingerprint, bool Removed);
