using System.Reflection;
using System.Text.RegularExpressions;
using Net.Core.Connections;
using Net.Core.Snapshots;
using Net.Http3.Wire;

namespace Net.Tests.Architecture;

/// <summary>A part is made of values, so that it can be written down.</summary>
[TestClass]
public sealed class PartTests
{
    private static readonly Type[] s_parts =
        [.. typeof(Connection).Assembly.GetTypes().Concat(typeof(Http3Limits).Assembly.GetTypes()).Where(IsPart)];

    private static readonly Type[] s_bound =
        [typeof(Delegate), typeof(Task), typeof(Thread), typeof(System.Threading.Timer), typeof(Stream), typeof(Connection), typeof(ConnectionParts), typeof(WaitHandle)];

    /// <summary>Goal: no part owns a delegate, a task, a neighbour or anything else that ties it to a process.</summary>
    [TestMethod]
    public void A_part_owns_nothing_that_cannot_travel()
    {
        Assert.IsTrue(s_parts.Length > 20, $"{s_parts.Length} parts");
        foreach (Type part in s_parts)
        {
            AssertTravels(part, part.Name, []);
        }
    }

    /// <summary>Goal: each part has a test in which it goes and comes back.</summary>
    [TestMethod]
    public void Each_part_has_a_test_of_its_journey()
    {
        string[] tests = [.. Sources.In("Net.Tests")
            .Where(file => !Sources.Name(file).Contains("Architecture", StringComparison.Ordinal))
            .Select(File.ReadAllText)
            .Where(text => Regex.IsMatch(text, @"RoundTrip|\bImport\b|Travel|Parts\b"))];
        // One that only a whole session makes travels with it, at every cut of its bytes.
        Assert.IsTrue(tests.Any(text => text.Contains("class SessionSnapshotTests", StringComparison.Ordinal)));
        string[] missing = [.. s_parts.Select(p => p.Name).Where(name => name != "UnidirectionalStream" && !tests.Any(text => Regex.IsMatch(text, $@"{name}\b")))];
        Assert.IsEmpty(missing, string.Join(", ", missing));
    }

    /// <summary>Goal: no two parts share a section, unless they have different keys in it; such pairs are named here.</summary>
    [TestMethod]
    public void Sections_are_not_shared()
    {
        foreach (IGrouping<ulong, Type> section in s_parts.GroupBy(SectionOf))
        {
            // Loss detection has several parts under one number, told apart by key (RecoverySection).
            Assert.IsTrue(section.Count() == 1 || section.Key is SectionNumber.LossDetection or SectionNumber.Congestion,
                $"section {section.Key}: {string.Join(", ", section.Select(t => t.Name))}");
        }
    }

    private static bool IsPart(Type type) => !type.IsInterface
        && type.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IPart<>) && i.GetGenericArguments()[0] == type);

    private static ulong SectionOf(Type part)
    {
        PropertyInfo? property = part.GetProperty("Section", BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static);
        return (ulong)property!.GetValue(null)!;
    }

    private static void AssertTravels(Type type, string where, HashSet<Type> seen)
    {
        if (!seen.Add(type) || type.IsPrimitive || type.IsEnum)
        {
            return;
        }

        for (Type? t = type; t is not null && t != typeof(object); t = t.BaseType)
        {
            foreach (FieldInfo field in t.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                Visit(field.FieldType, $"{where}.{field.Name}", seen);
            }
        }
    }

    private static void Visit(Type type, string where, HashSet<Type> seen)
    {
        Assert.IsFalse(s_bound.Any(bound => bound.IsAssignableFrom(type)), $"{where} is a {type.Name}: it cannot travel");
        Assert.IsFalse(IsPart(type), $"{where} is another part: a neighbour comes as an argument");
        if (type.HasElementType)
        {
            Visit(type.GetElementType()!, where, seen);
        }

        foreach (Type argument in type.IsGenericType ? type.GetGenericArguments() : [])
        {
            Visit(argument, where, seen);
        }

        // Into what is ours; the base library's collections hold what their arguments say, keys hold ciphers that are made again from secrets.
        if (type.Assembly == typeof(Connection).Assembly && !type.Name.Contains("Protection", StringComparison.Ordinal))
        {
            AssertTravels(type, where, seen);
        }
    }
}
