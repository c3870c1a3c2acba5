using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Tls;

namespace Net.Core.Io;

/// <summary>Answers handshakes as the base library's TLS options say.</summary>
internal sealed class SslHost : ICryptoHost, IDisposable
{
    private volatile HostCrypto _host;
    private volatile ServerCertificateSelectionCallback? _select;
    private readonly ConditionalWeakTable<X509Certificate, HostCrypto> _selected = new();

    public SslHost(SslServerAuthenticationOptions options)
    {
        _host = Of(options);
        _select = options.ServerCertificateSelectionCallback;
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

    /// <summary>Handshakes that begin from now on go by these options. From any thread; the old ones serve those that have begun.</summary>
    /// <exception cref="ArgumentException">No certificate and no way to select one: nothing has changed.</exception>
    public void Replace(SslServerAuthenticationOptions options)
    {
        // Whoever holds the old one may still be asking it: it is the collector's then.
        _host = Of(options);
        _select = options.ServerCertificateSelectionCallback;
    }

    public void FillEntropy(Span<byte> buffer) => _host.FillEntropy(buffer);

    public TlsCredential? SelectCredential(SelectCertificateRequest request)
    {
        ServerCertificateSelectionCallback? select = _select;
        if (select is null || !request.ForServer)
        {
            return _host.SelectCredential(request);
        }

        try
        {
            return select(this, request.ServerName) is X509Certificate2 certificate
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

    private static HostCrypto Of(SslServerAuthenticationOptions options)
    {
        X509Certificate2? certificate = options.ServerCertificateContext?.TargetCertificate ?? options.ServerCertificate as X509Certificate2;
        if (certificate is null && options.ServerCertificateSelectionCallback is null)
        {
            throw new ArgumentException("a server needs a certificate with its private key (an X509Certificate2), or a callback that selects one");
        }

        return new(new()
        {
            DefaultServerCertificate = certificate,
            Intermediates = Intermediates(options.ServerCertificateContext, options.CertificateChainPolicy),
            TrustedRoots = Roots(options.CertificateChainPolicy),
            Revocation = options.CertificateChainPolicy?.RevocationMode ?? options.CertificateRevocationCheckMode,
            RemoteCertificateValidation = options.RemoteCertificateValidationCallback,
        });
    }

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
