using Net.Core.Errors;

namespace Net.Core.Tls;

/// <summary>The TLS alerts that this stack raises (RFC 8446, section 6). In QUIC each is a connection error (RFC 9001, section 4.8).</summary>
internal enum AlertDescription : byte
{
    UnexpectedMessage = 10,
    HandshakeFailure = 40,
    BadCertificate = 42,
    UnsupportedCertificate = 43,
    CertificateRevoked = 44,
    CertificateExpired = 45,
    CertificateUnknown = 46,
    IllegalParameter = 47,
    UnknownAuthority = 48,
    AccessDenied = 49,
    DecodeError = 50,
    DecryptError = 51,
    ProtocolVersion = 70,
    InternalError = 80,
    MissingExtension = 109,
    UnsupportedExtension = 110,
    UnrecognizedName = 112,
    CertificateRequired = 116,
    NoApplicationProtocol = 120,
}

internal static class AlertDescriptions
{
    /// <summary>The alert as a connection error.</summary>
    /// <param name="alert">What goes over the wire.</param>
    /// <param name="reason">A constant of ours, never built from the peer's input.</param>
    public static TransportError Because(this AlertDescription alert, string reason) => TransportError.Alert((byte)alert, reason);
}
