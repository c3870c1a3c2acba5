using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Net.Tests.Migration.Hosting;

/// <summary>A federation's root, and members that it has issued certificates to.</summary>
internal sealed class TestFederation
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly X509Certificate2 _root;

    public TestFederation()
    {
        CertificateRequest root = new("CN=Test Federation", ECDsa.Create(ECCurve.NamedCurves.nistP256), HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        root.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        _root = root.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(300));
    }

    public static TestFederation Instance { get; } = new();

    public X509Certificate2Collection Roots => [_root];

    /// <summary>With its key: signs rosters.</summary>
    public X509Certificate2 Authority => _root;

    public X509Certificate2 Member(string name)
    {
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerAuthentication), new Oid(ClientAuthentication)], false));
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 bare = request.Create(
            _root, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(200), [1, .. RandomNumberGenerator.GetBytes(7)]);
        return bare.CopyWithPrivateKey(key);
    }
}
