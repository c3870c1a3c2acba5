namespace Net.Core.Tls;

/// <summary>The extensions that this stack knows (RFC 8446, section 4.2; RFC 9001, section 8.2).</summary>
internal enum ExtensionType : ushort
{
    ServerName = 0,
    MaxFragmentLength = 1,
    StatusRequest = 5,
    SupportedGroups = 10,
    SignatureAlgorithms = 13,
    ApplicationProtocols = 16,
    SignedCertificateTimestamp = 18,
    PreSharedKey = 41,
    EarlyData = 42,
    SupportedVersions = 43,
    Cookie = 44,
    PskKeyExchangeModes = 45,
    CertificateAuthorities = 47,
    KeyShare = 51,
    QuicTransportParameters = 57,
}
