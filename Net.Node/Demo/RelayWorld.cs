using Net.Node.Cli;
using Net.Node.Runtime;

namespace Net.Node.Demo;

/// <summary>No ingress: clients come to node a, which passes on what has moved to b, and back.</summary>
internal sealed class RelayWorld(ICommandRuntime runtime, Executable executable, string home, TimeProvider time, CommandOutput output)
    : Federation(runtime, executable, home, time, output)
{
    protected override async Task StartAsync(CancellationToken cancellationToken)
    {
        Prepare();
        ChildProcess relay = Child("node a", ["node", "--name", Nodes[0], "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--serve", Files]);
        await ReadAsync(relay, cancellationToken).ConfigureAwait(false);
        await StartNodeAsync(Nodes[1], [], cancellationToken).ConfigureAwait(false);
        await ConnectControlAsync(cancellationToken).ConfigureAwait(false);
    }
}
