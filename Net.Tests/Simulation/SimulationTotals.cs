using System.Globalization;
using System.Text;

namespace Net.Tests.Simulation;

/// <summary>What came about in many runs, so that they can show that they were a trial.</summary>
internal sealed class SimulationTotals
{
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    public IEnumerable<string> Zeros => _counts.Where(c => c.Value == 0).Select(c => c.Key);

    public void Count(string what, long times = 1)
    {
        lock (_counts)
        {
            _counts[what] = _counts.GetValueOrDefault(what) + times;
        }
    }

    public void Add(SimulationTotals other)
    {
        foreach ((string what, long times) in other._counts)
        {
            Count(what, times);
        }
    }

    public override string ToString()
    {
        StringBuilder text = new();
        foreach ((string what, long times) in _counts)
        {
            text.Append(CultureInfo.InvariantCulture, $"{times,14:N0}  {what}\n");
        }

        return text.ToString();
    }
}
