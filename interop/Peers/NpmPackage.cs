using Interop.Processes;

namespace Interop.Peers;

/// <summary>A package of the npm registry with all that it depends on, in the cache.</summary>
internal static class NpmPackage
{
    /// <returns>The package's folder.</returns>
    /// <exception cref="PeersUnavailableException">npm is missing, or does not get it.</exception>
    public static async Task<string> EnsureAsync(string cache, string package)
    {
        string root = Path.Combine(cache, "npm-" + package.Replace('/', '-').TrimStart('@'));
        string module = Path.Combine(root, "node_modules", package);
        string marker = Path.Combine(root, "complete");
        await using FileStream held = await PeerSet.LockAsync(cache);
        if (File.Exists(marker))
        {
            return module;
        }

        await Console.Error.WriteLineAsync($"interop fetch: {package}, into {root}");
        Directory.CreateDirectory(root);
        try
        {
            string[] arguments = ["install", "--prefix", root, "--no-audit", "--no-fund", "--no-save", package];
            Finished done = await Child.RunAsync("npm", "npm", arguments, TimeSpan.FromMinutes(3));
            if (done.Code != 0)
            {
                throw new PeersUnavailableException($"npm does not install {package}: {Child.LastLine(done.Errors)}");
            }
        }
        catch (CaseFailedException e)
        {
            throw new PeersUnavailableException($"npm does not install {package}: {e.Message}");
        }

        await File.WriteAllTextAsync(marker, "");
        return module;
    }
}
