using Net.Core.Wire;
using Net.Node.Cli;

namespace Net.Node.Runtime;

/// <summary>A build without a network: every command that needs one says so.</summary>
internal sealed class AbsentRuntime : ICommandRuntime
{
    public Task RunIngressAsync(IngressSetup setup, Action<UdpAddress, UdpAddress> ready, CommandOutput output, CancellationToken cancellationToken) => throw Absent();

    public Task RunNodeAsync(NodeSetup setup, INodeEvents events, CommandOutput output, CancellationToken cancellationToken) => throw Absent();

    public Task<IControlConnection> ConnectAsync(UdpAddress join, MemberCredentials member, CancellationToken cancellationToken) => throw Absent();

    public Task<IHttpConnection> OpenAsync(HttpTarget target, CancellationToken cancellationToken) => throw Absent();

    private static CommandFailure Absent() => new("this build has no network", "use a complete build");
}
