using System.Diagnostics;

namespace Net.Node.Demo;

/// <summary>How to start this same program again.</summary>
/// <param name="File">The program.</param>
/// <param name="Prefix">Arguments before the command.</param>
internal sealed record Executable(string File, IReadOnlyList<string> Prefix)
{
    /// <summary>The apphost `continuum` itself, or `dotnet continuum.dll` when some other program hosts us.</summary>
    public static Executable Current()
    {
        string assembly = typeof(Executable).Assembly.Location;
        string host = Environment.ProcessPath ?? "dotnet", name = Path.GetFileNameWithoutExtension(host);
        return name == Path.GetFileNameWithoutExtension(assembly) ? new(host, [])
            : name == "dotnet" ? new(host, [assembly])
            : new("dotnet", [assembly]);
    }

    public ProcessStartInfo Start(string home, IEnumerable<string> arguments)
    {
        ProcessStartInfo info = new(File)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (string argument in Prefix.Concat(arguments))
        {
            info.ArgumentList.Add(argument);
        }

        info.Environment["CONTINUUM_HOME"] = home;
        return info;
    }
}
