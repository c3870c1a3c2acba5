using System.Security.Cryptography.X509Certificates;
using Net.Core.Wire;
using Net.Migration.Link;
using Net.Node.Cli;
using Net.Node.Data;
using Net.Node.Web;

namespace Net.Node.Runtime;

/// <summary>All that the commands need of the network: sockets, links, shards. The commands themselves know none of it.</summary>
/// <remarks>
/// A failure that a person can mend is a <see cref="CommandFailure"/>, an address that is taken an
/// <see cref="Core.Io.AddressInUseException"/>; a cancelled call throws <see cref="OperationCanceledException"/>.
/// </remarks>
internal interface ICommandRuntime
{
    /// <summary>Routes until cancelled; returns when everything is closed.</summary>
    /// <param name="setup">What to run.</param>
    /// <param name="ready">Called once, when both ports are served, with the bound addresses (public, control).</param>
    /// <param name="output">For the log.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task RunIngressAsync(IngressSetup setup, Action<UdpAddress, UdpAddress> ready, CommandOutput output, CancellationToken cancellationToken);

    /// <summary>Joins, and serves until cancelled, or until it was asked to end and is drained; returns when everything is closed.</summary>
    /// <param name="setup">What to run.</param>
    /// <param name="events">Told of what the command has to print.</param>
    /// <param name="output">For the log.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task RunNodeAsync(NodeSetup setup, INodeEvents events, CommandOutput output, CancellationToken cancellationToken);

    /// <summary>Connects to an ingress's control address.</summary>
    /// <param name="join">Where.</param>
    /// <param name="member">Client certificate and trust.</param>
    /// <param name="cancellationToken">Set at the latest after 5 s.</param>
    /// <exception cref="IOException">Nobody answers there, or not one of our federation.</exception>
    Task<IControlConnection> ConnectAsync(UdpAddress join, MemberCredentials member, CancellationToken cancellationToken);

    /// <summary>Opens one HTTP/3 connection.</summary>
    /// <exception cref="IOException">The host has no address, or nobody answers.</exception>
    /// <exception cref="System.Security.Authentication.AuthenticationException">Its certificate is not trusted.</exception>
    Task<IHttpConnection> OpenAsync(HttpTarget target, CancellationToken cancellationToken);

    /// <summary>What sends the requests of `get`: HTTP/3 alone, as <see cref="HttpClient"/> wants it.</summary>
    /// <param name="trustedRoots">Beside the system's; ignored when <paramref name="insecure"/>.</param>
    /// <param name="insecure">Any certificate will do.</param>
    /// <param name="connected">Called for each connection that was made, with the time that it took.</param>
    HttpMessageHandler CreateHandler(X509Certificate2Collection trustedRoots, bool insecure, Action<TimeSpan> connected);
}

/// <summary>An ingress's command line, and what its data directory holds.</summary>
internal sealed record IngressSetup(IngressOptions Options, string StateDirectory, MemberCredentials Member)
{
    /// <summary>Where files for etcd are.</summary>
    public string DataDirectory { get; init; } = "";

    /// <summary>Where a holder lends the public socket; <c>null</c>: no holder.</summary>
    public string? HolderDoor { get; init; }

    /// <summary>Set when the ingress shall end and leave its public port to the holder, also before it is ready.</summary>
    public CancellationToken Terminated { get; init; }
}

/// <summary>A node's command line, and what its data directory holds.</summary>
/// <param name="Options">As typed.</param>
/// <param name="Member">For links.</param>
/// <param name="ServerCertificate">With its key: shown to clients.</param>
/// <param name="Intermediates">Issuers of <paramref name="ServerCertificate"/> to send with it.</param>
/// <param name="CreateWeb">Makes the component; <c>null</c> when the node hosts nothing. The host passes who and at which epoch it is.</param>
internal sealed record NodeSetup(
    NodeOptions Options, MemberCredentials Member, X509Certificate2 ServerCertificate, X509Certificate2Collection Intermediates,
    Func<IComponentIdentity, WebComponent>? CreateWeb)
{
    /// <summary>Set when the node shall move its components away, and then end; at once while it has not joined.</summary>
    public CancellationToken Terminated { get; init; }

    /// <summary>What clients are to be shown now; <c>null</c>: <see cref="ServerCertificate"/> for ever.</summary>
    public Func<(X509Certificate2 Certificate, X509Certificate2Collection Intermediates)>? ReadServer { get; init; }

    /// <summary>Where a process that takes over asks; <c>null</c>: none can.</summary>
    public string? Door { get; init; }

    /// <summary>Where files for etcd are.</summary>
    public string DataDirectory { get; init; } = "";

    /// <summary>With a public address of its own: the ingress inside this process; else <c>null</c>.</summary>
    public IngressSetup? Relay { get; init; }
}

