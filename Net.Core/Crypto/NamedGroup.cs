namespace Net.Core.Crypto;

/// <summary>Groups of the key exchange (RFC 8446, section 4.2.7), by their number on the wire.</summary>
internal enum NamedGroup : ushort
{
    Secp256r1 = 0x0017,
    Secp384r1 = 0x0018,
    X25519 = 0x001D,
}
