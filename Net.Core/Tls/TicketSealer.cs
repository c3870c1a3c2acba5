using System.Buffers.Binary;
using System.Security.Cryptography;
using Net.Core.Snapshots;

namespace Net.Core.Tls;

/// <summary>Seals and opens a server's session tickets (RFC 8446, section 4.6.1; RFC 5077, section 4). Any node with the federation's keys opens them.</summary>
/// <remarks>
/// <code>
/// octet 0       1: this format
/// octets 1-4    number of the key
/// octets 5-20   serial, random; also what the single use of 0-RTT is recorded by
/// then          sealed: a <see cref="SealedSession"/>; tag of 16 bytes
/// </code>
/// AES-256-GCM under a key that is derived for each ticket from its serial, so that no nonce can repeat; octets 0 to 20 are authenticated.
/// </remarks>
internal static class TicketSealer
{
    public const int SerialLength = 16;

    private const byte Format = 1;
    private const int HeaderLength = 1 + sizeof(uint) + SerialLength;
    private const int TagLength = 16;

    public static byte[] Seal(TicketKey key, SealedSession session, ReadOnlySpan<byte> serial16)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(serial16.Length, SerialLength);
        SnapshotWriter writer = new(default);
        session.Export(writer);
        ReadOnlySpan<byte> plain = writer.Written.Span;
        byte[] ticket = new byte[HeaderLength + plain.Length + TagLength];
        ticket[0] = Format;
        BinaryPrimitives.WriteUInt32BigEndian(ticket.AsSpan(1), key.Number);
        serial16.CopyTo(ticket.AsSpan(5));
        using AesGcm aead = Aead(key, serial16);
        aead.Encrypt(Nonce, plain, ticket.AsSpan(HeaderLength, plain.Length), ticket.AsSpan(HeaderLength + plain.Length), ticket.AsSpan(0, HeaderLength));
        writer.Wipe();
        return ticket;
    }

    /// <summary>Never throws, whatever the bytes.</summary>
    /// <returns>False for anything that is not a ticket of these keys: it is passed over, as if it had not been offered.</returns>
    public static bool TryOpen(
        IReadOnlyList<TicketKey> keys, ReadOnlySpan<byte> ticket, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SealedSession? session, out UInt128 serial)
    {
        session = null;
        serial = default;
        if (ticket.Length is < HeaderLength + TagLength or > TlsLimits.OwnTicket || ticket[0] != Format)
        {
            return false;
        }

        uint number = BinaryPrimitives.ReadUInt32BigEndian(ticket[1..]);
        foreach (TicketKey key in keys)
        {
            if (key.Number == number)
            {
                serial = BinaryPrimitives.ReadUInt128BigEndian(ticket[5..]);
                session = Open(key, ticket);
                return session is not null;
            }
        }

        return false;
    }

    private static ReadOnlySpan<byte> Nonce => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    private static SealedSession? Open(TicketKey key, ReadOnlySpan<byte> ticket)
    {
        // Counter mode is its own inverse. Sealing once more gives the tag to compare, where AesGcm.Decrypt would throw for a forgery.
        ReadOnlySpan<byte> sealedBytes = ticket[HeaderLength..^TagLength];
        byte[] plain = new byte[sealedBytes.Length];
        byte[] again = new byte[sealedBytes.Length];
        Span<byte> tag = stackalloc byte[TagLength];
        using AesGcm aead = Aead(key, ticket[5..HeaderLength]);
        aead.Encrypt(Nonce, sealedBytes, plain, tag, ticket[..HeaderLength]);
        aead.Encrypt(Nonce, plain, again, tag, ticket[..HeaderLength]);
        try
        {
            return CryptographicOperations.FixedTimeEquals(tag, ticket[^TagLength..]) ? SealedSession.Import(new(plain, default)) : null;
        }
        catch (SnapshotException)
        {
            // Ours, but of a release that wrote them otherwise.
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    /// <summary>The key of one ticket: of a message longer than any other that the federation's secret is used for (see AddressTokens).</summary>
    private static AesGcm Aead(TicketKey key, ReadOnlySpan<byte> serial16)
    {
        ReadOnlySpan<byte> label = "continuum session ticket"u8;
        Span<byte> message = stackalloc byte[label.Length + SerialLength];
        label.CopyTo(message);
        serial16.CopyTo(message[label.Length..]);
        Span<byte> derived = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key.Secret.Span, message, derived);
        AesGcm aead = new(derived, TagLength);
        CryptographicOperations.ZeroMemory(derived);
        return aead;
    }
}
