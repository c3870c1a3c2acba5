using System.Reflection;
using Net.Core.Crypto;
using Net.Migration.Ingress;
using Net.Migration.Link;

namespace Net.Tests.Migration.Ingress;

/// <summary>The ingress sits at the edge: what it cannot reach, whoever takes it over does not get.</summary>
[TestClass]
public sealed class IngressKeysTests
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    /// <summary>Goal: of the ingress only the inspector makes packet keys, from Initial secrets alone; nothing there knows connections, snapshots' parts or hand-overs.</summary>
    [TestMethod]
    public void The_ingress_reaches_Initial_keys_only()
    {
        Type[] mayBeNamed = [typeof(IProtectionSuite), typeof(PacketProtection), typeof(InitialSecrets), typeof(CipherSuite), typeof(CidCipher)];
        string[] forbidden = ["Net.Core.Connections", "Net.Core.Streams", "Net.Core.Snapshots", "Net.Migration.HandOver"];
        Type[] ingress = [.. typeof(Router).Assembly.GetTypes().Where(static t => t.Namespace == typeof(Router).Namespace)];
        Assert.IsGreaterThan(10, ingress.Length);
        foreach (Type type in ingress)
        {
            foreach (Type named in Used(type))
            {
                Type used = named.GetElementType() ?? named;
                Assert.DoesNotContain(used.Namespace ?? "", forbidden, $"{type} uses {used}");
                Assert.IsTrue(used.Namespace != typeof(PacketProtection).Namespace || mayBeNamed.Contains(used), $"{type} uses {used}");
                bool makesKeys = used == typeof(PacketProtection) || used == typeof(InitialSecrets);
                Assert.IsTrue(!makesKeys || type == typeof(InitialInspector), $"{type} uses {used}");
                bool hasSecrets = used == typeof(FederationKeys) || used == typeof(FederationKey) || used == typeof(KeyRing);
                Assert.IsTrue(!hasSecrets || type == typeof(IngressTags) || type == typeof(RouterKeys), $"{type} uses {used}: of connection IDs it needs what decrypts them, not what makes them");
            }
        }

        CollectionAssert.IsSubsetOf(new[] { typeof(PacketProtection), typeof(InitialSecrets) }, Used(typeof(InitialInspector)).ToArray(), "the search finds nothing");
    }

    /// <summary>Types in fields, signatures and locals, and owners of whatever method bodies call.</summary>
    private static HashSet<Type> Used(Type type)
    {
        HashSet<Type> used = [.. type.GetFields(All).Select(static f => f.FieldType)];
        foreach (MethodBase method in type.GetMethods(All).Concat<MethodBase>(type.GetConstructors(All)))
        {
            used.UnionWith(method.GetParameters().Select(static p => p.ParameterType));
            MethodBody? body = method.GetMethodBody();
            used.UnionWith(body?.LocalVariables.Select(static l => l.LocalType) ?? []);
            byte[] code = body?.GetILAsByteArray() ?? [];
            for (int i = 0; i + 4 < code.Length; i++)
            {
                // call, callvirt, newobj; an operand that looks like one and resolves only adds to what is checked.
                if (code[i] is 0x28 or 0x6F or 0x73 && TryResolve(type, BitConverter.ToInt32(code, i + 1)) is { } owner)
                {
                    used.Add(owner);
                }
            }
        }

        return used;
    }

    private static Type? TryResolve(Type type, int token)
    {
        try
        {
            return type.Module.ResolveMethod(token, type.IsGenericType ? type.GetGenericArguments() : null, null)?.DeclaringType;
        }
        catch (Exception e) when (e is ArgumentException or BadImageFormatException or FileNotFoundException or TypeLoadException)
        {
            return null;
        }
    }
}
