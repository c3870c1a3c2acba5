using System.IO.Compression;
using System.Reflection.Metadata;
using System.Text;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>The packages as a stranger meets them: from a folder, into a project outside the tree that serves and asks over HTTP/3.</summary>
internal static class Packages
{
    private static readonly string[] s_libraries = ["Core", "Http3", "Kestrel", "Migration"];
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    /// <summary>Custom debug information of the kind "SourceLink" (the portable PDB format's specification).</summary>
    private static readonly Guid s_sourceLink = new("cc110556-a091-4d38-9fec-25ab9a351a6a");

    public static async Task<string> RunAsync(CaseContext context)
    {
        string home = Directory.CreateTempSubdirectory("continuum-packages-").FullName;
        try
        {
            string feed = Path.Combine(home, "feed");
            await DotnetAsync(Root(), home, context, "pack", "Net.sln", "-c", "Release", "-o", feed, "-v", "quiet", "-nologo", "-p:RunAnalyzers=false");
            string version = Check(feed);
            string said = await UseAsync(home, feed, version, context);
            return $"{s_libraries.Length} libraries and the tool at {version}: {said}";
        }
        finally
        {
            Directory.Delete(home, recursive: true);
        }
    }

    /// <returns>The version that all five have.</returns>
    private static string Check(string feed)
    {
        const string Tool = "Continuum.Net.Node.";
        string[] made = [.. Directory.EnumerateFiles(feed).Select(file => Path.GetFileName(file)!).Order()];
        string version = made.FirstOrDefault(name => name.StartsWith(Tool, StringComparison.Ordinal) && name.EndsWith(".nupkg", StringComparison.Ordinal)) is string tool
            ? tool[Tool.Length..^".nupkg".Length]
            : throw new CaseFailedException($"no package of the tool among {string.Join(' ', made)}");
        string[] expected = [.. s_libraries.Append("Node").SelectMany(name => new[] { $"Continuum.Net.{name}.{version}.nupkg", $"Continuum.Net.{name}.{version}.snupkg" }).Order()];
        if (!made.SequenceEqual(expected))
        {
            throw new CaseFailedException($"packed were {string.Join(' ', made)}");
        }

        foreach (string name in s_libraries)
        {
            MustHold(Path.Combine(feed, $"Continuum.Net.{name}.{version}.nupkg"), "README.md", "LICENSE", $"lib/net10.0/Net.{name}.dll", $"lib/net10.0/Net.{name}.xml");
            CheckSymbols(Path.Combine(feed, $"Continuum.Net.{name}.{version}.snupkg"), $"lib/net10.0/Net.{name}.pdb");
        }

        MustHold(Path.Combine(feed, $"Continuum.Net.Node.{version}.nupkg"), "README.md", "LICENSE", "tools/net10.0/any/DotnetToolSettings.xml");
        return version;
    }

    private static void MustHold(string package, params string[] entries)
    {
        using ZipArchive archive = ZipFile.OpenRead(package);
        string[] missing = [.. entries.Where(entry => archive.GetEntry(entry) is not { Length: > 0 })];
        if (missing.Length > 0)
        {
            throw new CaseFailedException($"{Path.GetFileName(package)} lacks {string.Join(' ', missing)}");
        }
    }

    /// <summary>Symbols say where sources are by commit, and name no directory of the machine that built them.</summary>
    private static void CheckSymbols(string package, string entry)
    {
        using ZipArchive archive = ZipFile.OpenRead(package);
        using MemoryStream bytes = new();
        using (Stream? stored = archive.GetEntry(entry)?.Open())
        {
            (stored ?? throw new CaseFailedException($"{Path.GetFileName(package)} lacks {entry}")).CopyTo(bytes);
        }

        bytes.Position = 0;
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(bytes);
        MetadataReader reader = provider.GetMetadataReader();
        string? local = reader.Documents.Select(document => reader.GetString(reader.GetDocument(document).Name)).FirstOrDefault(path => !path.StartsWith("/_", StringComparison.Ordinal));
        if (local is not null)
        {
            throw new CaseFailedException($"{Path.GetFileName(package)} names {local}, which other machines do not have");
        }

        string links = string.Concat(reader.CustomDebugInformation
            .Select(reader.GetCustomDebugInformation)
            .Where(information => reader.GetGuid(information.Kind) == s_sourceLink)
            .Select(information => Encoding.UTF8.GetString(reader.GetBlobBytes(information.Value))));
        if (!links.Contains("\"/_/*\":\"https://", StringComparison.Ordinal))
        {
            throw new CaseFailedException($"{Path.GetFileName(package)} does not say where its sources are: '{links}'");
        }
    }

