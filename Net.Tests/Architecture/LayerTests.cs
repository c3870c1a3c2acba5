using System.Reflection;
using System.Text.RegularExpressions;
using Net.Core.Connections;
using Net.Http3.Wire;

namespace Net.Tests.Architecture;

/// <summary>Each layer imports only what is below it (docs: STYLE, a layout that shows it).</summary>
[TestClass]
public sealed class LayerTests
{
    private static readonly string[] s_folders =
        ["Time", "Wire", "Errors", "Snapshots", "Crypto", "Tls", "Recovery", "Streams", "Paths", "Connections", "Endpoints", "Diagnostics", "Io"];

    /// <summary>Goal: the transport stands on the base library and BouncyCastle alone, HTTP/3 on the transport alone.</summary>
    [TestMethod]
    public void Assemblies_reference_only_what_is_below()
    {
        AssertReferences(typeof(Connection).Assembly, "BouncyCastle.Cryptography");
        AssertReferences(typeof(Http3Limits).Assembly, "Net.Core");
    }

    /// <summary>Goal: BouncyCastle stays inside Net.Core/Crypto.</summary>
    [TestMethod]
    public void BouncyCastle_is_used_in_Crypto_alone()
    {
        foreach (string file in Sources.In("Net.Core").Concat(Sources.In("Net.Http3")).Concat(Sources.In("Net.Migration")))
        {
            bool uses = File.ReadAllText(file).Contains("Org.BouncyCastle", StringComparison.Ordinal);
            Assert.IsTrue(!uses || Sources.Name(file).Replace('\\', '/').StartsWith("Net.Core/Crypto/", StringComparison.Ordinal), Sources.Name(file));
        }
    }

    /// <summary>Goal: a folder of Net.Core uses those to its left.</summary>
    [TestMethod]
    public void Folders_use_those_to_their_left()
    {
        int uses = 0;
        for (int own = 0; own < s_folders.Length; own++)
        {
            foreach (string file in Sources.In(Path.Combine("Net.Core", s_folders[own])))
            {
                foreach (Match match in Regex.Matches(File.ReadAllText(file), @"\bNet\.Core\.([A-Z]\w*)"))
                {
                    int other = Array.IndexOf(s_folders, match.Groups[1].Value);
                    uses++;
                    Assert.IsTrue(other <= own || IsPermitted(file, s_folders[own], s_folders[other]), $"{Sources.Name(file)} uses {match.Value}");
                }
            }
        }

        Assert.IsTrue(uses > 100, "the files were found");
    }

    /// <summary>Goal: what stands in front of everybody, the ingress, cannot open a 1-RTT packet.</summary>
    [TestMethod]
    public void The_ingress_reaches_Initial_keys_alone()
    {
        foreach (string file in Sources.In(Path.Combine("Net.Migration", "Ingress")))
        {
            string text = File.ReadAllText(file);
            Assert.IsFalse(text.Contains("OneRttKeys", StringComparison.Ordinal), $"{Sources.Name(file)} uses 1-RTT keys");
            Assert.IsFalse(text.Contains("Net.Core.Connections", StringComparison.Ordinal), $"{Sources.Name(file)} uses connections");
            bool usesTls = text.Contains("using Net.Core.Tls", StringComparison.Ordinal);
            Assert.IsTrue(!usesTls || text.Contains("ClientHelloPeek", StringComparison.Ordinal), $"{Sources.Name(file)} uses TLS for more than a name");
            Assert.IsFalse(Regex.IsMatch(text, @"\bTls(Server|Client|Session|Secret)\b"), $"{Sources.Name(file)} uses TLS for more than a name");
        }
    }

    /// <summary>Goal: no file grows beyond what can be read at once.</summary>
    [TestMethod]
    public void Files_are_short()
    {
        string[] projects = ["Net.Core", "Net.Http3", "Net.Migration", "Net.Node", "Net.Tests"];
        string[] tooLong = [.. projects.SelectMany(Sources.In).Where(file => File.ReadLines(file).Count() > 600).Select(Sources.Name)];
        Assert.IsEmpty(tooLong, string.Join(", ", tooLong));
    }

    // Errors name frames, frames return errors; transport parameters travel as they are. The shape of an ID is the endpoint's, who routes by it; connections make IDs of that shape.
    private static bool IsPermitted(string file, string own, string other) => (own, other) switch
    {
        ("Wire", "Errors") => true,
        ("Wire", "Snapshots") => Path.GetFileName(file) is "TransportParameters.cs",
        ("Connections", "Endpoints") => Path.GetFileName(file) is "Inbound.cs" or "ConnectionIdDeriver.cs",
        _ => false,
    };

    private static void AssertReferences(Assembly assembly, params string[] others)
    {
        foreach (AssemblyName reference in assembly.GetReferencedAssemblies())
        {
            string name = reference.Name!;
            bool isBase = name.StartsWith("System.", StringComparison.Ordinal) || name is "Microsoft.Win32.Primitives";
            Assert.IsTrue(isBase || others.Contains(name), $"{assembly.GetName().Name} references {name}");
        }
    }
}
