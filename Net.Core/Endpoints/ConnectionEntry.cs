using Net.Core.Connections;
using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Endpoints;

/// <summary>What an endpoint notes of a connection, and how it calls it: a fault of ours ends that connection, and goes no further.</summary>
internal sealed class ConnectionEntry(Connection connection, Endpoint endpoint) : IConnectionRegistration
{
    public Connection Connection { get; } = connection;

    /// <summary>The IDs that lead to it.</summary>
    public List<ConnectionId> Routes { get; } = [];

    /// <summary>Waits for its turn to send.</summary>
    public bool IsReady { get; set; }

    /// <summary>Waits for its events to be taken.</summary>
    public bool IsActive { get; set; }

    /// <summary>Counts as a handshake under way.</summary>
    public bool IsHandshaking { get; set; }

    /// <summary>The destination that the client chose; null for connections that no client has begun here.</summary>
    public ConnectionId? First { get; init; }

    /// <summary>The name of the server that we connected to: its tokens are kept under it. Null for connections that came from elsewhere.</summary>
    public string? ServerName { get; init; }

    /// <summary>Under what its tickets are kept.</summary>
    public TicketOrigin Origin { get; init; }

    /// <summary>The server's address under which <see cref="ResetWatch"/> has it.</summary>
    public UdpAddress WatchedAt { get; set; }

    /// <summary>Thaws it when a datagram comes; null for those that came in another way than by standing by.</summary>
    public ISleeper? Sleeper { get; set; }

    public bool IsGone { get; set; }

    /// <summary>An ID of it was another's already.</summary>
    public bool IsMistaken { get; set; }

    /// <summary>The time under which the list of deadlines holds it: perhaps earlier than the true one.</summary>
    public Instant Scheduled { get; set; } = Instant.Never;

    /// <summary>Its place there, from 0; negative when it is not in it.</summary>
    public int DeadlineIndex { get; set; } = -1;

    public Instant Now => endpoint.Now;

    /// <summary>A datagram that leads to it: lost while the connection stands still, but one that only sleeps is thawed.</summary>
    public void Hear(Span<byte> datagram, in NetworkPath path, Ecn ecn, ulong? arrivedWith, Instant now)
    {
        try
        {
            if (Connection.IsFrozen)
            {
                Sleeper?.Rise(now);
            }

            if (!Connection.IsFrozen)
            {
                Connection.OnDatagram(datagram, path, ecn, arrivedWith, now);
            }
        }
        catch (Exception fault) when (endpoint.Contains(fault))
        {
            endpoint.Abandon(Connection, fault);
        }
    }

    /// <summary>Calls it, unless it is gone or stands still.</summary>
    /// <returns>Always true: it was for this connection.</returns>
    public bool Call(Action<Connection, Instant> call, Instant now)
    {
        try
        {
            if (!IsGone && !Connection.IsFrozen)
            {
                call(Connection, now);
            }
        }
        catch (Exception fault) when (endpoint.Contains(fault))
        {
            endpoint.Abandon(Connection, fault);
        }

        return true;
    }

    /// <summary>Its next datagrams. What a fault leaves half written in the buffer is not sent.</summary>
    public bool TryTransmit(Span<byte> buffer, int headroom, Instant now, out Transmit transmit)
    {
        try
        {
            transmit = default;
            return !IsGone && !Connection.IsFrozen && Connection.TryTransmit(buffer, headroom, now, out transmit);
        }
        catch (Exception fault) when (endpoint.Contains(fault))
        {
            transmit = default;
            endpoint.Abandon(Connection, fault);
            return false;
        }
    }

    /// <summary>It has said all that it may say now: its deadline counts.</summary>
    public void Settle(Deadlines deadlines)
    {
        try
        {
            if (!IsGone)
            {
                deadlines.Set(this, Connection.Deadline);
            }
        }
        catch (Exception fault) when (endpoint.Contains(fault))
        {
            endpoint.Abandon(Connection, fault);
        }
    }

    public void Touch() => endpoint.OnTouched(this);

    /// <summary>Puts away what a server has given for later connections to it.</summary>
    public void Keep(ITokenStore tokens, ITicketStore tickets)
    {
        while (Connection.Parts.Tokens.TryDequeue(out byte[]? token))
        {
            if (ServerName is string name)
            {
                tokens.Add(name, Connection.Path.Remote, token);
            }
        }

        while (Connection.Parts.NewTickets.TryDequeue(out ResumptionTicket? ticket))
        {
            if (Origin.Name is not null)
            {
                tickets.Add(Origin, ticket, ticket.ReceivedAt);
            }
        }
    }
}
