using Net.Tests.Simulation;

namespace Net.Tests.Fuzz;

/// <summary>Every fuzz target, without a fuzzer: its seeds, what was once found with one, and changes of both from fixed seeds.</summary>
[TestClass]
public sealed class FuzzTests
{
    private const int Changes = 300;

    public static IEnumerable<object[]> Targets => FuzzTarget.All.Select(target => new object[] { target.Name });

    /// <summary>Goal: what real code made is taken, and what a fuzzer once found (fuzz/findings) does no harm any more.</summary>
    [TestMethod]
    [DynamicData(nameof(Targets))]
    public void Seeds_and_findings(string name)
    {
        FuzzTarget target = Find(name);
        foreach (byte[] input in Inputs(target))
        {
            Try(target, input);
        }
    }

    /// <summary>Goal: changes of them do none either. <c>CHANGES=n</c> tries more.</summary>
    [TestMethod]
    [DynamicData(nameof(Targets))]
    public void Changed_inputs(string name)
    {
        FuzzTarget target = Find(name);
        byte[][] inputs = [.. Inputs(target)];
        SimulatedRandom random = new(1);
        int changes = int.TryParse(Environment.GetEnvironmentVariable("CHANGES"), out int more) ? more : Changes;
        for (int change = 0; change < changes; change++)
        {
            Try(target, Havoc.Change(inputs[random.Below(inputs.Length)], inputs[random.Below(inputs.Length)], random));
        }
    }

    /// <summary>Goal: names are what a shell, a folder and fuzz/run take, and no two are the same.</summary>
    [TestMethod]
    public void Targets_have_names_of_their_own()
    {
        Assert.HasCount(FuzzTarget.All.Count, FuzzTarget.All.Select(t => t.Name).ToHashSet());
        Assert.IsTrue(FuzzTarget.All.All(t => t.Name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')));
        Assert.IsTrue(FuzzTarget.All.All(t => t.Seeds().Any()), "mutation begins somewhere");
    }

    private static FuzzTarget Find(string name) => FuzzTarget.All.Single(t => t.Name == name);

    private static IEnumerable<byte[]> Inputs(FuzzTarget target)
    {
        string folder = Path.Combine(Architecture.Sources.Root, "fuzz", "findings", target.Name);
        return target.Seeds().Concat(Directory.Exists(folder) ? Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes) : []);
    }

    private static void Try(FuzzTarget target, byte[] input)
    {
        try
        {
            target.Run(input);
        }
        catch (Exception e)
        {
            Assert.Fail($"{target.Name} fails with {Convert.ToHexString(input)}: {e}");
        }
    }
}
