using Net.Core.Crypto;

namespace Net.Core.Tls;

/// <summary>
/// Work that a handshake does not do itself, being slow, random or somebody else's decision. It leaves as a request and comes back as a
/// <see cref="CryptoAnswer"/> with the same id, whenever and from wherever. Several may be under way at a time, answered in any order.
/// </summary>
/// <param name="Id">Unique within one handshake.</param>
internal abstract record CryptoRequest(ulong Id);

/// <summary>Make one key pair for each group. Answered by <see cref="KeySharesAnswer"/>.</summary>
internal sealed record GenerateKeySharesRequest(ulong Id, IReadOnlyList<NamedGroup> Groups) : CryptoRequest(Id);

/// <summary>Agree on a secret with the peer's public key. Answered by <see cref="AgreedKeyAnswer"/>.</summary>
internal sealed record AgreeKeyRequest(ulong Id, KeyShare Own, ReadOnlyMemory<byte> PeerPublic) : CryptoRequest(Id);

/// <summary>Which certificate to show, now that the peer has said whom it wants and what it understands. Answered by <see cref="CertificateAnswer"/>.</summary>
/// <param name="Id">Unique within one handshake.</param>
/// <param name="ForServer">Whether we are the server, and asked for a server certificate.</param>
/// <param name="ServerName">What the client asked for (server), or whom we called (client); null without SNI.</param>
/// <param name="ApplicationProtocols">The client's offer, in its order.</param>
/// <param name="SignatureSchemes">What the peer can verify, in its order; may hold numbers that we do not know.</param>
/// <param name="Authorities">Issuers that the server accepts (client); mostly empty.</param>
internal sealed record SelectCertificateRequest(
    ulong Id,
    bool ForServer,
    string? ServerName,
    IReadOnlyList<byte[]> ApplicationProtocols,
    IReadOnlyList<SignatureScheme> SignatureSchemes,
    IReadOnlyList<byte[]> Authorities) : CryptoRequest(Id);

/// <summary>Sign with the selected key. Answered by <see cref="SignatureAnswer"/>.</summary>
internal sealed record SignRequest(ulong Id, TlsCredential Credential, SignatureScheme Scheme, ReadOnlyMemory<byte> Content) : CryptoRequest(Id);

/// <summary>Check a signature against a peer's certificate (DER, perhaps not even a certificate). Answered by <see cref="SignatureVerdictAnswer"/>.</summary>
internal sealed record VerifySignatureRequest(
    ulong Id, ReadOnlyMemory<byte> Certificate, SignatureScheme Scheme, ReadOnlyMemory<byte> Content, ReadOnlyMemory<byte> Signature) : CryptoRequest(Id);

/// <summary>Decide whether to trust a peer. Answered by <see cref="CertificateVerdictAnswer"/>.</summary>
/// <param name="Id">Unique within one handshake.</param>
/// <param name="Chain">DER as it came, the peer's own first; never empty.</param>
/// <param name="ServerName">The name or literal address that the chain must be valid for; null when the peer is a client.</param>
/// <param name="ForServer">Whether the peer is a server (we are the client).</param>
internal sealed record ValidateCertificateRequest(
    ulong Id, IReadOnlyList<ReadOnlyMemory<byte>> Chain, string? ServerName, bool ForServer) : CryptoRequest(Id);
