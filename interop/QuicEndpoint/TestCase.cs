using Net.Core.Crypto;
using Net.Core.Wire;

namespace QuicEndpoint;

/// <summary>How a client spreads its requests over connections.</summary>
internal enum ClientPlan
{
    /// <summary>All on one.</summary>
    OneConnection,

    /// <summary>One each.</summary>
    OnePerRequest,

    /// <summary>The first alone, the others on one that resumes the first one's session.</summary>
    Resume,

    /// <summary>As <see cref="Resume"/>, with the later requests in 0-RTT.</summary>
    ResumeEarly,

    /// <summary>A version that nobody speaks, and the server's answer to it.</summary>
    ProbeVersions,
}

/// <summary>What a test case of the runner (quic.md there) asks of an endpoint.</summary>
internal sealed record TestCase
{
    private static readonly string[] s_handshakes = ["handshake", "longrtt", "ecn"];

    private static readonly string[] s_transfers =
    [
        "transfer", "multiplexing", "blackhole", "amplificationlimit", "transferloss", "transfercorruption", "ipv6", "rebind-port",
        "rebind-addr", "goodput", "crosstraffic",
    ];

    private static readonly string[] s_connects = ["multiconnect", "handshakeloss", "handshakecorruption"];

    public ClientPlan Plan { get; private init; } = ClientPlan.OneConnection;

    public bool Http3 { get; init; }

    /// <summary>The server answers the first Initial of every client with a Retry; the client must have seen one.</summary>
    public bool Retry { get; private init; }

    /// <summary>The client updates its keys within the first megabyte.</summary>
    public bool KeyUpdate { get; private init; }

    /// <summary>The server prefers another port of its own; the client must move there, or of its own accord where the server has no preference.</summary>
    public bool Migrates { get; private init; }

    /// <summary>Offered and accepted; empty for all that we have.</summary>
    public IReadOnlyList<CipherSuite> Suites { get; private init; } = [];

    /// <summary>The version that the server changes to when a client names it, and that the client must have come to; null for none.</summary>
    public uint? PreferredVersion { get; private init; }

    /// <summary>The case of that name, of the runner's table or of its TESTCASE values; null for one that we do not know.</summary>
    public static TestCase? Find(string name) => name switch
    {
        _ when s_handshakes.Contains(name) || s_transfers.Contains(name) => new(),
        _ when s_connects.Contains(name) => new() { Plan = ClientPlan.OnePerRequest },
        "versionnegotiation" => new() { Plan = ClientPlan.ProbeVersions },
        "resumption" => new() { Plan = ClientPlan.Resume },
        "zerortt" => new() { Plan = ClientPlan.ResumeEarly },
        "chacha20" => new() { Suites = [CipherSuite.ChaCha20Poly1305Sha256] },
        "retry" => new() { Retry = true },
        "v2" => new() { PreferredVersion = QuicVersion.V2 },
        "connectionmigration" => new() { Migrates = true },
        "keyupdate" => new() { KeyUpdate = true },
        "http3" => new() { Http3 = true },
        _ => null,
    };
}
