using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Tls;

namespace Net.Core.Io;

/// <summary>Answers handshakes as the base library's TLS options say.</summary>
internal sealed class SslHost : ICryptoHost, IDisposable
{
    private readonly HostCrypto _host;
    private readonly ServerCertificateSelectionCallback? _select;
    private readonly ConditionalWeakTable<X509Certificate, HostCrypto> _selected = new();

    public SslHost(SslServerAuthenticationOptions options)
    {
        _select = options.ServerCertificateSelectionCallback;
        X509Certificate2? certificate = options.ServerCertificateContext?.TargetCertificate ?? options.ServerCertificate as X509Certificate2;
        if (certificate is null && _select is null)
        {
            throw new ArgumentException("a server needs a certificate with its private key (an X509Certificate2), or a callback that selects one");
        }

        _host = new(new()
        {
            DefaultServerCertificate = certificate,
            Intermediates = Intermediates(options.ServerCertificateContext, options.CertificateChainPolicy),
            TrustedRoots = Roots(options.CertificateChainPolicy),
            Revocation = options.CertificateChainPolicy?.RevocationMode ?? options.CertificateRevocationCheckMode,
            RemoteCertificateValidation = options.RemoteCertificateValidationCallback,
        });
    }

    public SslHost(SslClientAuthenticationOptions options) => _host = new(new()
    {
        ClientCertificate = options.ClientCertificateContext?.TargetCertificate
            ?? options.ClientCertificates?.OfType<X509Certificate2>().FirstOrDefault(certificate => certificate.HasPrivateKey),
        Intermediates = Intermediates(options.ClientCertificateContext, options.CertificateChainPolicy),
        TrustedRoots = Roots(options.CertificateChainPolicy),
        Revocation = options.CertificateChainPolicy?.RevocationMode ?? options.CertificateRevocationCheckMode,
        RemoteCertificateValidation = options.RemoteCertificateValidationCallback,
    });

    public void FillEntropy(Span<byte> buffer) => _host.FillEntropy(buffer);

    public TlsCredential? SelectCredential(SelectCertificateRequest request)
    {
        if (_select is null || !request.ForServer)
        {
            return _host.SelectCredential(request);
        }

        try
        {
            return _select(this, request.ServerName) is X509Certificate2 certificate
                ? _selected.GetValue(certificate, static c => new(new() { DefaultServerCertificate = (X509Certificate2)c })).SelectCredential(request)
                : null;
        }
        catch (Exception)
        {
            // The application's fault, and the end of this handshake alone.
            return null;
        }
    }

    public CertificateVerdict Validate(ValidateCertificateRequest request)
    {
        try
        {
            return _host.Validate(request);
        }
        catch (Exception)
        {
            // As above: a callback that throws has not said yes.
            return CertificateVerdict.Unknown;
        }
    }

    public void Dispose() => _host.Dispose();

    private static X509Certificate2Collection? Roots(X509ChainPolicy? policy) =>
        policy is { TrustMode: X509ChainTrustMode.CustomRootTrust } ? policy.CustomTrustStore : null;

    private static X509Certificate2Collection Intermediates(SslStreamCertificateContext? context, X509ChainPolicy? policy)
    {
        X509Certificate2Collection all = [];
        if (context is not null)
        {
            all.AddRange(context.IntermediateCertificates.ToArray());
        }

        if (policy is not null)
        {
            all.AddRange(policy.ExtraStore);
        }

        return all;
    }
}
