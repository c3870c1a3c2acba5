using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Migration.Hosting;
using Net.Node.Cli;
using Net.Node.Data;
using Net.Node.Runtime;

namespace Net.Tests.Node.Data;

/// <summary>Goal: what the processes of one user share is made once, by one of them, and read by nobody else.</summary>
[TestClass]
public sealed class DataDirectoryTests
{
    private string _path = "";
    private readonly TestTime _time = new(new(2030, 5, 1, 12, 0, 0, TimeSpan.Zero));

    [TestInitialize]
    public void MakeDirectory() => _path = Directory.CreateTempSubdirectory("continuum-data-").FullName;

    [TestCleanup]
    public void RemoveDirectory() => Directory.Delete(_path, recursive: true);

    [TestMethod]
    public void Its_place_follows_the_environment()
    {
        Assert.AreEqual("/x/y", Locate(("CONTINUUM_HOME", "/x/y"), ("XDG_DATA_HOME", "/d"), ("HOME", "/h")));
        Assert.AreEqual("/d/continuum", Locate(("CONTINUUM_HOME", ""), ("XDG_DATA_HOME", "/d"), ("HOME", "/h")));
        Assert.AreEqual("/h/.local/share/continuum", Locate(("XDG_DATA_HOME", "relative"), ("HOME", "/h")));
        Assert.AreEqual("/h/.local/share/continuum", Locate(("HOME", "/h")));
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux | OperatingSystems.OSX)]
    [UnsupportedOSPlatform("windows")]
    public void It_and_its_secrets_are_the_owners_alone()
    {
        string path = Path.Combine(_path, "deep", "home");
        DataDirectory data = DataDirectory.Open(path, _time);
        _ = data.ServerCertificate();
        _ = data.Member("a");
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.AreEqual(Owner | UnixFileMode.UserExecute, File.GetUnixFileMode(path));
        foreach (string secret in (string[])[DataDirectory.DevelopmentCaKeyFile, DataDirectory.ServerFile, DataDirectory.FederationCaKeyFile])
        {
            Assert.AreEqual(Owner, File.GetUnixFileMode(Path.Combine(path, secret)), secret);
        }

        Assert.DoesNotContain("PRIVATE", File.ReadAllText(Path.Combine(path, DataDirectory.DevelopmentCaFile)));
        Assert.IsEmpty(Directory.GetFiles(path, "*.tmp"));

        // One that was open to others is closed.
        File.SetUnixFileMode(path, Owner | UnixFileMode.UserExecute | UnixFileMode.OtherRead);
        _ = DataDirectory.Open(path, _time);
        Assert.AreEqual(Owner | UnixFileMode.UserExecute, File.GetUnixFileMode(path));
    }

    [TestMethod]
    public void A_file_in_its_place_is_a_failure_with_advice()
    {
        string file = Path.Combine(_path, "file");
        File.WriteAllText(file, "");
        CommandFailure failure = Assert.ThrowsExactly<CommandFailure>(() => DataDirectory.Open(file, _time));
        Assert.Contains("CONTINUUM_HOME", failure.Message);
    }

    [TestMethod]
    public void The_server_certificate_is_for_localhost_and_13_days_and_shared()
    {
        using X509Certificate2 first = DataDirectory.Open(_path, _time).ServerCertificate();
        using X509Certificate2 second = DataDirectory.Open(_path, _time).ServerCertificate();
        Assert.AreEqual(first.Thumbprint, second.Thumbprint);
        Assert.IsTrue(first.HasPrivateKey);
        Assert.AreEqual(TimeSpan.FromDays(13), first.NotAfter - first.NotBefore);
        Assert.IsTrue(first.MatchesHostname("localhost"));
        Assert.IsTrue(first.MatchesHostname("web.localhost"));
        Assert.IsTrue(first.MatchesHostname("127.0.0.1"));
        Assert.IsTrue(first.MatchesHostname("::1"));
        Assert.IsFalse(first.MatchesHostname("example.org"));
        using ECDsa? key = first.GetECDsaPrivateKey();
        Assert.AreEqual(256, key!.KeySize);
        using X509Certificate2 authority = DataDirectory.Open(_path, _time).DevelopmentCa();
        Assert.IsTrue(Certificates.IsIssuedBy(first, authority));
        Assert.IsFalse(authority.HasPrivateKey);
    }

    [TestMethod]
    public void It_is_renewed_when_less_than_half_of_its_time_is_left_by_the_same_authority()
    {
        DataDirectory data = DataDirectory.Open(_path, _time);
        using X509Certificate2 authority = data.DevelopmentCa(), first = data.ServerCertificate();
        _time.Now += TimeSpan.FromDays(6);
        Assert.AreEqual(first.Thumbprint, data.ServerCertificate().Thumbprint);
        _time.Now += TimeSpan.FromDays(1);
        using X509Certificate2 renewed = data.ServerCertificate();
        Assert.AreNotEqual(first.Thumbprint, renewed.Thumbprint);
        Assert.IsTrue(Certificates.IsIssuedBy(renewed, authority));
        Assert.AreEqual(authority.Thumbprint, data.DevelopmentCa().Thumbprint);
    }

    [TestMethod]
    public void A_damaged_certificate_is_made_again()
    {
        DataDirectory data = DataDirectory.Open(_path, _time);
        string first = data.ServerCertificate().Thumbprint;
        File.WriteAllText(Path.Combine(_path, DataDirectory.ServerFile), "-----BEGIN CERTIFICATE-----\nrubbish\n");
        Assert.AreNotEqual(first, data.ServerCertificate().Thumbprint);
        File.Delete(Path.Combine(_path, DataDirectory.DevelopmentCaFile));
        Assert.IsTrue(data.DevelopmentCa().RawData.Length > 0);
        Assert.IsTrue(File.Exists(Path.Combine(_path, DataDirectory.DevelopmentCaFile)), "the public half follows the key");
    }

    [TestMethod]
    public void A_member_is_named_in_its_certificate_and_may_be_both_ends_of_a_link()
    {
        MemberCredentials member = DataDirectory.Open(_path, _time).Member("node-7");
        Assert.AreEqual("node-7", member.Certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false));
        Assert.IsTrue(member.Certificate.MatchesHostname("node-7"));
        X509EnhancedKeyUsageExtension usage = member.Certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single();
        CollectionAssert.AreEquivalent((string[])["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"], usage.EnhancedKeyUsages.Cast<Oid>().Select(oid => oid.Value).ToArray());
        Assert.IsTrue(Certificates.IsIssuedBy(member.Certificate, member.Authority));
        using X509Certificate2 development = DataDirectory.Open(_path, _time).DevelopmentCa();
        Assert.IsFalse(Certificates.IsIssuedBy(member.Certificate, development), "clients' trust is not the federation's");
    }

    [TestMethod]
    public void Trust_may_come_from_elsewhere()
    {
        DataDirectory data = DataDirectory.Open(Path.Combine(_path, "home"), _time);
        MemberCredentials own = data.Member("a");
        MemberCredentials issued = DataDirectory.MemberFrom(data.Path, "b", _time);
        Assert.AreEqual(own.Authority.Thumbprint, issued.Authority.Thumbprint);
        Assert.AreEqual("b", issued.Certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false));

        // A member that cannot issue: its own certificate and the authority's public half.
        string outside = Directory.CreateDirectory(Path.Combine(_path, "outside")).FullName;
        File.Copy(Path.Combine(data.Path, DataDirectory.FederationCaFile), Path.Combine(outside, DataDirectory.FederationCaFile));
        PemFile.WritePair(Path.Combine(outside, DataDirectory.MemberFile), issued.Certificate);
        Assert.AreEqual(issued.Certificate.Thumbprint, DataDirectory.MemberFrom(outside, "b", _time).Certificate.Thumbprint);

        // Of another federation.
        MemberCredentials stranger = DataDirectory.Open(Path.Combine(_path, "other"), _time).Member("b");
        PemFile.WritePair(Path.Combine(outside, DataDirectory.MemberFile), stranger.Certificate);
        Assert.Contains("was not issued", Assert.ThrowsExactly<CommandFailure>(() => DataDirectory.MemberFrom(outside, "b", _time)).Message);
        Assert.Contains("--trust", Assert.ThrowsExactly<CommandFailure>(() => DataDirectory.MemberFrom(Path.Combine(_path, "none"), "b", _time)).Message);
    }

    /// <summary>Goal: a process that has the authority's key at hand, by the data directory or by --trust, outlives its certificate; an authority that was replaced is not asked.</summary>
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void A_member_is_issued_again_while_it_runs(bool fromTrust)
    {
        DataDirectory data = DataDirectory.Open(_path, _time);
        MemberCredentials member = data.Member("a");
        member = fromTrust ? DataDirectory.MemberFrom(_path, "a", _time) : member;
        Assert.AreEqual(member.Certificate.Thumbprint, member.Renewed!().Thumbprint);
        _time.Now += TimeSpan.FromDays(400);
        X509Certificate2 renewed = member.Renewed();
        Assert.IsNull(Certificates.WhyNot(renewed, _time.Now));
        Assert.IsTrue(Certificates.IsIssuedBy(renewed, member.Authority));
        using X509Certificate2 other = Certificates.MakeAuthority("other", _time.Now);
        PemFile.WritePair(Path.Combine(_path, DataDirectory.FederationCaKeyFile), other);
        _time.Now += TimeSpan.FromDays(300);
        Assert.AreEqual(renewed.Thumbprint, member.Renewed().Thumbprint, "the other members know the former authority alone");
    }

    /// <summary>Goal: the certificate in a file that has expired, or is of a machine whose clock is wrong, is an error that says so; one that was renewed is taken by who runs.</summary>
    [TestMethod]
    public void A_members_file_is_looked_at()
    {
        DataDirectory data = DataDirectory.Open(Path.Combine(_path, "home"), _time);
        string outside = Directory.CreateDirectory(Path.Combine(_path, "outside")).FullName, file = Path.Combine(outside, DataDirectory.MemberFile);
        using X509Certificate2 authority = data.FederationAuthority();
        File.Copy(Path.Combine(data.Path, DataDirectory.FederationCaFile), Path.Combine(outside, DataDirectory.FederationCaFile));
        PemFile.WritePair(file, data.Member("b").Certificate);
        MemberCredentials member = DataDirectory.MemberFrom(outside, "b", _time);
        Assert.AreEqual(member.Certificate.Thumbprint, member.Renewed!().Thumbprint);

        _time.Now += TimeSpan.FromDays(-2);
        Assert.Contains("is not valid before", Assert.ThrowsExactly<CommandFailure>(() => DataDirectory.MemberFrom(outside, "b", _time)).Message);
        _time.Now += TimeSpan.FromDays(402);
        string failure = Assert.ThrowsExactly<CommandFailure>(() => DataDirectory.MemberFrom(outside, "b", _time)).Message;
        Assert.Contains($"the certificate in {file} has expired on ", failure);
        Assert.Contains("continuum trust add b", failure);

        PemFile.WritePair(file, DataDirectory.Open(Path.Combine(_path, "other"), _time).Member("b").Certificate);
        File.SetLastWriteTimeUtc(file, _time.Now.UtcDateTime.AddSeconds(1));
        Assert.Contains("was not issued", Assert.ThrowsExactly<CommandFailure>(() => member.Renewed()).Message);
        Assert.Contains("was not issued", Assert.ThrowsExactly<CommandFailure>(() => member.Renewed()).Message, "what cannot be used now is looked at again");
        using X509Certificate2 renewed = Certificates.IssueMember(authority, "b", _time.Now);
        PemFile.WritePair(file, renewed);
        File.SetLastWriteTimeUtc(file, _time.Now.UtcDateTime.AddSeconds(2));
        Assert.AreEqual(renewed.Thumbprint, member.Renewed().Thumbprint);
        Assert.AreSame(member.Renewed(), member.Renewed());

        _time.Now += TimeSpan.FromDays(10 * 366);
        Assert.Contains("has expired", Assert.ThrowsExactly<CommandFailure>(() => DataDirectory.MemberFrom(data.Path, "b", _time)).Message);
    }

    [TestMethod]
    public void Many_at_once_make_one_authority()
    {
        string[] made = new string[8];
        Parallel.For(0, made.Length, i => made[i] = DataDirectory.Open(_path, _time).ServerCertificate().Thumbprint);
        Assert.AreEqual(1, made.Distinct().Count());
    }

    private static string Locate(params (string Name, string Value)[] variables) =>
        DataDirectory.Locate(name => variables.FirstOrDefault(variable => variable.Name == name).Value);
}

/// <summary>A clock that the test sets.</summary>
internal sealed class TestTime(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}