/// <summary>What a node tells its command. From any thread.</summary>
internal interface INodeEvents
{
    /// <summary>It has joined and serves. Once.</summary>
    /// <param name="relay">With a public address of its own: that, and the control address.</param>
    void Ready((UdpAddress Listen, UdpAddress Control)? relay = null);

    /// <summary>A client's handshake was completed by this node.</summary>
    void HandshakeCompleted();

    /// <summary>Another try to join failed; the command prints one line per 10.</summary>
    /// <param name="why">With the address that was tried.</param>
    void JoinFailed(string why);
}

/// <summary>A member's place in the federation.</summary>
/// <param name="Certificate">With its key; for both ends of a link. Its common name is the member's name.</param>
/// <param name="Authority">The only issuer whose certificates are members'.</param>
internal sealed record MemberCredentials(X509Certificate2 Certificate, X509Certificate2 Authority)
{
    /// <summary>Asked at each handshake for what is shown instead of <see cref="Certificate"/>; <c>null</c>: nothing.</summary>
    public Func<X509Certificate2>? Renewed { get; init; }

    /// <summary>32 bytes that all ingresses of the federation derive alike, and nobody who has not their key: seals what they share.</summary>
    public ReadOnlyMemory<byte> Secret { get; init; }

    /// <summary>Where it is written who is a member; it may not be there. <c>null</c>: nowhere.</summary>
    public string? RosterFile { get; init; }
}

/// <summary>An open control connection; one call at a time.</summary>
internal interface IControlConnection : IAsyncDisposable
{
    /// <exception cref="IOException">The connection was lost.</exception>
    Task<StatusReplyMessage> StatusAsync(CancellationToken cancellationToken);

    /// <returns>How it ended, also when it failed: the codes are the ingress's.</returns>
    /// <exception cref="IOException">The connection was lost: whether it moved is not known.</exception>
    Task<MigrateReport> MigrateAsync(string component, string to, TimeSpan timeout, CancellationToken cancellationToken);

    /// <returns>How it ended, also when something stays.</returns>
    /// <exception cref="IOException">The connection was lost: what has moved is not known.</exception>
    Task<DrainReport> DrainAsync(string node, TimeSpan timeout, bool cancel, CancellationToken cancellationToken);

    /// <param name="number">To which; 0: to the newest.</param>
    /// <returns>How it ended, also when it failed.</returns>
    /// <exception cref="IOException">The connection was lost: whether it was done is not known.</exception>
    Task<CheckpointReport> CheckpointAsync(string component, CheckpointAction action, ulong number, TimeSpan timeout, CancellationToken cancellationToken);
}

/// <summary>Where to get from, and whom to believe.</summary>
/// <param name="Host">DNS name or IP address, without brackets; the server name unless it is an address.</param>
/// <param name="Port">UDP port.</param>
/// <param name="TrustedRoots">Beside the system's; ignored when <paramref name="Insecure"/>.</param>
/// <param name="Insecure">Any certificate will do.</param>
internal sealed record HttpTarget(string Host, int Port, X509Certificate2Collection TrustedRoots, bool Insecure);

/// <summary>One HTTP/3 connection of our client.</summary>
internal interface IHttpConnection : IAsyncDisposable
{
    /// <summary>Sends a GET without a body, and waits for the response's head.</summary>
    /// <param name="authority">As in the URL.</param>
    /// <param name="pathAndQuery">As in the URL.</param>
    /// <param name="cancellationToken">Gives the request up.</param>
    /// <exception cref="IOException">The connection or the request was lost.</exception>
    Task<IHttpResponse> GetAsync(string authority, string pathAndQuery, CancellationToken cancellationToken);

    /// <summary>Sends a PUT, and waits for the response's head.</summary>
    /// <inheritdoc cref="GetAsync"/>
    Task<IHttpResponse> PutAsync(string authority, string pathAndQuery, ReadOnlyMemory<byte> body, CancellationToken cancellationToken);
}

/// <summary>A response whose body is read as it is wanted: what is not read stops the sender by flow control.</summary>
internal interface IHttpResponse : IAsyncDisposable
{
    int Status { get; }

    /// <summary>-1: not announced.</summary>
    long ContentLength { get; }

    /// <returns>Bytes read; 0 at the end.</returns>
    /// <exception cref="IOException">The response was cut off.</exception>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken);
}