    private static async Task<string> UseAsync(string home, string feed, string version, CaseContext context)
    {
        // Ours from the folder and from nowhere else, what ours need from what this machine has already: nothing is asked of the network,
        // and nothing is left in the user's own cache of packages.
        string app = Directory.CreateDirectory(Path.Combine(home, "app")).FullName;
        await File.WriteAllTextAsync(Path.Combine(app, "nuget.config"), $"""
            <configuration>
              <packageSources><clear /><add key="feed" value="{feed}" /><add key="machine" value="{MachinePackages()}" /></packageSources>
              <packageSourceMapping>
                <packageSource key="feed"><package pattern="Continuum.*" /></packageSource>
                <packageSource key="machine"><package pattern="*" /></packageSource>
              </packageSourceMapping>
            </configuration>
            """, context.Cancellation);
        await File.WriteAllTextAsync(Path.Combine(app, "app.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk.Web">
              <PropertyGroup><TargetFramework>net10.0</TargetFramework><Nullable>enable</Nullable><ImplicitUsings>enable</ImplicitUsings></PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Continuum.Net.Kestrel" Version="{version}" />
                <PackageReference Include="Continuum.Net.Migration" Version="{version}" />
              </ItemGroup>
            </Project>
            """, context.Cancellation);
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Cases", "Stranger.txt"), Path.Combine(app, "Program.cs"));
        await DotnetAsync(app, home, context, "build", "-o", Path.Combine(home, "built"), "-v", "quiet", "-nologo");
        Finished served = await DotnetAsync(app, home, context, Path.Combine(home, "built", "app.dll"));
        const string Expected = "lean: 3.0 hello from a package\nkestrel: 3.0 hello over HTTP/3\n";
        if (served.Output != Expected)
        {
            throw new CaseFailedException($"the project outside the tree says '{served.Output}' {served.Errors}");
        }

        string tools = Path.Combine(home, "tools");
        await DotnetAsync(app, home, context, "tool", "install", "Continuum.Net.Node", "--version", version, "--tool-path", tools, "--configfile", Path.Combine(app, "nuget.config"));
        Finished tool = await Child.RunAsync("continuum", Path.Combine(tools, "continuum"), ["--version"], s_patience, cancellationToken: context.Cancellation);
        return tool.Code == 0
            ? $"restored, served by Http3Server and by Kestrel; the tool is version {tool.Output.Trim()}"
            : throw new CaseFailedException($"the installed tool ended with exit code {tool.Code}: {Child.LastLine(tool.Errors)}");
    }

    /// <summary>Where NuGet keeps what it has restored: laid out like a feed.</summary>
    private static string MachinePackages() => Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } set
        ? set
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private static async Task<Finished> DotnetAsync(string directory, string home, CaseContext context, params string[] arguments)
    {
        Dictionary<string, string?> environment = new() { ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1", ["DOTNET_NOLOGO"] = "1" };
        if (directory != Root())
        {
            environment["NUGET_PACKAGES"] = Path.Combine(home, "restored");
        }

        // The program is found by its shell because a process here starts in the harness's directory.
        string[] command = ["-c", "cd \"$0\" && exec dotnet \"$@\"", directory, .. arguments];
        Finished finished = await Child.RunAsync($"dotnet {arguments[0]}", "sh", command, s_patience, environment, context.Cancellation);
        string[] said = (finished.Output + finished.Errors).Split('\n');
        return finished.Code == 0
            ? finished
            : throw new CaseFailedException($"dotnet {arguments[0]} ended with exit code {finished.Code}: {said.FirstOrDefault(line => line.Contains("error", StringComparison.Ordinal)) ?? Child.LastLine(string.Concat(said))}");
    }

    private static string Root()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Net.sln")))
            {
                return at.FullName;
            }
        }

        throw new CaseFailedException("the harness does not lie in the repository that it packs");
    }
}
