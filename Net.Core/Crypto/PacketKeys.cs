using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Net.Core.Crypto;

/// <summary>Key, IV and header-protection key of one generation (RFC 9001, section 5.1), for the moment in which a suite takes them over.</summary>
internal ref struct PacketKeys
{
    private readonly int _keyLength;
    private Keys _keys;

    /// <param name="suite">Which AEAD.</param>
    /// <param name="trafficSecret">This generation's secret.</param>
    /// <param name="headerSecret">The first generation's: the header key outlives key updates (RFC 9001, section 6.1).</param>
    /// <param name="version">Whose labels.</param>
    public PacketKeys(CipherSuite suite, ReadOnlySpan<byte> trafficSecret, ReadOnlySpan<byte> headerSecret, uint version)
    {
        if (!suite.IsKnown || trafficSecret.Length != suite.HashLength || headerSecret.Length != suite.HashLength)
        {
            throw new ArgumentException("a secret is as long as the suite's hash");
        }

        _keyLength = suite.KeyLength;
        Span<byte> keys = _keys;
        Hkdf.ExpandLabel(suite.Hash, trafficSecret, VersionConstants.KeyLabel(version), [], keys[.._keyLength]);
        Hkdf.ExpandLabel(suite.Hash, trafficSecret, VersionConstants.IvLabel(version), [], keys.Slice(64, PacketProtection.NonceLength));
        Hkdf.ExpandLabel(suite.Hash, headerSecret, VersionConstants.HeaderKeyLabel(version), [], keys.Slice(32, _keyLength));
    }

    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Key => ((ReadOnlySpan<byte>)_keys)[.._keyLength];

    [UnscopedRef]
    public readonly ReadOnlySpan<byte> HeaderKey => ((ReadOnlySpan<byte>)_keys).Slice(32, _keyLength);

    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Iv => ((ReadOnlySpan<byte>)_keys).Slice(64, PacketProtection.NonceLength);

    public void Dispose() => CryptographicOperations.ZeroMemory(_keys);

    [InlineArray(32 + 32 + PacketProtection.NonceLength)]
    private struct Keys
    {
        private byte _first;
    }
}
