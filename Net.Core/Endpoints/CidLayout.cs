using System.Buffers.Binary;
using Net.Core.Crypto;

namespace Net.Core.Endpoints;

/// <summary>The shape of every connection ID that a federation issues: QUIC-LB's (draft-ietf-quic-load-balancers, section 5.2).</summary>
/// <remarks>
/// <code>
/// octet 0      3 bits: configuration rotation (0-6), 5 bits: length of what follows (12)
/// octets 1-12  where the configuration has a key encrypted under it, all as one:
///   1-4        logical shard, network byte order; 0 = "route by name", used by the source ID of a Retry
///   5-12       nonce, derived per connection ID; opaque to who routes
/// </code>
/// <para>One length for the whole federation, so that a short header can be routed without knowing the connection.</para>
/// <para>
/// Whoever is on the path and has not the key (<see cref="CidCipher"/>) sees which generation of keys an ID is of, the same for all connections of that time, and can neither
/// read the shard nor see that two IDs are of one connection or of one component (RFC 9000, sections 5.1 and 9.5). Without a key the shard is for all to read: so in IDs of
/// servers that are alone, where it is a constant.
/// </para>
/// </remarks>
internal static class CidLayout
{
    public const int Length = 13;

    public const int ShardLength = sizeof(uint);

    public const int NonceLength = 8;

    /// <summary>The largest configuration number: 7 means "not routable" in QUIC-LB.</summary>
    public const int MaxConfig = 6;

    /// <summary>Component shards begin at 1.</summary>
    public const uint RouteByName = 0;

    private const int LengthBits = 0x1F;

    /// <summary>Which configuration an ID says that it was made with.</summary>
    /// <returns>False when the ID was not made by this layout: a first destination ID chosen by a client, for example.</returns>
    public static bool TryReadConfig(ReadOnlySpan<byte> cid, out int config)
    {
        config = cid.Length == Length ? cid[0] >> 5 : MaxConfig + 1;
        return config <= MaxConfig && (cid[0] & LengthBits) == Length - 1;
    }

    /// <param name="cid">Any ID.</param>
    /// <param name="cipher">Of its configuration; null when that has no key.</param>
    /// <param name="shard">Some number or other when the ID was made under another key, or was changed.</param>
    /// <returns>False when the ID was not made by this layout.</returns>
    public static bool TryReadShard(ReadOnlySpan<byte> cid, CidCipher? cipher, out uint shard)
    {
        shard = 0;
        if (!TryReadConfig(cid, out _))
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[ShardLength];
        if (cipher is null)
        {
            cid.Slice(1, ShardLength).CopyTo(bytes);
        }
        else
        {
            cipher.Decrypt(cid[1..], bytes);
        }

        shard = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        return true;
    }

    /// <param name="cid">At least <see cref="Length"/> bytes.</param>
    /// <param name="config">0 to <see cref="MaxConfig"/>.</param>
    /// <param name="shard">Or <see cref="RouteByName"/>.</param>
    /// <param name="nonce8">Not to be guessed, and not used before under this key (section 9.6 of the draft).</param>
    /// <param name="cipher">Of the configuration; null when that has no key.</param>
    /// <exception cref="ArgumentOutOfRangeException">The configuration is above 6, the nonce is not 8 bytes or the buffer too short.</exception>
    public static void Write(Span<byte> cid, int config, uint shard, ReadOnlySpan<byte> nonce8, CidCipher? cipher = null)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)config, (uint)MaxConfig, nameof(config));
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce8.Length, NonceLength, nameof(nonce8));
        ArgumentOutOfRangeException.ThrowIfLessThan(cid.Length, Length, nameof(cid));
        cid[0] = (byte)((config << 5) | (Length - 1));
        BinaryPrimitives.WriteUInt32BigEndian(cid[1..], shard);
        nonce8.CopyTo(cid[(1 + ShardLength)..]);
        cipher?.Encrypt(cid[1..Length]);
    }
}
