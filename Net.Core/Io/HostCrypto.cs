using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Crypto;
using Net.Core.Tls;

namespace Net.Core.Io;

/// <summary>The real <see cref="ICryptoHost"/>: the system's entropy, X.509 keys, and chain validation by the base library.</summary>
/// <remarks>Thread-safe. Dispose after the last handshake; the certificates stay their owner's.</remarks>
internal sealed class HostCrypto : ICryptoHost, IDisposable
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly HostCryptoOptions _options;
    private readonly Dictionary<string, TlsCredential> _servers = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<X509Signer> _signers = [];
    private readonly TlsCredential? _defaultServer;
    private readonly TlsCredential? _client;

    /// <exception cref="ArgumentException">A certificate without a usable private key.</exception>
    public HostCrypto(HostCryptoOptions options)
    {
        _options = options;
        _defaultServer = Credential(options.DefaultServerCertificate);
        _client = Credential(options.ClientCertificate);
        foreach ((string name, X509Certificate2 certificate) in options.ServerCertificates)
        {
            _servers.Add(name, Credential(certificate)!);
        }
    }

    public void FillEntropy(Span<byte> buffer) => RandomNumberGenerator.Fill(buffer);

    public TlsCredential? SelectCredential(SelectCertificateRequest request)
    {
        if (!request.ForServer)
        {
            return _client;
        }

        string name = request.ServerName ?? "";
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return _servers.GetValueOrDefault(name)
            ?? (dot > 0 ? _servers.GetValueOrDefault($"*{name[dot..]}") : null)
            ?? _defaultServer;
    }

    public CertificateVerdict Validate(ValidateCertificateRequest request)
    {
        X509Certificate2Collection certificates = [];
        try
        {
            foreach (ReadOnlyMemory<byte> der in request.Chain)
            {
                certificates.Add(X509CertificateLoader.LoadCertificate(der.Span));
            }

            return Validate(certificates, request);
        }
        catch (CryptographicException)
        {
            return CertificateVerdict.Bad;
        }
        finally
        {
            foreach (X509Certificate2 certificate in certificates)
            {
                certificate.Dispose();
            }
        }
    }

    public void Dispose()
    {
        foreach (X509Signer signer in _signers)
        {
            signer.Dispose();
        }
    }

    private CertificateVerdict Validate(X509Certificate2Collection certificates, ValidateCertificateRequest request)
    {
        X509Certificate2 leaf = certificates[0];
        using X509Chain chain = new();
        X509ChainPolicy policy = _options.ChainPolicy?.Clone() ?? new() { RevocationMode = _options.Revocation };
        chain.ChainPolicy = policy;
        // What a peer wrote into its certificate must not make us open connections.
        policy.DisableCertificateDownloads |= policy.RevocationMode == X509RevocationMode.NoCheck;
        if (policy.ApplicationPolicy.Count == 0)
        {
            policy.ApplicationPolicy.Add(new Oid(request.ForServer ? ServerAuthentication : ClientAuthentication));
        }

        policy.ExtraStore.AddRange(certificates);
        if (_options.TrustedRoots is not null)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(_options.TrustedRoots);
        }

        bool isSound = chain.Build(leaf);
        bool isNamed = request.ServerName is null || MatchesName(leaf, request.ServerName);
        if (_options.RemoteCertificateValidation is RemoteCertificateValidationCallback callback)
        {
            SslPolicyErrors errors = (isSound ? SslPolicyErrors.None : SslPolicyErrors.RemoteCertificateChainErrors)
                | (isNamed ? SslPolicyErrors.None : SslPolicyErrors.RemoteCertificateNameMismatch);
            if (callback(request.ServerName!, leaf, chain, errors))
            {
                return CertificateVerdict.Trusted;
            }

            isNamed = false;
        }

        if (!isSound)
        {
            return Reason(chain);
        }

        return isNamed ? CertificateVerdict.Trusted : CertificateVerdict.Unknown;
    }

    /// <summary>A subject alternative name: DNS with wildcards, or an IP address. The common name counts for nothing (RFC 9525).</summary>
    private static bool MatchesName(X509Certificate2 certificate, string name)
    {
        try
        {
            return certificate.MatchesHostname(name, allowWildcards: true, allowCommonName: false);
        }
        catch (ArgumentException)
        {
            // Not a host name at all: then no certificate is valid for it.
            return false;
        }
    }

    private static CertificateVerdict Reason(X509Chain chain)
    {
        X509ChainStatusFlags flags = X509ChainStatusFlags.NoError;
        foreach (X509ChainStatus status in chain.ChainStatus)
        {
            flags |= status.Status;
        }

        return flags switch
        {
            _ when flags.HasFlag(X509ChainStatusFlags.Revoked) => CertificateVerdict.Revoked,
            _ when flags.HasFlag(X509ChainStatusFlags.NotSignatureValid) => CertificateVerdict.Bad,
            _ when (flags & (X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot)) != 0 => CertificateVerdict.UnknownAuthority,
            _ when flags.HasFlag(X509ChainStatusFlags.NotTimeValid) => CertificateVerdict.Expired,
            _ when flags.HasFlag(X509ChainStatusFlags.NotValidForUsage) => CertificateVerdict.Unsupported,
            _ => CertificateVerdict.Unknown,
        };
    }

    private TlsCredential? Credential(X509Certificate2? certificate)
    {
        if (certificate is null)
        {
            return null;
        }

        X509Signer signer = new(certificate);
        _signers.Add(signer);
        List<byte[]> chain = [certificate.RawData];
        X509Certificate2 last = certificate;
        // Each step goes up to another certificate, so a circle ends with the collection.
        for (int i = 0; i < _options.Intermediates.Count; i++)
        {
            X509Certificate2? issuer = _options.Intermediates.FirstOrDefault(
                candidate => candidate.SubjectName.RawData.AsSpan().SequenceEqual(last.IssuerName.RawData));
            if (issuer is null || chain.Exists(known => known.AsSpan().SequenceEqual(issuer.RawData)))
            {
                break;
            }

            chain.Add(issuer.RawData);
            last = issuer;
        }

        return new(chain, signer);
    }
}
