using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>What a connection is made of: the Initial that it begins with, and what is known of who sent it.</summary>
/// <param name="Version">Of the connection, from here to its end.</param>
/// <param name="Destination">Initial keys derive from it (RFC 9001, section 5.2).</param>
/// <param name="Peer">The ID that the peer is sent to at first.</param>
/// <param name="BeforeRetry">The destination of the Initial before, when this one answers a Retry (RFC 9000, section 7.3); else null.</param>
/// <param name="IsAddressProven">A token, or that it is we who begin, spares the limit of three (RFC 9000, section 8.1).</param>
internal readonly record struct FirstInitial(uint Version, ConnectionId Destination, ConnectionId Peer, ConnectionId? BeforeRetry, bool IsAddressProven);
