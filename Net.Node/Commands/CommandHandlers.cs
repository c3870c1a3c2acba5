using Net.Node.Cli;
using Net.Node.Data;
using Net.Node.Demo;
using Net.Node.Runtime;
using SocketHolder = Net.Migration.Hosting.SocketHolder;

namespace Net.Node.Commands;

/// <summary>The commands over a runtime.</summary>
/// <param name="runtime">The network.</param>
/// <param name="environment">Variables of the process.</param>
/// <param name="time">For certificates and deadlines.</param>
/// <param name="termination">Asks a node to drain and end, or an ingress to end and leave its port to a holder; null: nobody does.</param>
internal sealed class CommandHandlers(ICommandRuntime runtime, Func<string, string?> environment, TimeProvider time, Termination? termination = null) : ICommandHandlers
{
    public Task<int> DemoAsync(DemoOptions options, CommandOutput output, CancellationToken cancellationToken) =>
        DemoCommand.RunAsync(options, runtime, time, output, cancellationToken);

    public Task<int> IngressAsync(IngressOptions options, CommandOutput output, CancellationToken cancellationToken) =>
        new IngressCommand(runtime, Open(), termination ?? new()).RunAsync(options, output, cancellationToken);

    public async Task<int> HoldAsync(HoldOptions options, CommandOutput output, CancellationToken cancellationToken)
    {
        using SocketHolder holder = SocketHolder.Open(options.Listen.ToEndPoint(), options.At, options.Linger);
        output.Result($"ready hold {options.Listen}");
        await holder.RunAsync(cancellationToken).ConfigureAwait(false);
        return ExitCode.Done;
    }

    public Task<int> NodeAsync(NodeOptions options, CommandOutput output, CancellationToken cancellationToken)
    {
        NodeCommand.CheckServed(options.Serve);
        return new NodeCommand(runtime, Open(), time, termination ?? new()).RunAsync(options, output, cancellationToken);
    }

    public Task<int> StatusAsync(StatusOptions options, CommandOutput output, CancellationToken cancellationToken) =>
        new ControlCommands(runtime, Asker(options.Trust), time).StatusAsync(options, output, cancellationToken);

    public Task<int> MigrateAsync(MigrateOptions options, CommandOutput output, CancellationToken cancellationToken) =>
        new ControlCommands(runtime, Asker(options.Trust), time).MigrateAsync(options, output, cancellationToken);

    public Task<int> DrainAsync(DrainOptions options, CommandOutput output, CancellationToken cancellationToken) =>
        new ControlCommands(runtime, Asker(options.Trust), time).DrainAsync(options, output, cancellationToken);

    public Task<int> CheckpointAsync(CheckpointOptions options, CommandOutput output, CancellationToken cancellationToken) =>
        new CheckpointCommands(runtime, Asker(options.Trust), time).CheckpointAsync(options, output, cancellationToken);

    public Task<int> RollBackAsync(RollBackOptions options, CommandOutput output, CancellationToken cancellationToken) =>
        new CheckpointCommands(runtime, Asker(options.Trust), time).RollBackAsync(options, output, cancellationToken);

    public Task<int> TopAsync(TopOptions options, CommandOutput output, CancellationToken cancellationToken) =>
        new TopCommand(runtime, Asker(options.Trust), time).RunAsync(options, output, cancellationToken);

    public Task<int> GetAsync(GetOptions options, CommandOutput output, CancellationToken cancellationToken) =>
        new GetCommand(options, runtime, output, time).RunAsync(Open(), cancellationToken);

    public Task<int> TrustAsync(TrustOptions options, CommandOutput output, CancellationToken cancellationToken) =>
        Task.FromResult(new TrustCommand(options.Trust is { } trust ? DataDirectory.Open(Path.GetFullPath(trust), time) : Open()).Run(options, output));

    private MemberCredentials Asker(string? trust) =>
        trust is null ? Open().Member(TrustFolder.Asker) : DataDirectory.MemberFrom(trust, TrustFolder.Asker, time);

    private DataDirectory Open() => DataDirectory.Open(DataDirectory.Locate(environment), time);
}
