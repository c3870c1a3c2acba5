using Net.Migration.Link;
using Net.Node.Cli;
using Net.Node.Data;
using Net.Node.Runtime;

namespace Net.Node.Demo;

/// <summary>A live update: each "move" starts a new process of the node that serves, which takes everything over, and the old one leaves.</summary>
internal sealed class TakeOverWorld(ICommandRuntime runtime, Executable executable, string home, TimeProvider time, CommandOutput output)
    : Federation(runtime, executable, home, time, output)
{
    private static readonly TimeSpan s_leaveWithin = TimeSpan.FromSeconds(15);

    public override IReadOnlyList<string> Nodes { get; } = ["a"];

    public override async Task<MigrateReport> MoveAsync(string to, CancellationToken cancellationToken)
    {
        ComponentStatus before = await StatusAsync(cancellationToken).ConfigureAwait(false);
        string owner = before.Record.Owner.Name;
        ChildProcess old = NodeProcess(owner);
        await StartNodeAsync(owner, ["--takeover"], cancellationToken).ConfigureAwait(false);
        int? code = await old.ExitAsync(s_leaveWithin, cancellationToken).ConfigureAwait(false);
        await old.DisposeAsync().ConfigureAwait(false);
        ComponentStatus after = await StatusAsync(cancellationToken).ConfigureAwait(false);
        (MigrateCode error, string message) = code != ExitCode.Done ? (MigrateCode.Unreachable, $"the old process ended with {code?.ToString() ?? "a kill"}")
            : after.Record.Owner == before.Record.Owner ? (MigrateCode.Refused, "the new process has taken nothing over") : (MigrateCode.None, "");
        return new(
            Component, owner, owner, after.Record.Epoch, error == MigrateCode.None, before.Connections, 0, after.LastFreeze, after.LastStateBytes, error, message);
    }

    private async Task<ComponentStatus> StatusAsync(CancellationToken cancellationToken)
    {
        StatusReplyMessage status = await AskAsync((control, token) => control.StatusAsync(token), cancellationToken).ConfigureAwait(false);
        return status.Components.First(component => component.Record.Component == Component);
    }
}
