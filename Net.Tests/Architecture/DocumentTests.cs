using System.Text.RegularExpressions;

namespace Net.Tests.Architecture;

/// <summary>What documents say of tests stays true.</summary>
[TestClass]
public sealed class DocumentTests
{
    /// <summary>Goal: each test that the table of HTTP/3's rules names is there.</summary>
    [TestMethod]
    public void Tests_that_rules_name_are_there()
    {
        string rules = File.ReadAllText(Path.Combine(Sources.Root, "docs", "http3-rules.md"));
        string tests = string.Concat(Sources.In("Net.Tests").Select(File.ReadAllText));
        string[] named = [.. Regex.Matches(rules, @"\b[A-Z]\w*_\w+").Select(match => match.Value).Where(name => !name.StartsWith("H3_", StringComparison.Ordinal) && name.Any(char.IsLower)).Distinct()];
        Assert.IsGreaterThan(20, named.Length);
        string[] missing = [.. named.Where(name => !Regex.IsMatch(tests, $@"\b(void|Task) {name}\("))];
        Assert.IsEmpty(missing, string.Join(", ", missing));
        string[] classes = [.. Regex.Matches(rules, @"\w+Tests\b").Select(match => match.Value).Distinct()];
        Assert.IsEmpty(classes.Where(name => !tests.Contains($"class {name}", StringComparison.Ordinal)));
    }
}
