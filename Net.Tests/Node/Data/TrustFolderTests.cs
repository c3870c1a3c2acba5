using System.Runtime.Versioning;
using System.Security.Cryptography.X509Certificates;
using Net.Migration.Hosting;
using Net.Node.Cli;
using Net.Node.Data;
using Net.Node.Runtime;

namespace Net.Tests.Node.Data;

/// <summary>Goal: `continuum trust` makes and unmakes members, on disk, with the rights that secrets need.</summary>
[TestClass]
public sealed class TrustFolderTests
{
    private readonly TestTime _time = new(DateTimeOffset.UtcNow);
    private string _path = "";

    private TrustFolder Folder => new(DataDirectory.Open(_path, _time));

    [TestInitialize]
    public void MakeDirectory() => _path = Directory.CreateTempSubdirectory("continuum-trust-").FullName;

    [TestCleanup]
    public void RemoveDirectory() => Directory.Delete(_path, recursive: true);

    [TestMethod]
    public void A_member_is_added_found_and_removed()
    {
        Roster first = Folder.Init();
        Assert.AreEqual("command ingress", string.Join(' ', first.Entries.Select(entry => entry.Name).Order(StringComparer.Ordinal)));
        string folder = Folder.Add("a");
        MemberCredentials here = DataDirectory.MemberFrom(_path, "a", _time), there = DataDirectory.MemberFrom(folder, "a", _time);
        Assert.AreEqual(here.Certificate.Thumbprint, there.Certificate.Thumbprint, "the folder is all that its machine needs");
        Assert.IsTrue(here.Certificate.HasPrivateKey);
        Assert.IsTrue(Folder.Read().Admits("a", Roster.FingerprintOf(here.Certificate)));
        Assert.AreEqual(Path.Combine(_path, DataDirectory.RosterFile), here.RosterFile);
        Assert.AreEqual(File.ReadAllText(here.RosterFile!), File.ReadAllText(there.RosterFile!));

        ulong generation = Folder.Read().Generation;
        _ = Folder.Add("a");
        using X509Certificate2 renewed = DataDirectory.MemberFrom(_path, "a", _time).Certificate;
        Assert.AreNotEqual(here.Certificate.Thumbprint, renewed.Thumbprint);
        Assert.IsTrue(Folder.Read().Admits("a", Roster.FingerprintOf(renewed)) && Folder.Read().Admits("a", Roster.FingerprintOf(here.Certificate)), "the key is the same");
        Assert.AreEqual(generation, Folder.Read().Generation, "a renewal is nobody else's business");

        Roster after = Folder.Remove("a");
        Assert.AreEqual((3ul, 1ul, true), (after.Generation, after.Rotation, after.WasRemoved("a")));
        Assert.IsFalse(Directory.Exists(folder));
        CommandFailure gone = Assert.ThrowsExactly<CommandFailure>(() => DataDirectory.MemberFrom(_path, "a", _time));
        Assert.Contains("a is no member of the federation", gone.Message);
        _ = Folder.Add("a");
        Assert.IsTrue(Folder.Read().Has("a"), "it may come back, with another key");
        Assert.IsFalse(Folder.Read().Admits("a", Roster.FingerprintOf(renewed)));
    }

    [TestMethod]
    public void The_data_directory_itself_may_be_the_place()
    {
        DataDirectory data = DataDirectory.Open(_path, _time);
        Assert.IsNull(data.Member("a").RosterFile, "before, whoever has the authority's key is a member");
        _ = Folder.Init();
        Assert.ThrowsExactly<CommandFailure>(() => data.Member("a"));
        _ = Folder.Add("a");
        Assert.AreEqual(DataDirectory.MemberFrom(Path.Combine(_path, "members", "a"), "a", _time).Certificate.Thumbprint, data.Member("a").Certificate.Thumbprint);
        Assert.AreEqual(32, data.Member("ingress").Secret.Length);
        ReadOnlyMemory<byte> secret = data.Member("ingress").Secret;
        Assert.IsTrue(secret.Span.SequenceEqual(data.Member("ingress").Secret.Span), "every ingress derives the same");
        string before = data.Member("ingress").Certificate.Thumbprint;
        _ = Folder.Add("ingress");
        Assert.AreNotEqual(before, data.Member("ingress").Certificate.Thumbprint);
        Assert.IsTrue(secret.Span.SequenceEqual(data.Member("ingress").Secret.Span), "what etcd holds stays readable");
        File.Delete(Path.Combine(_path, "members", "ingress", DataDirectory.MemberFile));
        Assert.Contains("restore it from a backup", Failure(() => Folder.Add("ingress")));
    }

    [TestMethod]
    public void What_cannot_be_is_said_with_what_to_do()
    {
        Assert.Contains("continuum trust init", Failure(() => Folder.Add("a")));
        _ = Folder.Init();
        Assert.Contains("has a federation already: see it with continuum trust list", Failure(() => Folder.Init()));
        Assert.Contains("nobody is no member: see the members", Failure(() => Folder.Remove("nobody")));
        Assert.Contains("renew its certificate with continuum trust add ingress", Failure(() => Folder.Remove("ingress")));
        File.AppendAllText(Path.Combine(_path, DataDirectory.RosterFile), "x");
        Assert.Contains("is not signed by the authority beside it", Failure(() => Folder.Read()));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux | OperatingSystems.OSX)]
    [UnsupportedOSPlatform("windows")]
    public void Keys_are_their_owners_alone()
    {
        _ = Folder.Init();
        string folder = Folder.Add("a");
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.AreEqual(Owner | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
        foreach (string file in Directory.GetFiles(_path, "*", SearchOption.AllDirectories))
        {
            Assert.IsTrue(!File.ReadAllText(file).Contains("PRIVATE", StringComparison.Ordinal) || File.GetUnixFileMode(file) == Owner, file);
        }
    }

    private static string Failure(Action action)
    {
        try
        {
            action();
        }
        catch (CommandFailure failure)
        {
            return failure.Message;
        }

        throw new AssertFailedException("it did not fail");
    }
}
