using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Core.Tls;

namespace Bench.Migration;

/// <summary>A federation's certificates, and clients that trust whatever they are shown.</summary>
internal sealed class BenchPki : ICryptoHost, IDisposable
{
    private readonly X509Certificate2 _root;
    private readonly HostCrypto _host = new(new());

    public BenchPki()
    {
        CertificateRequest root = new("CN=bench", ECDsa.Create(ECCurve.NamedCurves.nistP256), HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        root.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        _root = root.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(2));
        Server = Issue("localhost");
    }

    public X509Certificate2Collection Roots => [_root];

    public X509Certificate2 Server { get; }

    public X509Certificate2 Issue(string name)
    {
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(name);
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 bare = request.Create(
            _root, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), [1, .. RandomNumberGenerator.GetBytes(7)]);
        return bare.CopyWithPrivateKey(key);
    }

    public void Dispose() => _host.Dispose();

    void ICryptoHost.FillEntropy(Span<byte> buffer) => RandomNumberGenerator.Fill(buffer);

    TlsCredential? ICryptoHost.SelectCredential(SelectCertificateRequest request) => _host.SelectCredential(request);

    CertificateVerdict ICryptoHost.Validate(ValidateCertificateRequest request) => CertificateVerdict.Trusted;
}
