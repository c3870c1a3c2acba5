namespace Net.Core.Tls;

/// <summary>What a peer can make a handshake hold.</summary>
internal static class TlsLimits
{
    /// <summary>Bytes of handshake messages buffered at a time, and of one message with its header (checklist S38). Beyond: CRYPTO_BUFFER_EXCEEDED.</summary>
    public const int HandshakeBuffer = 64 * 1024;

    /// <summary>Certificates in a peer's chain; beyond: bad_certificate. Real chains have 1 to 4.</summary>
    public const int CertificateChain = 16;

    /// <summary>Bytes of a HelloRetryRequest's cookie, which must fit into our ClientHello; beyond: illegal_parameter. Real ones have some dozens.</summary>
    public const int Cookie = 8 * 1024;

    /// <summary>Application protocols in a ClientHello; beyond: decode_error. Browsers send 1 to 3.</summary>
    public const int ApplicationProtocols = 256;

    /// <summary>Issuers that a CertificateRequest names; those beyond are not looked at, being a hint.</summary>
    public const int Authorities = 256;

    /// <summary>Identities of pre_shared_key that are looked at; clients send one or two.</summary>
    public const int PskIdentities = 4;

    /// <summary>Seconds that a ticket may live: 7 days (RFC 8446, section 4.6.1). What says more is used for so long.</summary>
    public const uint TicketLifetime = 604_800;

    /// <summary>Bytes of a ticket of our own; longer ones are nobody's of this federation.</summary>
    public const int OwnTicket = 1024;

    /// <summary>Bytes of a server's ticket that a client keeps: longer ones leave no room in a ClientHello of a datagram or two.</summary>
    public const int KeptTicket = 2048;

    /// <summary>Bytes that an application protocol may have kept with a ticket.</summary>
    public const int ApplicationState = 256;

    /// <summary>Bytes of a host name in DNS (RFC 1035, section 2.3.4).</summary>
    public const int ServerName = 255;
}
