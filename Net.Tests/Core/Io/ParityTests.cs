using System.Reflection;
using Net.Core.Io;
using Theirs = System.Net.Quic;

// The originals are looked at, not used: that works wherever the tests run.
#pragma warning disable CA1416

namespace Net.Tests.Core.Io;

/// <summary>Porting from System.Net.Quic is a changed using: whatever its public types have, ours have under the same name.</summary>
[TestClass]
public sealed class ParityTests
{
    /// <summary>What ours lacks, each with its reason. Empty is the goal.</summary>
    private static readonly Dictionary<string, string> s_lacking = [];

    private static readonly Assembly s_theirs = typeof(Theirs.QuicListener).Assembly;

    /// <summary>Goal: every public type, member, parameter and enumeration value of System.Net.Quic is here, or its absence has a reason.</summary>
    [TestMethod]
    public void Nothing_of_System_Net_Quic_is_missing()
    {
        Type[] types = [.. s_theirs.GetExportedTypes().Where(type => type.Namespace == "System.Net.Quic")];
        Assert.IsTrue(types.Length >= 13, $"{types.Length} types");
        List<string> missing = [];
        int members = 0;
        foreach (Type theirs in types)
        {
            if (OursOf(theirs) is not Type ours)
            {
                missing.Add(theirs.Name);
                continue;
            }

            const BindingFlags declared = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
            foreach (MemberInfo member in theirs.GetMembers(declared))
            {
                members++;
                if (!Has(ours, member))
                {
                    missing.Add($"{theirs.Name}.{member}");
                }
            }

            foreach (Type contract in theirs.GetInterfaces().Where(contract => !contract.IsAssignableFrom(ours) && contract.Assembly != s_theirs))
            {
                // Those of an enumeration or record come by themselves.
                missing.Add($"{theirs.Name} : {contract.Name}");
            }
        }

        Assert.IsTrue(members > 120, $"{members} members");
        string[] unexplained = [.. missing.Where(name => !s_lacking.ContainsKey(name))];
        Assert.IsEmpty(unexplained, string.Join(Environment.NewLine, unexplained));
        string[] stale = [.. s_lacking.Keys.Where(name => !missing.Contains(name))];
        Assert.IsEmpty(stale, "not missing any more: " + string.Join(", ", stale));
    }

    /// <summary>Goal: whoever writes out the defaults of the originals finds the same here, but where ours is meant to differ.</summary>
    [TestMethod]
    public void Defaults_are_those_of_the_originals()
    {
        // Ours are enough for most paths and grow; its are fixed. Codes need not be set here: 0 is one.
        string[] meantToDiffer = ["InitialReceiveWindowSizes", "DefaultCloseErrorCode", "DefaultStreamErrorCode"];
        (object Theirs, object Ours)[] pairs =
        [
            (new Theirs.QuicClientConnectionOptions(), new QuicClientConnectionOptions()),
            (new Theirs.QuicServerConnectionOptions(), new QuicServerConnectionOptions()),
            (new Theirs.QuicListenerOptions(), new QuicListenerOptions()),
        ];
        foreach ((object theirs, object ours) in pairs)
        {
            foreach (PropertyInfo property in theirs.GetType().GetProperties().Where(property => !meantToDiffer.Contains(property.Name)))
            {
                object? expected = property.GetValue(theirs), actual = ours.GetType().GetProperty(property.Name)!.GetValue(ours);
                bool isSame = Equals(expected, actual)
                    // An empty list and none are the same to say.
                    || (expected ?? actual) is System.Collections.ICollection { Count: 0 }
                    // "Never" is said in two ways.
                    || (property.Name == "KeepAliveInterval" && actual is TimeSpan { Ticks: 0 });
                Assert.IsTrue(isSame, $"{theirs.GetType().Name}.{property.Name} is {expected} there and {actual} here");
            }
        }
    }

    private static Type? OursOf(Type theirs) => typeof(QuicListener).Assembly.GetType($"Net.Core.Io.{theirs.Name}") is { IsPublic: true } ours ? ours : null;

    private static bool Has(Type ours, MemberInfo member) => member switch
    {
        FieldInfo { IsSpecialName: true } => true,
        FieldInfo { IsLiteral: true } field => ours.GetField(field.Name) is FieldInfo same && Equals(same.GetRawConstantValue(), field.GetRawConstantValue()),
        PropertyInfo property => ours.GetProperty(property.Name) is PropertyInfo same
            && IsSame(property.PropertyType, same.PropertyType)
            && (property.SetMethod is not { IsPublic: true } || same.SetMethod is { IsPublic: true })
            && (property.GetMethod is not { IsPublic: true } || same.GetMethod is { IsPublic: true }),
        ConstructorInfo constructor => ours.GetConstructors().Any(same => AreSame(constructor, same)),
        // Accessors are seen with their properties.
        MethodInfo { IsSpecialName: true } => true,
        MethodInfo method => ours.GetMethods().Any(same => same.Name == method.Name
            && same.IsStatic == method.IsStatic && IsSame(method.ReturnType, same.ReturnType) && AreSame(method, same)),
        _ => false,
    };

    private static bool AreSame(MethodBase theirs, MethodBase ours)
    {
        ParameterInfo[] a = theirs.GetParameters(), b = ours.GetParameters();
        return a.Length == b.Length && a.Zip(b).All(pair => IsSame(pair.First.ParameterType, pair.Second.ParameterType)
            && pair.First.IsOptional == pair.Second.IsOptional
            && (pair.First.Name == pair.Second.Name || theirs.DeclaringType?.BaseType == typeof(Stream)));
    }

    private static bool IsSame(Type theirs, Type ours)
    {
        if (theirs.IsGenericType)
        {
            return ours.IsGenericType && theirs.GetGenericTypeDefinition() == ours.GetGenericTypeDefinition()
                && theirs.GetGenericArguments().Zip(ours.GetGenericArguments()).All(pair => IsSame(pair.First, pair.Second));
        }

        return theirs.Assembly == s_theirs ? OursOf(theirs) == ours : theirs == ours;
    }
}
