using System.Globalization;

namespace Bench;

/// <summary>A server under load: where it is, and which processes' CPU time counts.</summary>
/// <param name="Name">For the table.</param>
/// <param name="Url">Of a body of <see cref="Servers.Bytes"/> bytes.</param>
/// <param name="Processes">Theirs is the CPU time.</param>
internal sealed record Server(string Name, string Url, IReadOnlyList<int> Processes)
{
    private const double TicksPerSecond = 100;

    /// <summary>User and system seconds of all its processes so far.</summary>
    public double CpuSeconds => Processes.Sum(CpuOf);

    private static double CpuOf(int process)
    {
        // Fields 14 and 15, counted behind the command's closing parenthesis (proc(5)).
        string stat = File.ReadAllText($"/proc/{process}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }
}
