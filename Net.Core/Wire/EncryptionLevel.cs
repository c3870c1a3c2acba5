namespace Net.Core.Wire;

/// <summary>The keys that protect a packet (RFC 9001, section 2.1); each but 0-RTT has its CRYPTO stream.</summary>
internal enum EncryptionLevel
{
    Initial,
    ZeroRtt,
    Handshake,
    OneRtt,
}
