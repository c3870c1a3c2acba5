using Net.Migration.Link;
using Net.Node.Cli;
using Net.Node.Data;
using Net.Node.Runtime;

namespace Net.Node.Demo;

/// <summary>A rolling restart: each "move" empties the node that serves, ends its process as a service manager does, and starts it again.</summary>
/// <remarks>Every node also hosts a second component, so that a drain is more than one move.</remarks>
internal sealed class DrainWorld(ICommandRuntime runtime, Executable executable, string home, TimeProvider time, CommandOutput output)
    : Federation(runtime, executable, home, time, output)
{
    private static readonly TimeSpan s_drainWithin = TimeSpan.FromSeconds(15);

    private static readonly string[] s_components = ["--component", $"{Component},side"];

    public override async Task<MigrateReport> MoveAsync(string to, CancellationToken cancellationToken)
    {
        (string owner, ulong epoch) = await OwnerAsync(cancellationToken).ConfigureAwait(false);
        DrainReport drained = await AskAsync((control, token) => control.DrainAsync(owner, s_drainWithin, cancel: false, token), cancellationToken).ConfigureAwait(false);
        MigrateReport? move = drained.Moves.LastOrDefault(move => move.Component == Component);
        if (drained.Code != MigrateCode.None || move is null)
        {
            string why = move is null && drained.Code == MigrateCode.None ? $"{owner} had no {Component}" : drained.Message;
            return new(Component, owner, to, epoch, false, 0, 0, default, 0, drained.Code == MigrateCode.None ? MigrateCode.Conflict : drained.Code, why);
        }

        int? code = await NodeProcess(owner).TerminateAsync(s_drainWithin, cancellationToken).ConfigureAwait(false);
        if (code != ExitCode.Done)
        {
            return move with { Moved = false, Code = MigrateCode.Unreachable, Message = $"node {owner} ended with {code?.ToString() ?? "a kill"}, not {ExitCode.Done}" };
        }

        await NodeProcess(owner).DisposeAsync().ConfigureAwait(false);
        await StartNodeAsync(owner, s_components, cancellationToken).ConfigureAwait(false);
        return move;
    }

    protected override string[] NodeArguments => s_components;
}
