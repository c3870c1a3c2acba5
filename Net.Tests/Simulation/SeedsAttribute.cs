using System.Globalization;
using System.Reflection;

namespace Net.Tests.Simulation;

/// <summary>Runs a test once for each of so many seeds; <c>SEED=n</c> in the environment replays one, <c>SEEDS=n</c> runs more.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SeedsAttribute(int count) : Attribute, ITestDataSource
{
    public IEnumerable<object?[]> GetData(MethodInfo methodInfo)
    {
        if (ulong.TryParse(Environment.GetEnvironmentVariable("SEED"), CultureInfo.InvariantCulture, out ulong one))
        {
            return [[one]];
        }

        int seeds = int.TryParse(Environment.GetEnvironmentVariable("SEEDS"), CultureInfo.InvariantCulture, out int more) ? more : count;
        return Enumerable.Range(1, seeds).Select(seed => new object?[] { (ulong)seed });
    }

    public string? GetDisplayName(MethodInfo methodInfo, object?[]? data) =>
        $"{methodInfo.Name} (replay: SEED={data?[0]} dotnet test --filter {methodInfo.Name})";
}
