using System.Globalization;

namespace Bench.Migration;

/// <summary>CPU time of this process's threads by name: where the machine is busy with others, it says more than the clock on the wall.</summary>
internal static class ThreadClock
{
    /// <summary>The kernel keeps so much of a thread's name.</summary>
    private const int NameLength = 15;

    /// <returns>Seconds that all threads of that name have been on a processor.</returns>
    // schedstat: nanoseconds on a processor, nanoseconds waiting for one, slices.
    public static double Seconds(string name) => Sum(name, "schedstat", text => double.Parse(text.Split(' ')[0], CultureInfo.InvariantCulture) / 1e9);

    /// <returns>How often they have waited.</returns>
    public static double Waits(string name) => Sum(name, "status", text => double.Parse(text[(text.IndexOf(Voluntary, StringComparison.Ordinal) + Voluntary.Length)..].Split('\n')[0], CultureInfo.InvariantCulture));

    private const string Voluntary = "\nvoluntary_ctxt_switches:";

    private static double Sum(string name, string file, Func<string, double> read)
    {
        string cut = name[..int.Min(NameLength, name.Length)];
        double total = 0;
        foreach (string task in Directory.EnumerateDirectories("/proc/self/task"))
        {
            try
            {
                if (File.ReadAllText($"{task}/comm").TrimEnd('\n') == cut)
                {
                    total += read(File.ReadAllText($"{task}/{file}"));
                }
            }
            catch (IOException)
            {
                // A thread that has ended meanwhile.
            }
        }

        return total;
    }
}
