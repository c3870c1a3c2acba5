using Net.Core.Connections;
using Net.Core.Tls;

namespace Net.Core.Endpoints;

/// <summary>What an endpoint is and how much of it strangers may use.</summary>
internal sealed record EndpointOptions
{
    public ConnectionOptions Connection { get; init; } = ConnectionOptions.Default;

    /// <summary>Null: no connections are accepted.</summary>
    public TlsServerOptions? Server { get; init; }

    /// <summary>The federation's keys that new connections are made with, and those of earlier numbers, for connections that come from elsewhere.</summary>
    public required IReadOnlyList<ConnectionKeys> Keys { get; init; }

    /// <summary>Logical shard of connections that no ingress has assigned to one.</summary>
    public uint DefaultShard { get; init; }

    /// <summary>Handshakes under way at a time; further Initials are dropped (checklist S25).</summary>
    public int MaxHandshakes { get; init; } = 1_000;

    public int MaxConnections { get; init; } = 100_000;

    /// <summary>
    /// Handshakes under way from which on a client must prove its address first, by Retry or an earlier NEW_TOKEN (RFC 9000, section 8.1);
    /// 0 for always. Null for never: then no token is given either. Takes a host that tells the time, see <see cref="Endpoint.WallClock"/>.
    /// </summary>
    public int? RetryAbove { get; init; }

    /// <summary>Where the tickets of servers that we connect to are kept; null: with the endpoint.</summary>
    public ITicketStore? Tickets { get; init; }

    /// <summary>Where the tokens of servers are kept; null: with the endpoint.</summary>
    public ITokenStore? Tokens { get; init; }

    /// <summary>What this endpoint has in common with others of its port; null: it is alone, and keeps books of its own by the limits here.</summary>
    public IPortBooks? Books { get; init; }

    /// <summary>Which tickets have brought 0-RTT data to any endpoint of the port; null: <see cref="Endpoint.EarlyData"/>, of this one alone.</summary>
    public IEarlyDataLedger? EarlyData { get; init; }

    /// <summary>Stateless resets, which are sent at all only while <see cref="Endpoint.AnswersUnknown"/> (RFC 9000, section 10.3; checklist S34).</summary>
    public int MaxResetsPerSecond { get; init; } = 50;

    /// <summary>
    /// Whether a fault of ours in one connection ends that connection alone, see <see cref="Endpoint.TryTakeFault"/>. False: it is thrown, and nothing of
    /// the endpoint is to be trusted then. For simulators and fuzzers, from which nothing may be hidden.
    /// </summary>
    public bool ContainsFaults { get; init; } = true;

    /// <summary>Answers to strangers that wait to be sent; further ones are dropped.</summary>
    public int MaxStatelessPackets { get; init; } = 16;
}
