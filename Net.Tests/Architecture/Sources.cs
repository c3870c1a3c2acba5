namespace Net.Tests.Architecture;

/// <summary>The source files, for rules that the compiler does not hold.</summary>
internal static class Sources
{
    public static string Root { get; } = FindRoot();

    /// <summary>All C# files of a project or a folder of it, without what the build makes.</summary>
    /// <param name="folder">From the repository's root; empty when it is not there.</param>
    public static IEnumerable<string> In(string folder)
    {
        string path = Path.Combine(Root, folder);
        return !Directory.Exists(path)
            ? []
            : Directory.EnumerateFiles(path, "*.cs", SearchOption.AllDirectories).Where(file => !IsBuilt(Path.GetRelativePath(Root, file)));
    }

    public static string Name(string file) => Path.GetRelativePath(Root, file);

    private static bool IsBuilt(string relative)
    {
        string[] parts = relative.Split(Path.DirectorySeparatorChar);
        return parts.Contains("obj") || parts.Contains("bin");
    }

    private static string FindRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Net.sln")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName ?? throw new InvalidOperationException("the tests do not run below the repository");
    }
}
