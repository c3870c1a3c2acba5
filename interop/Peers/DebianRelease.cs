using Interop.Processes;

namespace Interop.Peers;

/// <summary>Packages of one Debian release with all they depend on, unpacked into a folder, without root and without touching this machine's apt.</summary>
internal static class DebianRelease
{
    private const string Marker = "complete";

    /// <summary>Makes <c>cache/folder</c> hold the packages of a release. Does nothing when it already does.</summary>
    public static async Task EnsureAsync(string cache, string folder, string release, string[] packages)
    {
        string root = Path.Combine(cache, folder);
        string wanted = string.Join(' ', packages);
        string marker = Path.Combine(root, Marker);
        if (File.Exists(marker) && await File.ReadAllTextAsync(marker) == wanted)
        {
            return;
        }

        string mirror = await MirrorAsync();
        string work = Path.Combine(cache, $".{folder}-work");
        Clear(work);
        Clear(root);
        Directory.CreateDirectory(Path.Combine(work, "lists/partial"));
        Directory.CreateDirectory(Path.Combine(work, "cache/archives/partial"));
        await File.WriteAllTextAsync(Path.Combine(work, "status"), "");
        await File.WriteAllTextAsync(Path.Combine(work, "sources.list"), $"deb {Keyring()}{mirror} {release} main\n");

        await Console.Error.WriteLineAsync($"interop fetch: {wanted} of {release}, into {root}");
        await AptAsync(work, release, ["update"]);
        await AptAsync(work, release, ["install", "--yes", "--download-only", "--no-install-recommends", .. packages]);

        string unpacked = Path.Combine(work, "root");
        Directory.CreateDirectory(unpacked);
        foreach (string package in Directory.EnumerateFiles(Path.Combine(work, "cache/archives"), "*.deb").Order())
        {
            await RunAsync("dpkg-deb", ["-x", package, unpacked], $"cannot unpack {Path.GetFileName(package)}");
        }

        await File.WriteAllTextAsync(Path.Combine(unpacked, Marker), wanted);
        Directory.Move(unpacked, root);
        Clear(work);
    }

    /// <summary>The mirror that this machine's own apt is set to use for Debian: no other host is ever named.</summary>
    private static async Task<string> MirrorAsync()
    {
        Finished said = await RunAsync(
            "apt-get",
            ["indextargets", "--no-release-info", "--format", "$(REPO_URI) $(RELEASE) $(CREATED_BY)"],
            "cannot read this machine's apt sources");
        string[][] targets = [.. said.Output.Split('\n').Select(line => line.Split(' ')).Where(fields => fields is [_, _, "Packages"])];
        string? mirror =
            targets.FirstOrDefault(t => t[0].TrimEnd('/').EndsWith("/debian", StringComparison.Ordinal))?[0]
            ?? targets.FirstOrDefault(t => !t[1].Contains('-', StringComparison.Ordinal))?[0];
        return mirror ?? throw new PeersUnavailableException("this machine's apt names no Debian mirror: add one to its sources, or copy a filled cache here and set CONTINUUM_PEERS");
    }

    private static string Keyring()
    {
        string? keyring = new[] { "/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp" }.FirstOrDefault(File.Exists);
        return keyring is null ? "" : $"[signed-by={keyring}] ";
    }

    private static Task AptAsync(string work, string release, string[] command)
    {
        // The state is private: this machine's lists, dpkg status, cache and pins neither matter nor change.
        string[] options =
        [
            $"Dir::Etc::sourcelist={work}/sources.list",
            "Dir::Etc::sourceparts=-",
            "Dir::Etc::preferences=-",
            "Dir::Etc::preferencesparts=-",
            $"Dir::State::lists={work}/lists",
            $"Dir::State::status={work}/status",
            $"Dir::State::extended_states={work}/extended_states",
            $"Dir::Cache={work}/cache",
            $"Dir::Log={work}",
            "Debug::NoLocking=true",
            "APT::Sandbox::User=",
            "APT::Install-Recommends=false",
            "APT::Update::Error-Mode=any",
            "Acquire::Languages=none",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
            "Acquire::Check-Valid-Until=false",
            "Acquire::Retries=3",
            "Acquire::http::Timeout=30",
        ];
        string[] arguments = ["-q", .. options.SelectMany(o => new[] { "-o", o }), .. command];
        return RunAsync("apt-get", arguments, $"cannot get {release}'s packages from the Debian mirror of this machine's apt");
    }

    private static async Task<Finished> RunAsync(string program, string[] arguments, string failure)
    {
        Dictionary<string, string?> environment = new() { ["LC_ALL"] = "C.UTF-8", ["DEBIAN_FRONTEND"] = "noninteractive" };
        try
        {
            Finished result = await Child.RunAsync(program, program, arguments, TimeSpan.FromMinutes(5), environment);
            return result.Code == 0 ? result : throw new PeersUnavailableException($"{failure}: {Cause(result.Errors)}");
        }
        catch (CaseFailedException e)
        {
            throw new PeersUnavailableException($"{failure}: {e.Message}");
        }
    }

    /// <summary>apt's first error names the cause; its last one only sums up.</summary>
    private static string Cause(string errors) =>
        errors.Split('\n').FirstOrDefault(line => line.StartsWith("E: ", StringComparison.Ordinal)) ?? Child.LastLine(errors);

    private static void Clear(string directory)
    {
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
