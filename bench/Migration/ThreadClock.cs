using System.Globalization;

namespace Bench.Migration;

/// <summary>CPU time of this process's threads by name: where the machine is busy with others, it says more than the clock on the wall.</summary>
internal static class ThreadClock
{
    /// <summary>The kernel keeps so much of a thread's name.</summary>
    private const int NameLength = 15;

    /// <returns>Seconds that all threads of that name have been on a processor.</returns>
    public static double Seconds(string name)
    {
        string cut = name[..int.Min(NameLength, name.Length)];
        double total = 0;
        foreach (string task in Directory.EnumerateDirectories("/proc/self/task"))
        {
            try
            {
                if (File.ReadAllText($"{task}/comm").TrimEnd('\n') == cut)
                {
                    // schedstat: nanoseconds on a processor, nanoseconds waiting for one, slices.
                    total += double.Parse(File.ReadAllText($"{task}/schedstat").Split(' ')[0], CultureInfo.InvariantCulture) / 1e9;
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
