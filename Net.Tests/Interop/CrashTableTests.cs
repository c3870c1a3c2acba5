using Interop.Cases;
using Net.Tests.Architecture;
using Net.Tests.Scenarios;

namespace Net.Tests.Interop;

/// <summary>The table of crash points in docs/hand-over.md, and the cases of interop/run that kill real processes.</summary>
[TestClass]
public sealed class CrashTableTests
{
    private const string Heading = "## Crash points";

    /// <summary>Goal: no row of the table is without its cases, one at least for each thing that can fail, and no case is of a row that is not there.</summary>
    [TestMethod]
    public void Every_cell_has_a_case()
    {
        string[] rows = [.. Rows()];
        Assert.HasCount(8, rows);
        CollectionAssert.AreEqual(rows, CrashTable.Cells.Select(static cell => cell.Row).Distinct().ToArray());
        string[] missing = [.. from row in rows from side in CrashTable.Sides where !CrashTable.Cells.Any(cell => cell.Row == row && cell.Side == side) select $"{row}: {side}"];
        Assert.IsEmpty(missing, string.Join(", ", missing));
    }

    /// <summary>Goal: the simulator fails in every row as well, and in none that is not there.</summary>
    [TestMethod]
    public void Every_row_is_simulated() =>
        CollectionAssert.AreEqual(Rows().ToArray(), Enum.GetValues<CrashPoint>().Select(CrashPointTests.RowOf).Distinct().ToArray());

    /// <summary>Goal: a name is one case.</summary>
    [TestMethod]
    public void Names_are_unique() => CollectionAssert.AllItemsAreUnique(CrashTable.Cells.Select(static cell => cell.Name).ToArray());

    /// <summary>Goal: every point that a case names is in the code: else a process would never come to it.</summary>
    [TestMethod]
    public void Points_are_in_the_code()
    {
        string code = string.Concat(Sources.In("Net.Migration/Hosting").Select(File.ReadAllText));
        string[] missing = [.. CrashTable.Cells.SelectMany(static cell => cell.Orders).Select(static order => order.At).Distinct()
            .Where(at => !code.Contains($"FaultPoints.At(\"{at}\"", StringComparison.Ordinal) && at is not ("directory:move-asked" or "directory:move-done" or "directory:own-write-done"))];
        Assert.IsEmpty(missing, string.Join(", ", missing));
    }

    /// <summary>Goal: a build that is not a test build has nothing of it, not even the names of points.</summary>
    [TestMethod]
    public void Shipped_builds_have_no_fault_points()
    {
        byte[] assembly = File.ReadAllBytes(typeof(Net.Migration.Hosting.NodeHost).Assembly.Location);
        foreach (string text in CrashTable.Cells.SelectMany(static cell => cell.Orders).Select(static order => order.At).Append("CONTINUUM_FAULT"))
        {
            Assert.AreEqual(-1, assembly.AsSpan().IndexOf(System.Text.Encoding.Unicode.GetBytes(text)), text);
        }
    }

    private static IEnumerable<string> Rows()
    {
        string document = File.ReadAllText(Path.Combine(Sources.Root, "docs", "hand-over.md"));
        string section = document[document.IndexOf(Heading, StringComparison.Ordinal)..];
        return section[..section.IndexOf("\n## ", StringComparison.Ordinal)].Split('\n')
            .Where(static line => line.StartsWith("| ", StringComparison.Ordinal))
            .Select(static line => line.Split('|')[1].Trim())
            .Where(static row => row is not "when");
    }
}
