using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Interop.Matrix;

/// <summary>What the runner mounts as /certs: an authority, a chain below it, and the leaf's key. Valid for a few days, and for the addresses of all places.</summary>
internal sealed class TestCertificates : IDisposable
{
    public TestCertificates()
    {
        Folder = Directory.CreateTempSubdirectory("interop-certs-").FullName;
        using ECDsa rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest rootRequest = new("CN=interop authority", rootKey, HashAlgorithmName.SHA256);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        DateTimeOffset from = DateTimeOffset.UtcNow.AddDays(-1), until = from.AddDays(10);
        using X509Certificate2 root = rootRequest.CreateSelfSigned(from, until);

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=server", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        foreach (string name in (string[])["server", "server4", "server6", "server46", "localhost"])
        {
            names.AddDnsName(name);
        }

        foreach (IPAddress address in (IPAddress[])[IPAddress.Loopback, IPAddress.IPv6Loopback, Netem.Network.ServerAddress])
        {
            names.AddIpAddress(address);
        }

        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 leaf = request.Create(root, from, until, RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(Path.Combine(Folder, "ca.pem"), root.ExportCertificatePem());
        File.WriteAllText(Chain, leaf.ExportCertificatePem() + "\n" + root.ExportCertificatePem() + "\n");
        File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
        KeyHash = Convert.ToBase64String(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));
    }

    public string Folder { get; }

    public string Chain => Path.Combine(Folder, "cert.pem");

    public string Key => Path.Combine(Folder, "priv.key");

    /// <summary>SHA-256 of the public key in Base64: what Chromium is told to trust.</summary>
    public string KeyHash { get; }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
