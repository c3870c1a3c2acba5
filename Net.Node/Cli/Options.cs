using Net.Core.Wire;
using Net.Node.Etcd;

namespace Net.Node.Cli;

/// <summary>What `demo` is told to get wrong, to show that its verdict can fail.</summary>
internal enum Fault
{
    None,

    /// <summary>One byte of the download is changed on its way to the check.</summary>
    WrongByte,

    /// <summary>A move is reported as done, and the directory knows nothing of it.</summary>
    LostCommit,

    /// <summary>The client connects once more in the middle.</summary>
    SecondHandshake,
}

/// <summary>`continuum demo`.</summary>
/// <param name="Scenario">Such as <c>move</c>.</param>
/// <param name="Size">Bytes to download.</param>
/// <param name="Moves">While they come.</param>
/// <param name="Json">One object on standard output.</param>
/// <param name="Fault">Deliberate.</param>
internal sealed record DemoOptions(string Scenario, long Size, int Moves, bool Json, Fault Fault);

/// <summary>`continuum ingress`.</summary>
/// <param name="Listen">Public address; port 0: any.</param>
/// <param name="Control">Address for nodes and commands; port 0: any.</param>
/// <param name="State">Directory of the ownership log; <c>null</c>: below the data directory.</param>
/// <param name="DefaultComponent">For server names that name none.</param>
/// <param name="StopOnEof">End when standard input does: the parent is gone.</param>
internal sealed record IngressOptions(UdpAddress Listen, UdpAddress Control, string? State, string DefaultComponent, bool StopOnEof)
{
    /// <summary>A process of its own keeps the public port open when this one dies.</summary>
    public bool Hold { get; init; } = true;

    /// <summary>The directory that it shares with other ingresses; <c>null</c>: it has one of its own.</summary>
    public EtcdAddress? Directory { get; init; }

    /// <summary>Directory that replaces the federation's part of the data directory.</summary>
    public string? Trust { get; init; }
}

/// <summary>`continuum hold`, which `continuum ingress` starts.</summary>
/// <param name="Listen">Public address.</param>
/// <param name="At">Path of the Unix socket at which it is lent.</param>
/// <param name="Linger">How long it waits for the next ingress.</param>
internal sealed record HoldOptions(UdpAddress Listen, string At, TimeSpan Linger);

