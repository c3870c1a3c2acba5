using System.Net;
using System.Security.Cryptography.X509Certificates;
using Net.Migration.Directory;

namespace Net.Migration.Hosting;

/// <summary>What a <see cref="RestartableServer"/> serves, where, and where its processes find each other.</summary>
public sealed record RestartableServerOptions
{
    /// <summary>The clients' UDP address; [::] takes IPv4 as well, port 0 lets the system choose. A process that takes over has the port of the one before.</summary>
    public required IPEndPoint ListenEndPoint { get; init; }

    /// <summary>
    /// A directory for the processes of this server alone, made with mode 0700 when it is not there, and given it when nobody else could write to it: whoever can enter it can take the server over. It is
    /// to outlive the processes, and its path to be short, at most 90 bytes, as Unix sockets are in it.
    /// </summary>
    public required string Directory { get; init; }

    /// <summary>What is served, by the first label of the server name; what has no name, or another one, gets the first.</summary>
    public required IReadOnlyList<HostedComponent> Components { get; init; }

    /// <summary>What clients are shown, with its key. The next process may show another one to new clients.</summary>
    public required X509Certificate2 ServerCertificate { get; init; }

    /// <summary>Sent behind <see cref="ServerCertificate"/>.</summary>
    public X509Certificate2Collection ServerIntermediates { get; init; } = [];

    /// <summary>How long a process that takes over may take for it; 60 s by default. Then it fails, and the one before goes on.</summary>
    public TimeSpan TakeOverTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <inheritdoc cref="NodeOptions.Log"/>
    public Action<string>? Log { get; init; }

    /// <summary>How long one that has got the port may take to say that it reads from it: nobody does meanwhile.</summary>
    internal TimeSpan PortPatience { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Awaited before anything moves to this process, also when there is nothing to move: it may still give up, and nothing has changed.</summary>
    internal Func<CancellationToken, Task>? Ready { get; init; }

    /// <summary>Awaited by a process that has everything, before it keeps it: it may still give it back, and fails then. Also by one that found nobody to take over from.</summary>
    internal Func<CancellationToken, Task>? Moved { get; init; }

    /// <summary>For one that gives everything back: for the moves, and for requests that have begun in it. The process before waits for it for 15 s.</summary>
    internal TimeSpan GiveBackTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <inheritdoc cref="IngressHostOptions.FailureTimeout"/>
    internal TimeSpan FailureTimeout { get; init; } = FailureDetector.Timeout;
}
