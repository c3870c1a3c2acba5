using Net.Node.Cli;

namespace Net.Tests.Node.Cli;

/// <summary>Commands that only note what they were asked for.</summary>
internal sealed class RecordingHandlers : ICommandHandlers
{
    public object? Options { get; private set; }

    public CommandOutput? Output { get; private set; }

    /// <summary>What the next command does.</summary>
    public Func<CancellationToken, int> Answer { get; set; } = _ => 0;

    public Task<int> DemoAsync(DemoOptions options, CommandOutput output, CancellationToken cancellationToken) => Note(options, output, cancellationToken);

    public Task<int> IngressAsync(IngressOptions options, CommandOutput output, CancellationToken cancellationToken) => Note(options, output, cancellationToken);

    public Task<int> HoldAsync(HoldOptions options, CommandOutput output, CancellationToken cancellationToken) => Note(options, output, cancellationToken);

    public Task<int> NodeAsync(NodeOptions options, CommandOutput output, CancellationToken cancellationToken) => Note(options, output, cancellationToken);

    public Task<int> StatusAsync(StatusOptions options, CommandOutput output, CancellationToken cancellationToken) => Note(options, output, cancellationToken);

    public Task<int> MigrateAsync(MigrateOptions options, CommandOutput output, CancellationToken cancellationToken) => Note(options, output, cancellationToken);

    public Task<int> DrainAsync(DrainOptions options, CommandOutput output, CancellationToken cancellationToken) => Note(options, output, cancellationToken);

    public Task<int> CheckpointAsync(CheckpointOptions options, CommandOutput output, CancellationToken cancellationToken) => Note(options, output, cancellationToken);

    public Task<int> RollBackAsync(RollBackOptions options, CommandOutput output, CancellationToken cancellationToken) => Note(options, output, cancellationToken);

    public Task<int> TopAsync(TopOptions options, CommandOutput output, CancellationToken cancellationToken) => Note(options, output, cancellationToken);

    public Task<int> TrustAsync(TrustOptions options, CommandOutput output, CancellationToken cancellationToken) => Note(options, output, cancellationToken);

    public Task<int> GetAsync(GetOptions options, CommandOutput output, CancellationToken cancellationToken) => Note(options, output, cancellationToken);

    private Task<int> Note(object options, CommandOutput output, CancellationToken cancellationToken)
    {
        (Options, Output) = (options, output);
        return Task.FromResult(Answer(cancellationToken));
    }
}
