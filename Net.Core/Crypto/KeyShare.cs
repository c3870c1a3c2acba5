namespace Net.Core.Crypto;

/// <summary>A key pair of one handshake. Not a record: nothing prints the private half.</summary>
internal sealed class KeyShare(NamedGroup group, byte[] privateKey, byte[] publicKey)
{
    public NamedGroup Group { get; } = group;

    /// <summary>Only <see cref="KeyExchange"/> knows what stands in here; whoever drops it overwrites it.</summary>
    public byte[] Private { get; } = privateKey;

    /// <summary>As it stands in a KeyShareEntry: 32 bytes (X25519), or an uncompressed point (RFC 8446, section 4.2.8.2).</summary>
    public byte[] Public { get; } = publicKey;

    public override string ToString() => $"key share of {Group}";
}
