using System.Globalization;
using Net.Core.Wire;
using Net.Migration.Link;
using Net.Node.Cli;
using Net.Node.Runtime;

namespace Net.Node.Commands;

/// <summary>`continuum status`, `continuum migrate` and `continuum drain`: questions to the ingress.</summary>
internal sealed class ControlCommands(ICommandRuntime runtime, MemberCredentials member, TimeProvider time)
{
    /// <summary>An ingress that has not answered by then is not there.</summary>
    public static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(5);

    internal const string StartIngress = "start continuum ingress, or give its control address with --join";

    public async Task<int> StatusAsync(StatusOptions options, CommandOutput output, CancellationToken cancellationToken)
    {
        using Deadline limit = Limit(AnswerWithin, cancellationToken);
        StatusReplyMessage status;
        try
        {
            IControlConnection control = await runtime.ConnectAsync(options.Join, member, limit.Token).ConfigureAwait(false);
            await using (control.ConfigureAwait(false))
            {
                status = await control.StatusAsync(limit.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (IsSilence(e, cancellationToken))
        {
            throw new CommandFailure(Silence(options.Join, e), StartIngress);
        }

        if (options.Json)
        {
            output.Result(ReportJson.Write(StatusJson.Of(status)));
            return ExitCode.Done;
        }

        StatusJson shown = StatusJson.Of(status);
        output.Result($"ingress {shown.Ingress}");
        foreach (ComponentJson component in shown.Components)
        {
            output.Result($"component {component.Name} owner {component.Owner} epoch {component.Epoch} shard {component.Shard} connections {component.Connections}{Checkpoints(component)}");
        }

        foreach (NodeJson node in shown.Nodes)
        {
            output.Result($"node {node.Name} {node.Address} {(node.Alive ? "alive" : "dead")} hosts {(node.Hosts.Count > 0 ? string.Join(',', node.Hosts) : "nothing")}");
        }

        return ExitCode.Done;
    }

    private static string Checkpoints(ComponentJson component) =>
        component.Checkpoints == 0 ? "" : $" checkpoints {component.Checkpoints} newest {component.NewestCheckpoint}";

    public async Task<int> MigrateAsync(MigrateOptions options, CommandOutput output, CancellationToken cancellationToken)
    {
        MigrateReport report = await MoveAsync(options, cancellationToken).ConfigureAwait(false);
        if (options.Json)
        {
            output.Result(ReportJson.Write(MigrateJson.Of(report)));
        }

        if (report.Code != MigrateCode.None)
        {
            output.Failure(Explain(report));
            return ExitCode.Failed;
        }

        if (!options.Json)
        {
            output.Result(report.Moved ? Describe(report) : $"{report.Component} is already at {report.To}: nothing moved, epoch {report.Epoch}");
        }

        return ExitCode.Done;
    }

    public async Task<int> DrainAsync(DrainOptions options, CommandOutput output, CancellationToken cancellationToken)
    {
        DrainReport report = await AskDrainAsync(options, cancellationToken).ConfigureAwait(false);
        if (options.Json)
        {
            output.Result(ReportJson.Write(DrainJson.Of(report)));
        }
        else
        {
            foreach (MigrateReport move in report.Moves)
            {
                output.Result(move.Moved ? Describe(move) : $"{move.Component} did not move to {move.To}: {move.Message}");
            }
        }

        if (report.Code != MigrateCode.None)
        {
            string remedy = report.Code == MigrateCode.UnknownNode ? "see the nodes with continuum status"
                : report.Code == MigrateCode.Unreachable ? StartIngress : "see continuum status, and start another host or drain again";
            output.Failure(report.Message.Contains(": ", StringComparison.Ordinal) ? $"{report.Message} ({remedy})" : $"{report.Message}: {remedy}");
            return ExitCode.Failed;
        }

        if (!options.Json)
        {
            output.Result(options.Cancel ? $"{report.Node} is a host like any other again" : report.Moves.Count == 0 ? $"{report.Node} has nothing to move" : $"{report.Node} is drained");
        }

        return ExitCode.Done;
    }

    /// <summary>One line about a move that was made.</summary>
    public static string Describe(MigrateReport report) => string.Create(CultureInfo.InvariantCulture,
        $"{report.Component} moved from {report.From} to {report.To}: epoch {report.Epoch}, {report.Connections} connections, frozen {report.Freeze.TotalMilliseconds:0.0} ms, {report.StateBytes} bytes of state");

    /// <summary>What went wrong, and what to do.</summary>
    public static string Explain(MigrateReport report)
    {
        string message = report.Message.Length > 0 ? report.Message : report.CodeName ?? "failed";
        string remedy = report.Code switch
        {
            MigrateCode.UnknownComponent => "see its name with continuum status",
            MigrateCode.UnknownNode => "see the nodes with continuum status, or start it",
            MigrateCode.Unreachable => StartIngress,
            MigrateCode.Timeout => "see continuum status, and try again with a larger --timeout",
            MigrateCode.Conflict => "another move was faster, see continuum status and try again",
            _ => "see continuum status and the log of both nodes",
        };
        // Refusals come with their remedy, as "b cannot host web: start it with --serve DIR" does.
        return message.Contains(": ", StringComparison.Ordinal) ? message : $"{message}: {remedy}";
    }

    private async Task<MigrateReport> MoveAsync(MigrateOptions options, CancellationToken cancellationToken)
    {
        bool asked = false;
        try
        {
            using Deadline connecting = Limit(AnswerWithin, cancellationToken);
            IControlConnection control = await runtime.ConnectAsync(options.Join, member, connecting.Token).ConfigureAwait(false);
            await using (control.ConfigureAwait(false))
            {
                asked = true;
                using Deadline moving = Limit(options.Timeout + AnswerWithin, cancellationToken);
                return await control.MigrateAsync(options.Component, options.To, options.Timeout, moving.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (IsSilence(e, cancellationToken))
        {
            bool tooLate = asked && e is OperationCanceledException;
            return new(options.Component, "", options.To, 0, false, 0, 0, default, 0,
                tooLate ? MigrateCode.Timeout : MigrateCode.Unreachable,
                asked ? $"the ingress at {options.Join} went silent during the move" : Silence(options.Join, e));
        }
    }

    private async Task<DrainReport> AskDrainAsync(DrainOptions options, CancellationToken cancellationToken)
    {
        bool asked = false;
        try
        {
            using Deadline connecting = Limit(AnswerWithin, cancellationToken);
            IControlConnection control = await runtime.ConnectAsync(options.Join, member, connecting.Token).ConfigureAwait(false);
            await using (control.ConfigureAwait(false))
            {
                asked = true;
                using Deadline draining = Limit(options.Timeout + AnswerWithin, cancellationToken);
                return await control.DrainAsync(options.Node, options.Timeout, options.Cancel, draining.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (IsSilence(e, cancellationToken))
        {
            return new(options.Node, [], [], MigrateCode.Unreachable,
                asked ? $"the ingress at {options.Join} went silent during the drain" : Silence(options.Join, e));
        }
    }

    internal static bool IsSilence(Exception e, CancellationToken asked) =>
        e is IOException || (e is OperationCanceledException && !asked.IsCancellationRequested);

    internal static string Silence(UdpAddress join, Exception e) => e is OperationCanceledException
        ? $"no answer from {join} within {AnswerWithin.TotalSeconds:0} s"
        : $"cannot reach {join} ({e.Message.TrimEnd('.').Replace(": ", ", ", StringComparison.Ordinal)})";

    /// <summary>The clock is the caller's, so that a test does not wait.</summary>
    private Deadline Limit(TimeSpan after, CancellationToken outer) => new(after, time, outer);

    /// <summary>A token that is set after a time, or when an outer one is.</summary>
    private sealed class Deadline : IDisposable
    {
        private readonly CancellationTokenSource _timed, _linked;

        public Deadline(TimeSpan after, TimeProvider time, CancellationToken outer)
        {
            _timed = new(after, time);
            _linked = CancellationTokenSource.CreateLinkedTokenSource(_timed.Token, outer);
        }

        public CancellationToken Token => _linked.Token;

        public void Dispose()
        {
            _linked.Dispose();
            _timed.Dispose();
        }
    }
}
