using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Net.Migration.Hosting;

/// <summary>Makes certificates (RFC 5280), all with ECDSA P-256 keys.</summary>
internal static class Certificates
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private static readonly TimeSpan s_authorityLife = TimeSpan.FromDays(3650);
    private static readonly TimeSpan s_serverLife = TimeSpan.FromDays(13);
    private static readonly TimeSpan s_memberLife = TimeSpan.FromDays(365);

    /// <summary>Clocks of two machines differ: a certificate made just now is valid on the other one too. Part of its life.</summary>
    private static readonly TimeSpan s_skew = TimeSpan.FromHours(1);

    public static X509Certificate2 MakeAuthority(string name, DateTimeOffset now)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(Name($"{name} {Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(now - s_skew, now - s_skew + s_authorityLife);
    }

    /// <summary>For localhost by name and by both addresses.</summary>
    public static X509Certificate2 IssueServer(X509Certificate2 authority, DateTimeOffset now)
    {
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        names.AddDnsName("*.localhost");
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        return Issue(authority, "localhost", names, [ServerAuthentication], now, s_serverLife);
    }

    /// <summary>For both ends of a link: common name and DNS name are the member's name.</summary>
    /// <param name="key">Its key pair; null: a new one.</param>
    public static X509Certificate2 IssueMember(X509Certificate2 authority, string name, DateTimeOffset now, ECDsa? key = null)
    {
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(name);
        return Issue(authority, name, names, [ClientAuthentication, ServerAuthentication], now, s_memberLife, key);
    }

    /// <summary>What a server shows to those who come.</summary>
    public static SslServerAuthenticationOptions Shown(X509Certificate2 certificate, X509Certificate2Collection intermediates)
    {
        X509ChainPolicy policy = new() { RevocationMode = X509RevocationMode.NoCheck };
        policy.ExtraStore.AddRange(intermediates);
        return new() { ServerCertificate = certificate, CertificateChainPolicy = policy };
    }

    public static bool IsIssuedBy(X509Certificate2 certificate, X509Certificate2 authority)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid;
        return chain.Build(certificate);
    }

    /// <summary>Why it is not valid at that time, for people; null when it is.</summary>
    public static string? WhyNot(X509Certificate2 certificate, DateTimeOffset now) =>
        now >= certificate.NotAfter ? $"has expired on {Day(certificate.NotAfter)}" : now < certificate.NotBefore ? $"is not valid before {Day(certificate.NotBefore)}" : null;

    public static string Day(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static X509Certificate2 Issue(
        X509Certificate2 authority, string subject, SubjectAlternativeNameBuilder names, string[] purposes, DateTimeOffset now, TimeSpan life, ECDsa? former = null)
    {
        using ECDsa key = ECDsa.Create();
        if (former is null)
        {
            key.GenerateKey(ECCurve.NamedCurves.nistP256);
        }
        else
        {
            ECParameters kept = former.ExportParameters(includePrivateParameters: true);
            key.ImportParameters(kept);
            CryptographicOperations.ZeroMemory(kept.D);
        }

        CertificateRequest request = new(Name(subject), key, HashAlgorithmName.SHA256);
        OidCollection usages = [];
        foreach (string purpose in purposes)
        {
            usages.Add(new Oid(purpose));
        }

        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(usages, false));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, true, false));
        byte[] serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)(serial[0] & 0x7F | 0x40);
        DateTimeOffset from = now - s_skew, until = from + life;
        DateTimeOffset limit = authority.NotAfter;
        using X509Certificate2 bare = request.Create(authority, from, until < limit ? until : limit, serial);
        return bare.CopyWithPrivateKey(key);
    }

    private static X500DistinguishedName Name(string commonName)
    {
        X500DistinguishedNameBuilder builder = new();
        builder.AddCommonName(commonName);
        return builder.Build();
    }
}