/// <summary>`continuum node`.</summary>
/// <param name="Name">In the federation.</param>
/// <param name="Join">The ingress's control address.</param>
/// <param name="JoinTimeout">How long the first attempts go on.</param>
/// <param name="Serve">Full path of an existing directory, or <c>null</c>: hosts nothing.</param>
/// <param name="Link">Own address for links; <c>null</c>: the one that reaches <paramref name="Join"/>, any port.</param>
/// <param name="Cert">PEM chain of the component, or <c>null</c> for the development certificate.</param>
/// <param name="Key">PEM key; there exactly when <paramref name="Cert"/> is.</param>
/// <param name="Trust">Directory that replaces the federation's part of the data directory.</param>
/// <param name="StopOnEof">End when standard input does: the parent is gone.</param>
internal sealed record NodeOptions(
    string Name, UdpAddress Join, TimeSpan JoinTimeout, string? Serve, UdpAddress? Link, string? Cert, string? Key, string? Trust, bool StopOnEof)
{
    /// <summary>Names of the components that serve those files, separated by commas.</summary>
    public string Components { get; init; } = "web";

    /// <summary>Public address of a relay: clients come to this node itself; <c>null</c>: an ingress stands in front.</summary>
    public UdpAddress? Listen { get; init; }

    /// <summary>Where other nodes join this one, which then has the directory; there exactly when <see cref="Listen"/> is.</summary>
    public UdpAddress? Control { get; init; }

    /// <summary>Take over from the process of the same name that runs on this machine.</summary>
    public bool TakeOver { get; init; }

    /// <summary>Running requests stay here when their component moves, and finish.</summary>
    public bool Tether { get; init; }

    /// <summary>Where the federation's ingresses are found, instead of <see cref="Join"/>; <c>null</c>: they are not.</summary>
    public EtcdAddress? Directory { get; init; }

    /// <summary>How long SIGTERM lets it move its components away.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>`continuum status`.</summary>
internal sealed record StatusOptions(UdpAddress Join, bool Json)
{
    /// <summary>Directory that replaces the federation's part of the data directory.</summary>
    public string? Trust { get; init; }
}

/// <summary>`continuum migrate`.</summary>
/// <param name="Component">As typed: it may not exist.</param>
/// <param name="To">As typed: it may not exist.</param>
/// <param name="Join">The ingress's control address.</param>
/// <param name="Timeout">Abort when not committed by then.</param>
/// <param name="Json">One object on standard output, also on failure.</param>
internal sealed record MigrateOptions(string Component, string To, UdpAddress Join, TimeSpan Timeout, bool Json)
{
    /// <summary>Directory that replaces the federation's part of the data directory.</summary>
    public string? Trust { get; init; }
}

/// <summary>`continuum drain`.</summary>
/// <param name="Node">As typed: it may not exist.</param>
/// <param name="Join">The ingress's control address.</param>
/// <param name="Timeout">What has not moved by then stays.</param>
/// <param name="Json">One object on standard output, also on failure.</param>
internal sealed record DrainOptions(string Node, UdpAddress Join, TimeSpan Timeout, bool Json)
{
    /// <summary>Ends the drain and lets the node be a host like any other again.</summary>
    public bool Cancel { get; init; }

    /// <summary>Directory that replaces the federation's part of the data directory.</summary>
    public string? Trust { get; init; }
}

/// <summary>`continuum checkpoint`.</summary>
/// <param name="Component">As typed: it may not exist.</param>
/// <param name="Join">The ingress's control address.</param>
/// <param name="Timeout">How long its requests may take to come to a safe point.</param>
/// <param name="Json">One object on standard output, also on failure.</param>
internal sealed record CheckpointOptions(string Component, UdpAddress Join, TimeSpan Timeout, bool Json)
{
    /// <summary>Directory that replaces the federation's part of the data directory.</summary>
    public string? Trust { get; init; }
}

/// <summary>`continuum rollback`.</summary>
/// <param name="Component">As typed: it may not exist.</param>
/// <param name="To">Number of the checkpoint; 0: the newest.</param>
/// <param name="Join">The ingress's control address.</param>
/// <param name="Timeout">How long its requests may take to come to a safe point.</param>
/// <param name="Json">One object on standard output, also on failure.</param>
internal sealed record RollBackOptions(string Component, ulong To, UdpAddress Join, TimeSpan Timeout, bool Json)
{
    /// <summary>Directory that replaces the federation's part of the data directory.</summary>
    public string? Trust { get; init; }
}

/// <summary>`continuum top`.</summary>
/// <param name="Join">The ingress's control address.</param>
/// <param name="Interval">Between two looks.</param>
/// <param name="Once">One look, two when rates are wanted, then done.</param>
/// <param name="Json">One object per look on standard output.</param>
internal sealed record TopOptions(UdpAddress Join, TimeSpan Interval, bool Once, bool Json)
{
    /// <summary>Directory that replaces the federation's part of the data directory.</summary>
    public string? Trust { get; init; }
}

/// <summary>What `continuum trust` does.</summary>
internal enum TrustAction
{
    Init,
    Add,
    List,
    Remove,
}

/// <summary>`continuum trust`.</summary>
/// <param name="Action">What to do.</param>
/// <param name="Name">Whom to add or remove; else <c>null</c>.</param>
/// <param name="Trust">Where; <c>null</c>: in the data directory.</param>
/// <param name="Json">One object on standard output, for a list.</param>
internal sealed record TrustOptions(TrustAction Action, string? Name, string? Trust, bool Json);

/// <summary>`continuum get`.</summary>
/// <param name="Url">Absolute, https.</param>
/// <param name="Output">File, or <c>null</c> for standard output.</param>
/// <param name="Insecure">Any certificate will do.</param>
internal sealed record GetOptions(Uri Url, string? Output, bool Insecure)
{
    /// <summary>Status and header fields before the body.</summary>
    public bool ShowsHead { get; init; }

    /// <summary>A body, <c>@FILE</c> or <c>@-</c>; <c>null</c>: none.</summary>
    public string? Data { get; init; }

    /// <summary>Of the request; they replace our own of the same name.</summary>
    public IReadOnlyList<HeaderField> Headers { get; init; } = [];

    /// <summary><c>null</c>: GET, or POST with a body.</summary>
    public string? Method { get; init; }

    /// <summary>One object on standard output, also on failure.</summary>
    public bool Json { get; init; }
}
