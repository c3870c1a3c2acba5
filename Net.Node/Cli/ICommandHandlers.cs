namespace Net.Node.Cli;

/// <summary>What the commands do, once the command line is understood. Each answers with an exit code.</summary>
internal interface ICommandHandlers
{
    Task<int> DemoAsync(DemoOptions options, CommandOutput output, CancellationToken cancellationToken);

    Task<int> IngressAsync(IngressOptions options, CommandOutput output, CancellationToken cancellationToken);

    Task<int> HoldAsync(HoldOptions options, CommandOutput output, CancellationToken cancellationToken);

    Task<int> NodeAsync(NodeOptions options, CommandOutput output, CancellationToken cancellationToken);

    Task<int> StatusAsync(StatusOptions options, CommandOutput output, CancellationToken cancellationToken);

    Task<int> MigrateAsync(MigrateOptions options, CommandOutput output, CancellationToken cancellationToken);

    Task<int> DrainAsync(DrainOptions options, CommandOutput output, CancellationToken cancellationToken);

    Task<int> CheckpointAsync(CheckpointOptions options, CommandOutput output, CancellationToken cancellationToken);

    Task<int> RollBackAsync(RollBackOptions options, CommandOutput output, CancellationToken cancellationToken);

    Task<int> TopAsync(TopOptions options, CommandOutput output, CancellationToken cancellationToken);

    Task<int> TrustAsync(TrustOptions options, CommandOutput output, CancellationToken cancellationToken);

    Task<int> GetAsync(GetOptions options, CommandOutput output, CancellationToken cancellationToken);
}
