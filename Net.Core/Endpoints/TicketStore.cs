using Net.Core.Time;
using Net.Core.Tls;

namespace Net.Core.Endpoints;

/// <summary>The session tickets of a client, by server: the newest few of each, of so many servers (RFC 8446, section 4.6.1 and appendix C.4).</summary>
internal sealed class TicketStore : ITicketStore
{
    public const int MaxServers = 256;

    public const int MaxPerServer = 4;

    private readonly Dictionary<TicketOrigin, List<ResumptionTicket>> _tickets = [];
    private readonly Queue<TicketOrigin> _order = new();

    public int Servers => _tickets.Count;

    public void Add(TicketOrigin server, ResumptionTicket ticket, Instant now)
    {
        if (!_tickets.TryGetValue(server, out List<ResumptionTicket>? list))
        {
            if (_order.Count == MaxServers)
            {
                _tickets.Remove(_order.Dequeue());
            }

            list = [];
            _tickets.Add(server, list);
            _order.Enqueue(server);
        }

        list.RemoveAll(old => old.ExpiresAt <= now);
        if (list.Count == MaxPerServer)
        {
            list.RemoveAt(0);
        }

        list.Add(ticket);
    }

    public ResumptionTicket? Take(TicketOrigin server, IReadOnlyList<byte[]> protocols, uint version, Instant now)
    {
        if (!_tickets.TryGetValue(server, out List<ResumptionTicket>? list))
        {
            return null;
        }

        list.RemoveAll(old => old.ExpiresAt <= now);
        int newest = list.FindLastIndex(ticket => ticket.Version == version && ApplicationProtocols.Contains(protocols, ticket.Alpn.Span));
        if (newest < 0)
        {
            return null;
        }

        ResumptionTicket taken = list[newest];
        list.RemoveAt(newest);
        return taken;
    }
}
