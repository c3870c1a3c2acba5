using System.Collections.Immutable;
using Interop.Netem;

namespace Interop.Matrix;

/// <summary>How a client spreads the files over connections.</summary>
internal enum Plan
{
    One,
    Each,

    /// <summary>The first file alone, the others on a connection that resumes the first one's session.</summary>
    Resume,

    /// <summary>As <see cref="Resume"/>, with the later requests in 0-RTT.</summary>
    Early,
}

/// <summary>A case of the quic-interop-runner's table: what is fetched, what both ends do besides, and over what kind of network.</summary>
internal sealed record MatrixCase(string Name, ImmutableArray<int> Files)
{
    /// <summary>TESTCASE of our server.</summary>
    public string Server { get; init; } = "transfer";

    /// <summary>TESTCASE of our client.</summary>
    public string Client { get; init; } = "transfer";

    public Plan Plan { get; init; }

    public bool Http3 { get; init; }

    public bool Retry { get; init; }

    public bool ChaCha20 { get; init; }

    public bool KeyUpdate { get; init; }

    public bool Version2 { get; init; }

    /// <summary>The client moves to another address of its own accord.</summary>
    public bool Migrates { get; init; }

    public bool IPv6 { get; init; }

    /// <summary>No file: the client only offers a version that nobody speaks.</summary>
    public bool ProbesVersions { get; init; }

    /// <summary>Null: over loopback. Else two namespaces with such a link between them.</summary>
    public LinkScenario? Link { get; init; }

    /// <summary>One of these must stand in the qlog of one of our ends: the event that the case is about. Empty for none.</summary>
    public ImmutableArray<string> Events { get; init; } = [];

    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Whether nothing but fetching is asked for, which any HTTP/3 client or server can do.</summary>
    public bool IsPlain => Plan == Plan.One && !(Retry || ChaCha20 || KeyUpdate || Version2 || Migrates || ProbesVersions);
}
