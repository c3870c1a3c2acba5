using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Net.Migration.Hosting;

/// <summary>What a node is, and where its federation is found.</summary>
public sealed record NodeOptions
{
    /// <summary>Unique among the live members: letters, digits, '-', '_' and '.', at most 63.</summary>
    public required string Name { get; init; }

    /// <summary>The control address of an ingress.</summary>
    public required IPEndPoint Join { get; init; }

    /// <summary>Where other nodes reach this one; null for the address that reaches <see cref="Join"/>, any port.</summary>
    public IPEndPoint? Link { get; init; }

    /// <summary>What it can host; none: it is a member, and refuses moves.</summary>
    public IReadOnlyList<HostedComponent> Components { get; init; } = [];

    /// <summary>What clients are shown until <see cref="NodeHost.ReloadServerCertificate"/>: the same on every node that hosts the component. With its key.</summary>
    public required X509Certificate2 ServerCertificate { get; init; }

    /// <summary>Sent behind <see cref="ServerCertificate"/>.</summary>
    public X509Certificate2Collection ServerIntermediates { get; init; } = [];

    /// <summary>What members are shown: valid for <see cref="Name"/>, as client and as server. With its key.</summary>
    public required X509Certificate2 MemberCertificate { get; init; }

    /// <summary>
    /// Asked at each handshake with another member, from any thread, for the certificate to show instead of <see cref="MemberCertificate"/>, which it may be: a process may
    /// run for longer than one lasts. What throws leaves the former one. Null: that one stays.
    /// </summary>
    public Func<X509Certificate2>? RenewedMemberCertificate { get; init; }

    /// <summary>Who issues members' certificates.</summary>
    public required X509Certificate2Collection FederationRoots { get; init; }

    /// <summary>
    /// Path of a Unix socket, in a directory that nobody else can enter, at which a process that takes over from this one asks; null: none
    /// can. At most 100 bytes.
    /// </summary>
    public string? Door { get; init; }

    /// <summary>Takes over from the process of the same <see cref="Name"/> that has opened <see cref="Door"/>: everything moves, then it leaves.</summary>
    public bool TakeOver { get; init; }

    /// <summary>How long handing everything to a successor may take.</summary>
    public TimeSpan TakeOverTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long joining is tried, once a second, before the start fails.</summary>
    public TimeSpan JoinTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Told of each attempt to join that failed: where, and why; as <see cref="Log"/>.</summary>
    public Action<string>? JoinFailed { get; init; }

    /// <summary>
    /// Told in words what happens; one line each, in order, on the thread pool. The node does not wait for it: of one that hangs 1,000 lines are kept, and what is lost is
    /// counted.
    /// </summary>
    public Action<string>? Log { get; init; }

    /// <summary>Who is a member, as the federation's authority has signed it; null until an ingress tells: whoever has a certificate is.</summary>
    internal string? Roster { get; init; }

    /// <summary>Asked for the ingresses' control addresses while there is no link to any; an <see cref="IOException"/> says why it cannot tell. Null: only <see cref="Join"/> is tried, and what ingresses tell of each other.</summary>
    internal Func<CancellationToken, Task<IReadOnlyList<IPEndPoint>>>? FindIngresses { get; init; }

    /// <summary>Ends the start, as its own token does, as long as this node is not a member. From then on something may be here that has to be moved away first.</summary>
    internal CancellationToken UntilJoined { get; init; }

    /// <inheritdoc cref="NodeSurroundings.Phases"/>
    internal Action<MovePhase>? Phases { get; init; }
}
