using System.Security.Cryptography.X509Certificates;
using Net.Migration.Hosting;
using Net.Node.Cli;
using Net.Node.Runtime;
using Net.Tests.Node.Data;

namespace Net.Tests.Node.Runtime;

[TestClass]
public sealed class ServerRenewalTests
{
    private readonly TestTime _time = new(DateTimeOffset.UtcNow);

    /// <summary>Goal: a certificate that was renewed is shown once; one that cannot be read or has expired is not, and that is told once.</summary>
    [TestMethod]
    public void What_was_renewed_is_shown()
    {
        using X509Certificate2 authority = Certificates.MakeAuthority("test", _time.Now.AddDays(-60));
        X509Certificate2 first = Certificates.IssueServer(authority, _time.Now), second = Certificates.IssueServer(authority, _time.Now);
        string pem = first.ExportCertificatePem();
        List<string> shown = [], log = [];
        Func<X509Certificate2> read = () => X509Certificate2.CreateFromPem(pem);
        using ServerRenewal renewal = new(first, () => (read(), []), (certificate, _) => shown.Add(certificate.Thumbprint), log.Add, _time);
        renewal.Look();
        Assert.IsEmpty(shown);
        Assert.IsEmpty(log);
        read = () => throw new CommandFailure("server.key is not the key of server.pem", "wait");
        renewal.Look();
        renewal.Look();
        Assert.Contains("server.key is not the key", log.Single());
        read = () => second;
        renewal.Look();
        Assert.AreEqual(second.Thumbprint, shown.Single());
        Assert.Contains("another certificate", log[1]);
        X509Certificate2 expired = Certificates.IssueServer(authority, _time.Now.AddDays(-30));
        read = () => expired;
        renewal.Look();
        Assert.HasCount(1, shown);
        Assert.Contains("has expired", log[2]);
    }
}
