using Net.Core.Crypto;

namespace Net.Core.Tls;

/// <summary>The result of a <see cref="CryptoRequest"/>.</summary>
/// <param name="Id">The request's.</param>
internal abstract record CryptoAnswer(ulong Id);

/// <param name="Id">The request's.</param>
/// <param name="Shares">In the order of the request's groups; the handshake owns them and wipes their private halves. Null: we failed.</param>
internal sealed record KeySharesAnswer(ulong Id, IReadOnlyList<KeyShare>? Shares) : CryptoAnswer(Id);

/// <param name="Id">The request's.</param>
/// <param name="Secret">Null: the peer's key is not a point, or of small order. The handshake wipes it.</param>
internal sealed record AgreedKeyAnswer(ulong Id, byte[]? Secret) : CryptoAnswer(Id);

/// <param name="Id">The request's.</param>
/// <param name="Credential">Null: we have none for that name.</param>
/// <param name="Options">By which a server goes on with this client; null: by those that it has.</param>
internal sealed record CertificateAnswer(ulong Id, TlsCredential? Credential, TlsServerOptions? Options = null) : CryptoAnswer(Id);

/// <param name="Id">The request's.</param>
/// <param name="Signature">Null: the key could not be used.</param>
internal sealed record SignatureAnswer(ulong Id, byte[]? Signature) : CryptoAnswer(Id);

/// <param name="Id">The request's.</param>
/// <param name="IsValid">Whether the certificate's key made the signature.</param>
internal sealed record SignatureVerdictAnswer(ulong Id, bool IsValid) : CryptoAnswer(Id);

/// <param name="Id">The request's.</param>
/// <param name="Verdict">Trust, or the reason against it.</param>
internal sealed record CertificateVerdictAnswer(ulong Id, CertificateVerdict Verdict) : CryptoAnswer(Id);

/// <summary>Whether a peer's chain is accepted; a refusal's number is the alert that the peer is told (RFC 8446, section 6.2).</summary>
internal enum CertificateVerdict : byte
{
    Trusted = 0,

    /// <summary>Does not parse, or a signature in the chain is wrong.</summary>
    Bad = AlertDescription.BadCertificate,

    /// <summary>Not made for this purpose.</summary>
    Unsupported = AlertDescription.UnsupportedCertificate,
    Revoked = AlertDescription.CertificateRevoked,
    Expired = AlertDescription.CertificateExpired,

    /// <summary>Anything else, such as another name than the one we called.</summary>
    Unknown = AlertDescription.CertificateUnknown,

    /// <summary>No path to a root that we trust.</summary>
    UnknownAuthority = AlertDescription.UnknownAuthority,

    /// <summary>Valid, but not let in.</summary>
    AccessDenied = AlertDescription.AccessDenied,
}
