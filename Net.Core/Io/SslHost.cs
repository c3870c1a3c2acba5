using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Tls;

namespace Net.Core.Io;

/// <summary>Answers handshakes as the base library's TLS options say.</summary>
internal sealed class SslHost : ICryptoHost, IDisposable
{
    private volatile HostCrypto _host;
    private volatile ServerCertificateSelectionCallback? _selectServer;
    private readonly LocalCertificateSelectionCallback? _selectClient;
    private readonly X509CertificateCollection _clientCertificates = [];
    private volatile X509Certificate2Collection _intermediates = [];
    private readonly ConditionalWeakTable<X509Certificate, HostCrypto> _selected = new();

    /// <summary>Of a server that asks its application for each client: it gives entropy, and nothing else.</summary>
    public SslHost() => _host = new(new());

    /// <exception cref="ArgumentException">Nothing to show to clients.</exception>
    public SslHost(SslServerAuthenticationOptions options)
    {
        _host = Of(options);
        _intermediates = Intermediates(options.ServerCertificateContext, options.CertificateChainPolicy);
        _selectServer = options.ServerCertificateSelectionCallback;
    }

    public SslHost(SslClientAuthenticationOptions options)
    {
        _selectClient = options.LocalCertificateSelectionCallback;
        _clientCertificates = options.ClientCertificates ?? [];
        _intermediates = Intermediates(options.ClientCertificateContext, options.CertificateChainPolicy);
        _host = new(new()
        {
            ClientCertificate = options.ClientCertificateContext?.TargetCertificate
                ?? _clientCertificates.OfType<X509Certificate2>().FirstOrDefault(certificate => certificate.HasPrivateKey),
            Intermediates = _intermediates,
            ChainPolicy = options.CertificateChainPolicy,
            Revocation = options.CertificateRevocationCheckMode,
            RemoteCertificateValidation = options.RemoteCertificateValidationCallback,
        });
    }

    /// <summary>Handshakes that begin from now on go by these options. From any thread; the old ones serve those that have begun.</summary>
    /// <exception cref="ArgumentException">No certificate and no way to select one: nothing has changed.</exception>
    public void Replace(SslServerAuthenticationOptions options)
    {
        // Whoever holds the old one may still be asking it: it is the collector's then.
        _host = Of(options);
        _intermediates = Intermediates(options.ServerCertificateContext, options.CertificateChainPolicy);
        _selectServer = options.ServerCertificateSelectionCallback;
    }

    public void FillEntropy(Span<byte> buffer) => _host.FillEntropy(buffer);

    public TlsCredential? SelectCredential(SelectCertificateRequest request)
    {
        ServerCertificateSelectionCallback? selectServer = _selectServer;
        if ((request.ForServer ? selectServer : (Delegate?)_selectClient) is null)
        {
            return _host.SelectCredential(request);
        }

        try
        {
            X509Certificate? chosen = request.ForServer
                ? selectServer!(this, request.ServerName)
                : _selectClient!(this, request.ServerName ?? "", _clientCertificates, null, [.. request.Authorities.Select(NameOf)]);
            return chosen is X509Certificate2 certificate ? HostOf(certificate).SelectCredential(request) : null;
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
            ChainPolicy = options.CertificateChainPolicy,
            Revocation = options.CertificateRevocationCheckMode,
            RemoteCertificateValidation = options.RemoteCertificateValidationCallback,
        });
    }

    private HostCrypto HostOf(X509Certificate2 certificate) => _selected.GetValue(
        certificate,
        chosen => new(new() { DefaultServerCertificate = (X509Certificate2)chosen, ClientCertificate = (X509Certificate2)chosen, Intermediates = _intermediates }));

    private static string NameOf(byte[] authority)
    {
        try
        {
            return new X500DistinguishedName(authority).Name;
        }
        catch (CryptographicException)
        {
            // The server wrote it: what does not parse has no name.
            return "";
        }
    }

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
