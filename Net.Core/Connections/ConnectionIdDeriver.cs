using System.Buffers.Binary;
using System.Security.Cryptography;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>Makes a connection's IDs and their reset tokens out of shard, connection secret and sequence number.</summary>
/// <remarks>
/// IDs are derived, never drawn: RFC 9000, section 5.1.1, allows no gap in their sequence, so a later owner of the connection must be
/// able to make again exactly those that were issued. A token is a function of the ID alone, so that any owner of the shard can answer
/// for an ID whose connection is gone (section 10.3.2).
/// </remarks>
internal static class ConnectionIdDeriver
{
    /// <param name="key">The federation's key of the number that the connection was made with.</param>
    /// <param name="config">QUIC-LB configuration, 0 to 6; 3 bits that tell an ingress how to read the ID.</param>
    /// <param name="connectionSecret">16 bytes of the connection's own.</param>
    /// <param name="cipher">Encrypts the ID, or null.</param>
    public static ConnectionId Derive(
        ReadOnlySpan<byte> key, int config, uint shard, ReadOnlySpan<byte> connectionSecret, ulong sequenceNumber, Crypto.CidCipher? cipher)
    {
        Span<byte> message = stackalloc byte[16 + sizeof(ulong) + sizeof(uint)];
        connectionSecret.CopyTo(message);
        BinaryPrimitives.WriteUInt64BigEndian(message[16..], sequenceNumber);
        BinaryPrimitives.WriteUInt32BigEndian(message[24..], shard);
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, message, mac);
        Span<byte> id = stackalloc byte[Endpoints.CidLayout.Length];
        Endpoints.CidLayout.Write(id, config, shard, mac[..8], cipher);
        return new(id);
    }

    public static ResetToken DeriveToken(ReadOnlySpan<byte> key, ConnectionId id)
    {
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, id.Span, mac);
        return new(mac[..ResetToken.Length]);
    }

    /// <param name="key">The federation's reset key of that number.</param>
    /// <param name="connectionSecret">16 bytes of the connection's own.</param>
    /// <param name="purpose">What for: no two purposes share a value.</param>
    /// <param name="occasion">When: different for each use.</param>
    public static ulong DeriveSecret(ReadOnlySpan<byte> key, ReadOnlySpan<byte> connectionSecret, SecretPurpose purpose, ulong occasion)
    {
        Span<byte> message = stackalloc byte[16 + sizeof(ulong) + 1];
        connectionSecret.CopyTo(message);
        BinaryPrimitives.WriteUInt64BigEndian(message[16..], occasion);
        // One byte more than a connection ID may have, so that no reset token is ever made of the same message.
        message[24] = (byte)purpose;
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, message, mac);
        return BinaryPrimitives.ReadUInt64BigEndian(mac);
    }
}
