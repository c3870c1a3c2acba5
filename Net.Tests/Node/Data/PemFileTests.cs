using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Migration.Hosting;
using Net.Node.Cli;
using Net.Node.Data;

namespace Net.Tests.Node.Data;

/// <summary>Goal: a certificate or key that cannot be used is named, with the reason, before anything starts.</summary>
[TestClass]
public sealed class PemFileTests
{
    private static readonly DateTimeOffset s_now = new(2030, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private string _path = "";

    [TestInitialize]
    public void MakeDirectory() => _path = Directory.CreateTempSubdirectory("continuum-pem-").FullName;

    [TestCleanup]
    public void RemoveDirectory() => Directory.Delete(_path, recursive: true);

    [TestMethod]
    public void A_chain_and_its_key_are_read()
    {
        using X509Certificate2 authority = Certificates.MakeAuthority("test", s_now), server = Certificates.IssueServer(authority, s_now);
        string chain = Write("chain", $"{server.ExportCertificatePem()}\n{authority.ExportCertificatePem()}\n");
        using ECDsa key = server.GetECDsaPrivateKey()!;
        string keyFile = Write("key", key.ExportPkcs8PrivateKeyPem());
        using X509Certificate2 read = PemFile.ReadPair(chain, keyFile);
        Assert.AreEqual(server.Thumbprint, read.Thumbprint);
        Assert.IsTrue(read.HasPrivateKey);
        Assert.AreEqual(authority.Thumbprint, PemFile.ReadIntermediates(chain).Single().Thumbprint);
    }

    [TestMethod]
    public void What_is_wrong_is_said()
    {
        using X509Certificate2 authority = Certificates.MakeAuthority("test", s_now), server = Certificates.IssueServer(authority, s_now);
        string good = Write("good", server.ExportCertificatePem()), text = Write("text", "hello\n"), empty = Write("empty", "");
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string foreign = Write("foreign", other.ExportPkcs8PrivateKeyPem());
        string locked = Write("locked", other.ExportEncryptedPkcs8PrivateKeyPem("x", new(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1)));

        AssertFailure("does not exist", () => PemFile.ReadPair(Path.Combine(_path, "none"), text));
        AssertFailure("does not exist", () => PemFile.ReadPair(good, Path.Combine(_path, "none")));
        AssertFailure("is a directory", () => PemFile.ReadPair(_path, text));
        AssertFailure("holds no PEM certificate", () => PemFile.ReadPair(text, text));
        AssertFailure("holds no PEM certificate", () => PemFile.ReadPair(empty, text));
        AssertFailure("is not the unencrypted PEM key", () => PemFile.ReadPair(good, foreign));
        AssertFailure("is not the unencrypted PEM key", () => PemFile.ReadPair(good, locked));
        AssertFailure("is not the unencrypted PEM key", () => PemFile.ReadPair(good, text));
    }

    private static void AssertFailure(string says, Func<object> read)
    {
        CommandFailure failure = Assert.ThrowsExactly<CommandFailure>(() => read());
        Assert.Contains(says, failure.Message);
        Assert.AreEqual(1, failure.Code);
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_path, name);
        File.WriteAllText(path, text);
        return path;
    }
}
