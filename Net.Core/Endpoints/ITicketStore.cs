using Net.Core.Time;
using Net.Core.Tls;

namespace Net.Core.Endpoints;

/// <summary>Where a client's tickets wait for its next connection. Whoever shares one among threads gives it a lock.</summary>
/// <remarks>
/// To be shared only among those who trust the same: 0-RTT data goes to a server whose certificate was validated when the ticket came, by the
/// rules of that connection.
/// </remarks>
internal interface ITicketStore
{
    /// <param name="server">Where it came from.</param>
    void Add(TicketOrigin server, ResumptionTicket ticket, Instant now);

    /// <summary>The newest ticket of this server that fits, which is then gone: each is used once, so that no two connections can be linked by it.</summary>
    /// <param name="server">The same as when it was added.</param>
    /// <param name="protocols">The ticket's is one of these.</param>
    /// <param name="version">QUIC version of the connection to come.</param>
    ResumptionTicket? Take(TicketOrigin server, IReadOnlyList<byte[]> protocols, uint version, Instant now);
}

/// <summary>A server, as a client names it.</summary>
/// <param name="Name">In lower case.</param>
/// <param name="Port">Different ports of one host may be different servers.</param>
internal readonly record struct TicketOrigin(string Name, int Port);
