using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Net.Core.Io;

/// <summary>Keys and trust of a host.</summary>
internal sealed class HostCryptoOptions
{
    /// <summary>The only roots that peers' chains may end in; null = the system's. A self-signed peer certificate in it is trusted as it is.</summary>
    public X509Certificate2Collection? TrustedRoots { get; init; }

    /// <summary>How peers' chains are built, instead of <see cref="TrustedRoots"/> and <see cref="Revocation"/>; null = by these.</summary>
    public X509ChainPolicy? ChainPolicy { get; init; }

    /// <summary>Shown to clients that send no server name, or one that <see cref="ServerCertificates"/> does not know. Null: those are refused.</summary>
    public X509Certificate2? DefaultServerCertificate { get; init; }

    /// <summary>By server name in lower case; "*.example.org" serves every name one label longer than example.org.</summary>
    public IReadOnlyDictionary<string, X509Certificate2> ServerCertificates { get; init; } = new Dictionary<string, X509Certificate2>();

    /// <summary>Shown to servers that ask.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>Sent behind our own certificates, as far as they are issuers of them.</summary>
    public X509Certificate2Collection Intermediates { get; init; } = [];

    /// <summary>Whether revocation is looked up. Off by default: a look-up goes out to the network in the middle of a handshake.</summary>
    public X509RevocationMode Revocation { get; init; } = X509RevocationMode.NoCheck;

    /// <summary>The last word, with the errors found so far; true accepts. The sender argument is the name that the chain must be valid for, or null.</summary>
    public RemoteCertificateValidationCallback? RemoteCertificateValidation { get; init; }
}
