using Net.Core.Connections;
using Net.Core.Tls;

namespace Net.Core.Endpoints;

/// <summary>What a server gives a client for its next connection.</summary>
internal static class Offers
{
    /// <summary>Of a connection whose handshake has just ended: the next one need not be asked where it is (RFC 9000, section 8.1.3).</summary>
    public static void OfferToken(Connection connection, ConnectionKeys keys, ICryptoHost host, long second)
    {
        if (connection is { IsServer: true, IsConfirmed: true, IsOpen: true })
        {
            Span<byte> serial = stackalloc byte[AddressTokens.SerialLength];
            host.FillEntropy(serial);
            connection.OfferToken(AddressTokens.MakeNewToken(keys, connection.ValidatedPath.Remote, serial, second));
        }
    }

    /// <summary>
    /// Tickets, once the handshake is complete, and again when the key has changed since: by rotation, or because the connection has come from a node
    /// that had another one.
    /// </summary>
    public static void OfferTickets(Connection connection, TlsServerOptions tls, TicketKey key, ICryptoHost host, long second)
    {
        bool isDue = connection is { IsServer: true, IsConfirmed: true, IsOpen: true, IsFrozen: false, Session.TakesTickets: true }
            && connection.Parts.Tickets.IssuedUnder != key.Number;
        Span<byte> entropy = stackalloc byte[TicketSealer.SerialLength + sizeof(uint)];
        for (int i = 0; isDue && i < tls.Tickets; i++)
        {
            host.FillEntropy(entropy);
            connection.OfferTicket(tls, key, second, entropy);
        }
    }
}
