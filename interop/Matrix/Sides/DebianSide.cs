using Interop.Peers;
using Interop.Processes;

namespace Interop.Matrix.Sides;

/// <summary>A program from a Debian release.</summary>
/// <param name="name">As a row is called.</param>
/// <param name="release">Which release.</param>
/// <param name="folder">Of the cache; several peers may share one if they want the same packages.</param>
/// <param name="packages">What is unpacked there, with all that it depends on.</param>
/// <param name="program">Path in the release's tree.</param>
internal abstract class DebianSide(string name, string release, string folder, string[] packages, string program) : Side(name)
{
    protected string Release => release;

    protected string Tree { get; } = Path.Combine(PeerSet.CacheDirectory(), folder);

    /// <summary>Arguments with which it tells its version.</summary>
    protected virtual string[] VersionArguments => ["--version"];

    /// <summary>Where the version stands in what it says.</summary>
    protected virtual string VersionIn(string said) => said.Trim().Split('\n', 2)[0];

    private string Libraries => Path.Combine(Tree, "usr/lib", PeerSet.Triplet);

    public override async Task<string> PrepareAsync()
    {
        await PeerSet.EnsureAsync(folder, release, packages);
        Child child = Run(new HerePlace(false), VersionArguments);
        using (child)
        {
            child.DrainOutput();
            int code = await child.WaitAsync(TimeSpan.FromSeconds(30));
            return code == 0
                ? VersionIn(child.Said + child.Errors)
                : throw new PeersUnavailableException($"{Name} does not run ({Child.LastLine(child.Errors + child.Said)}): remove {Tree} and fetch again");
        }
    }

    /// <summary>Starts it, away from the settings of this machine's user.</summary>
    protected Child Run(IPlace place, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null)
    {
        Dictionary<string, string?> all = new()
        {
            ["CURL_HOME"] = "/nonexistent",
            ["LD_LIBRARY_PATH"] = null,
            ["LC_ALL"] = "C.UTF-8",
            ["http_proxy"] = null,
            ["https_proxy"] = null,
            ["all_proxy"] = null,
            ["ALL_PROXY"] = null,
            ["HTTPS_PROXY"] = null,
        };
        foreach ((string key, string? value) in environment ?? new Dictionary<string, string?>())
        {
            all[key] = value;
        }

        return Start(place, arguments, all);
    }

    /// <summary>How a program of another release is started: by that release's own loader, with its libraries.</summary>
    protected virtual Child Start(IPlace place, IEnumerable<string> arguments, Dictionary<string, string?> environment) =>
        place.Start(Name, Path.Combine(Libraries, PeerSet.LoaderName), ["--library-path", Libraries, Path.Combine(Tree, program), .. arguments], environment);
}
