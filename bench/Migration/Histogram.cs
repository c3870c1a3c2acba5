using System.Globalization;

namespace Bench.Migration;

/// <summary>Times in microseconds, told by their quantiles and, one mark per power of two, by their shape.</summary>
internal sealed class Histogram(string name)
{
    private const string Marks = " .:-=+*#%@";

    private readonly List<double> _values = [];

    public int Count => _values.Count;

    public void Add(double microseconds) => _values.Add(microseconds);

    public void Add(TimeSpan time) => Add(time.TotalMicroseconds);

    public double Quantile(double q)
    {
        double[] sorted = [.. _values.Order()];
        return sorted.Length == 0 ? double.NaN : sorted[int.Min(sorted.Length - 1, (int)(q * sorted.Length))];
    }

    public void Print() => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"  {name,-38} n {Count,5}  p50 {Quantile(0.5),8:0}  p90 {Quantile(0.9),8:0}  p99 {Quantile(0.99),8:0}  max {Quantile(1),8:0} us  1us|{Shape()}|1s"));

    private string Shape()
    {
        int[] counts = new int[21];
        foreach (double value in _values)
        {
            counts[int.Clamp((int)Math.Log2(double.Max(value, 1)), 0, counts.Length - 1)]++;
        }

        int most = int.Max(1, counts.Max());
        return string.Concat(counts.Select(count => Marks[count == 0 ? 0 : int.Max(1, count * (Marks.Length - 1) / most)]));
    }
}
