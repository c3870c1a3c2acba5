using System.Buffers.Binary;

namespace Net.Core.Endpoints;

/// <summary>The shape of every connection ID that a federation issues: QUIC-LB's plaintext form (draft-ietf-quic-load-balancers, section 4).</summary>
/// <remarks>
/// <code>
/// octet 0      3 bits: configuration rotation (0-6), 5 bits: length of what follows (12)
/// octets 1-4   logical shard, network byte order; 0 = "route by name", used by the source ID of a Retry
/// octets 5-12  nonce, derived per connection ID; opaque to who routes
/// </code>
/// One length for the whole federation, so that a short header can be routed without knowing the connection.
/// </remarks>
internal static class CidLayout
{
    public const int Length = 13;

    public const int NonceLength = 8;

    /// <summary>The largest configuration number: 7 means "not routable" in QUIC-LB.</summary>
    public const int MaxConfig = 6;

    /// <summary>Component shards begin at 1.</summary>
    public const uint RouteByName = 0;

    private const int LengthBits = 0x1F;

    /// <returns>False when the ID was not made by this layout: a first destination ID chosen by a client, for example.</returns>
    public static bool TryReadShard(ReadOnlySpan<byte> cid, out uint shard)
    {
        bool ours = cid.Length == Length && (cid[0] & LengthBits) == Length - 1 && cid[0] >> 5 <= MaxConfig;
        shard = ours ? BinaryPrimitives.ReadUInt32BigEndian(cid[1..]) : 0;
        return ours;
    }

    /// <exception cref="ArgumentOutOfRangeException">The configuration is above 6, the nonce is not 8 bytes or the buffer too short.</exception>
    public static void Write(Span<byte> cid, int config, uint shard, ReadOnlySpan<byte> nonce8)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)config, (uint)MaxConfig, nameof(config));
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce8.Length, NonceLength, nameof(nonce8));
        ArgumentOutOfRangeException.ThrowIfLessThan(cid.Length, Length, nameof(cid));
        cid[0] = (byte)((config << 5) | (Length - 1));
        BinaryPrimitives.WriteUInt32BigEndian(cid[1..], shard);
        nonce8.CopyTo(cid[5..]);
    }
}
