using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Net.Migration.Directory;

namespace Net.Migration.Hosting;

/// <summary>How an ingress runs.</summary>
public sealed class IngressHostOptions
{
    /// <summary>The clients' UDP address; [::] takes IPv4 as well, port 0 lets the system choose.</summary>
    public required IPEndPoint Listen { get; init; }

    /// <summary>
    /// A bound UDP socket to use instead of binding <see cref="Listen"/>: lent by a holder that keeps it open when this process dies (or by
    /// socket activation), so that a crash of the ingress is a stall and never an ICMP. Null: bind.
    /// </summary>
    public SafeSocketHandle? PublicSocket { get; init; }

    /// <summary>The UDP address for members and commands: QUIC with mutual TLS. Nodes send their datagrams to another port of it.</summary>
    public required IPEndPoint Control { get; init; }

    /// <summary>A directory for the ownership log and the federation's keys; created with mode 0700 when it does not exist.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>Component of clients that send no server name, an address, or a name that is no component's. "web" by default.</summary>
    public string DefaultComponent { get; init; } = "web";

    /// <summary>This process's certificate, with its key, for server authentication; issued by one of <see cref="FederationRoots"/>.</summary>
    public required X509Certificate2 MemberCertificate { get; init; }

    /// <summary>
    /// Asked at each handshake with another member, from any thread, for the certificate to show instead of <see cref="MemberCertificate"/>, which it may be: a process may
    /// run for longer than one lasts. What throws leaves the former one. Null: that one stays.
    /// </summary>
    public Func<X509Certificate2>? RenewedMemberCertificate { get; init; }

    /// <summary>Issuers of the certificates by which members and commands are known: nobody else gets past the handshake.</summary>
    public required X509Certificate2Collection FederationRoots { get; init; }

    /// <summary>Opens the directory that this ingress shares with others; null: it has one of its own, in <see cref="StateDirectory"/>.</summary>
    internal Func<SharedDirectoryUser, CancellationToken, Task<ISharedDirectory>>? OpenDirectory { get; init; }

    /// <summary>A file in which the federation's authority has signed who is a member; looked at every second. Null, or not there: whoever has a certificate is.</summary>
    internal string? RosterFile { get; init; }

    /// <summary>What the ingress that had <see cref="PublicSocket"/> before has read from it, and nobody has got.</summary>
    internal IReadOnlyList<Ingress.HeldDatagram> Kept { get; init; } = [];

    /// <summary>
    /// Told one line per event, without a line end, in order, on the thread pool. The ingress does not wait for it: of one that hangs 1,000 lines are kept, and what is
    /// lost is counted. Nothing by default.
    /// </summary>
    public Action<string> Log { get; init; } = static _ => { };

    /// <summary>Silence after which a member is dead; 3 s, and shorter only in tests.</summary>
    internal TimeSpan FailureTimeout { get; init; } = FailureDetector.Timeout;
}
