using System.Net.Security;
using System.Runtime.CompilerServices;
using Net.Core.Endpoints;
using Net.Core.Time;
using Net.Core.Tls;

namespace Net.Core.Io;

/// <summary>A store of tickets for connections on several threads.</summary>
internal sealed class SharedTickets : ITicketStore
{
    // Who calls with other TLS options trusts others: a ticket stays with the options that it came by.
    private static readonly ConditionalWeakTable<SslClientAuthenticationOptions, SharedTickets> s_stores = [];

    private readonly Lock _lock = new();
    private readonly TicketStore _store = new();

    /// <summary>The store of all connections that are made with these options.</summary>
    public static SharedTickets Of(SslClientAuthenticationOptions options) => s_stores.GetValue(options, static _ => new());

    public void Add(TicketOrigin server, ResumptionTicket ticket, Instant now)
    {
        lock (_lock)
        {
            _store.Add(server, ticket, now);
        }
    }

    public ResumptionTicket? Take(TicketOrigin server, IReadOnlyList<byte[]> protocols, uint version, Instant now)
    {
        lock (_lock)
        {
            return _store.Take(server, protocols, version, now);
        }
    }
}
