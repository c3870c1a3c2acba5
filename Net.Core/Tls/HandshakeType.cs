namespace Net.Core.Tls;

/// <summary>Handshake message types (RFC 8446, section 4).</summary>
internal enum HandshakeType : byte
{
    ClientHello = 1,
    ServerHello = 2,
    NewSessionTicket = 4,
    EndOfEarlyData = 5,
    EncryptedExtensions = 8,
    Certificate = 11,
    CertificateRequest = 13,
    CertificateVerify = 15,
    Finished = 20,
    KeyUpdate = 24,

    /// <summary>Never sent: what the transcript holds in place of a ClientHello that was answered by HelloRetryRequest (section 4.4.1).</summary>
    MessageHash = 254,
}
