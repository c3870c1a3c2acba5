using Net.Core.Crypto;

namespace Net.Core.Tls;

/// <summary>What both roles are configured with. Immutable, shared by all connections.</summary>
internal abstract class TlsOptions
{
    /// <summary>Best first; a server's order wins over the client's. 1 to 255 bytes each, such as "h3"u8.</summary>
    public required IReadOnlyList<byte[]> AlpnProtocols { get; init; }

    /// <summary>Best first. Whoever builds it leaves out what the packet protection of the host lacks.</summary>
    public IReadOnlyList<CipherSuite> Suites { get; init; } =
        [CipherSuite.Aes128GcmSha256, CipherSuite.Aes256GcmSha384, CipherSuite.ChaCha20Poly1305Sha256];

    /// <summary>Best first; a client sends a key share for the first alone.</summary>
    public IReadOnlyList<NamedGroup> Groups { get; init; } = [NamedGroup.X25519, NamedGroup.Secp256r1];

    /// <summary>What we can verify, best first.</summary>
    public IReadOnlyList<SignatureScheme> SignatureSchemes { get; init; } = Signatures.Supported;

    internal void ThrowIfUnusable()
    {
        if (AlpnProtocols.Count == 0 || AlpnProtocols.Any(name => name.Length is 0 or > 255))
        {
            throw new ArgumentException("QUIC needs application protocols of 1 to 255 bytes (RFC 9001, section 8.1)");
        }

        if (Suites.Count == 0 || Groups.Count == 0 || SignatureSchemes.Count == 0)
        {
            throw new ArgumentException("a handshake needs cipher suites, groups and signature schemes");
        }
    }
}

/// <summary>Whether a server asks its clients for certificates.</summary>
internal enum ClientCertificates
{
    /// <summary>Never asked for.</summary>
    None,

    /// <summary>Asked for; a client without one is served too. One that is shown must be valid.</summary>
    Request,

    /// <summary>A client without one is refused: certificate_required.</summary>
    Require,
}

internal sealed class TlsServerOptions : TlsOptions
{
    /// <summary>One for the next connection, and one for a second beside it.</summary>
    public const int DefaultTickets = 2;

    public ClientCertificates ClientCertificates { get; init; }

    /// <summary>Distinguished names (DER) of the issuers of client certificates, as a hint to the client; empty = not said.</summary>
    public IReadOnlyList<byte[]> ClientAuthorities { get; init; } = [];

    /// <summary>Tickets for each connection, so that the client may resume it; 0 for none. None is given, or taken, where certificates of clients are asked for.</summary>
    public int Tickets { get; init; } = DefaultTickets;

    /// <summary>How long a ticket is good for; 7 days at most.</summary>
    public TimeSpan TicketLifetime { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Whether a client may send 0-RTT data, which somebody else may have recorded and repeat within seconds at another node (RFC 9001, section 9.2).</summary>
    public bool AcceptsEarlyData { get; init; }

    /// <summary>What clients were told in the application protocol, at most 256 bytes: 0-RTT is accepted only from those that were told the same.</summary>
    public ReadOnlyMemory<byte> EarlyDataState { get; init; }
}

internal sealed class TlsClientOptions : TlsOptions
{
    /// <summary>The name or literal address that the server's certificate must be valid for. Names are sent as SNI, addresses are not.</summary>
    public required string ServerName { get; init; }

    /// <summary>Shown when the server asks. Null: then the host is asked, by a <see cref="SelectCertificateRequest"/>.</summary>
    public TlsCredential? Credential { get; init; }

    /// <summary>Whether earlier sessions are resumed, and tickets taken for later ones.</summary>
    public bool Resumes { get; init; } = true;

    /// <summary>Whether 0-RTT data may be sent, when there is a ticket that allows it.</summary>
    public bool SendsEarlyData { get; init; }
}
