using System.Globalization;
using Net.Migration.Link;
using Net.Node.Cli;
using Net.Node.Runtime;

namespace Net.Node.Commands;

/// <summary>`continuum checkpoint` and `continuum rollback`: by way of the ingress, the owner's matter.</summary>
internal sealed class CheckpointCommands(ICommandRuntime runtime, MemberCredentials member, TimeProvider time)
{
    public async Task<int> CheckpointAsync(CheckpointOptions options, CommandOutput output, CancellationToken cancellationToken)
    {
        CheckpointReport report = await AskAsync(options, CheckpointAction.Take, 0, cancellationToken).ConfigureAwait(false);
        return Tell(report, options.Json, ReportJson.Write(CheckpointJson.Of(report)), string.Create(CultureInfo.InvariantCulture,
            $"checkpoint {report.Number} of {report.Component} at {report.Owner}: {report.Bytes} bytes, {Kept(report)}"), output);
    }

    public async Task<int> RollBackAsync(RollBackOptions options, CommandOutput output, CancellationToken cancellationToken)
    {
        CheckpointOptions asked = new(options.Component, options.Join, options.Timeout, options.Json) { Trust = options.Trust };
        CheckpointReport report = await AskAsync(asked, CheckpointAction.RollBack, options.To, cancellationToken).ConfigureAwait(false);
        return Tell(report, options.Json, ReportJson.Write(RollBackJson.Of(report)), Describe(report), output);
    }

    /// <summary>One line about a roll-back that was made.</summary>
    public static string Describe(CheckpointReport report) => string.Create(CultureInfo.InvariantCulture,
        $"{report.Component} at {report.Owner} is back at checkpoint {report.Number}: {report.Connections} connections live on, {report.Resumed} requests go on from there, {report.Reset} were reset, {Kept(report)}");

    /// <summary>What went wrong, and what to do.</summary>
    public static string Explain(CheckpointReport report)
    {
        string remedy = report.Code switch
        {
            MigrateCode.UnknownComponent => "see its name with continuum status",
            MigrateCode.Unreachable => ControlCommands.StartIngress,
            MigrateCode.Timeout => "see continuum status, and try again with a larger --timeout",
            MigrateCode.Conflict => "see continuum status and try again",
            _ => "see continuum status and the log of its node",
        };
        return report.Message.Contains(": ", StringComparison.Ordinal) ? report.Message : $"{report.Message}: {remedy}";
    }

    private static string Kept(CheckpointReport report) => $"kept: {string.Join(", ", report.Kept)}";

    private static int Tell(CheckpointReport report, bool isJson, string json, string words, CommandOutput output)
    {
        if (isJson)
        {
            output.Result(json);
        }

        if (report.Code != MigrateCode.None)
        {
            output.Failure(Explain(report));
            return ExitCode.Failed;
        }

        if (!isJson)
        {
            output.Result(words);
        }

        return ExitCode.Done;
    }

    private async Task<CheckpointReport> AskAsync(CheckpointOptions options, CheckpointAction action, ulong number, CancellationToken cancellationToken)
    {
        bool asked = false;
        try
        {
            using CancellationTokenSource timed = new(ControlCommands.AnswerWithin, time);
            using CancellationTokenSource connecting = CancellationTokenSource.CreateLinkedTokenSource(timed.Token, cancellationToken);
            IControlConnection control = await runtime.ConnectAsync(options.Join, member, connecting.Token).ConfigureAwait(false);
            await using (control.ConfigureAwait(false))
            {
                asked = true;
                using CancellationTokenSource late = new(options.Timeout + ControlCommands.AnswerWithin, time);
                using CancellationTokenSource waiting = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
                return await control.CheckpointAsync(options.Component, action, number, options.Timeout, waiting.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (ControlCommands.IsSilence(e, cancellationToken))
        {
            return CheckpointReport.Failed(
                new(0, options.Component, action, number, options.Timeout), "", 0,
                asked && e is OperationCanceledException ? MigrateCode.Timeout : MigrateCode.Unreachable,
                asked ? $"the ingress at {options.Join} went silent: whether it was done is not known" : ControlCommands.Silence(options.Join, e));
        }
    }
}

/// <summary>`checkpoint --json`.</summary>
/// <param name="Component">As typed.</param>
/// <param name="Owner">Who keeps it; empty when there is no such component.</param>
/// <param name="Epoch">Of the record.</param>
/// <param name="Checkpoint">Its number; <c>null</c>: none was made.</param>
/// <param name="StateBytes">That it takes.</param>
/// <param name="Connections">Of the component.</param>
/// <param name="Kept">Numbers of all that there are now, from the oldest on.</param>
/// <param name="Error">Why.</param>
internal sealed record CheckpointJson(
    string Component, string Owner, ulong Epoch, ulong? Checkpoint, ulong StateBytes, uint Connections, IReadOnlyList<ulong> Kept, ErrorJson? Error)
{
    public static CheckpointJson Of(CheckpointReport report) => new(
        report.Component, report.Owner, report.Epoch, report.Number == 0 ? null : report.Number, report.Bytes, report.Connections, report.Kept,
        MigrateReport.NameOf(report.Code) is string code ? new(code, report.Message) : null);
}

/// <summary>`rollback --json`.</summary>
/// <param name="Component">As typed.</param>
/// <param name="Owner">Who serves it; empty when there is no such component.</param>
/// <param name="Epoch">Of the record, which stays.</param>
/// <param name="Checkpoint">To which it went back; <c>null</c>: it did not.</param>
/// <param name="Connections">Of the component: all of them live on.</param>
/// <param name="Resumed">Requests that go on from the checkpoint.</param>
/// <param name="Reset">Requests that depended on what was discarded.</param>
/// <param name="Kept">Numbers of all checkpoints that there are now, from the oldest on.</param>
/// <param name="Error">Why.</param>
internal sealed record RollBackJson(
    string Component, string Owner, ulong Epoch, ulong? Checkpoint, uint Connections, uint Resumed, uint Reset, IReadOnlyList<ulong> Kept, ErrorJson? Error)
{
    public static RollBackJson Of(CheckpointReport report) => new(
        report.Component, report.Owner, report.Epoch, report.Number == 0 ? null : report.Number, report.Connections, report.Resumed, report.Reset, report.Kept,
        MigrateReport.NameOf(report.Code) is string code ? new(code, report.Message) : null);
}
