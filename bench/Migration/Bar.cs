using System.Globalization;

namespace Bench.Migration;

/// <summary>What was asked for, next to what was seen: a reader need not know the figures by heart.</summary>
internal static class Bar
{
    /// <summary>Printed behind what it judges.</summary>
    public static void AtMost(string what, double seen, double bar, string unit) => Print(what, seen, bar, unit, "at most", seen <= bar);

    /// <inheritdoc cref="AtMost"/>
    public static void AtLeast(string what, double seen, double bar, string unit) => Print(what, seen, bar, unit, "at least", seen >= bar);

    private static void Print(string what, double seen, double bar, string unit, string sense, bool isMet) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  bar: {what} {sense} {bar:0.##} {unit}: {seen:0.##}, {(isMet ? "met" : "missed")}"));
}
