using System.Globalization;
using Net.Migration.Link;
using Net.Node.Cli;
using Net.Node.Runtime;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Net.Node.Commands;

/// <summary>`continuum top`: a table that is redrawn on a terminal, lines of text or JSON elsewhere.</summary>
internal sealed class TopCommand(ICommandRuntime runtime, MemberCredentials member, TimeProvider time)
{
    public async Task<int> RunAsync(TopOptions options, CommandOutput output, CancellationToken cancellationToken)
    {
        try
        {
            using CancellationTokenSource connecting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            connecting.CancelAfter(ControlCommands.AnswerWithin);
            IControlConnection control = await runtime.ConnectAsync(options.Join, member, connecting.Token).ConfigureAwait(false);
            await using (control.ConfigureAwait(false))
            {
                if (output.IsTerminal && !options.Json && !options.Once)
                {
                    IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
                    await console.Live(new Text("")).StartAsync(context => WatchAsync(
                        control, options, look =>
                        {
                            context.UpdateTarget(Draw(look));
                            context.Refresh();
                        },
                        cancellationToken)).ConfigureAwait(false);
                }
                else
                {
                    await WatchAsync(control, options, look => Tell(look, options, output), cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (ControlCommands.IsSilence(e, cancellationToken))
        {
            throw new CommandFailure(ControlCommands.Silence(options.Join, e), ControlCommands.StartIngress);
        }

        return ExitCode.Done;
    }

    private async Task WatchAsync(IControlConnection control, TopOptions options, Action<TopJson> show, CancellationToken cancellationToken)
    {
        StatusReplyMessage? before = null;
        long beforeAt = 0;
        while (true)
        {
            using CancellationTokenSource asking = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            asking.CancelAfter(ControlCommands.AnswerWithin);
            StatusReplyMessage now = await control.StatusAsync(asking.Token).ConfigureAwait(false);
            long at = time.GetTimestamp();
            show(TopJson.Of(now, before, before is null ? default : time.GetElapsedTime(beforeAt, at)));
            if (options.Once)
            {
                return;
            }

            (before, beforeAt) = (now, at);
            await Task.Delay(options.Interval, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static void Tell(TopJson look, TopOptions options, CommandOutput output)
    {
        if (options.Json)
        {
            output.Result(ReportJson.Write(look));
            return;
        }

        foreach (TopComponentJson c in look.Components)
        {
            string moving = c.MovingTo is null ? "" : $" moving to {c.MovingTo}";
            string kept = c.Checkpoints == 0 ? "" : $" checkpoints {c.Checkpoints} newest {c.NewestCheckpoint}";
            output.Result(string.Create(CultureInfo.InvariantCulture,
                $"component {c.Name} owner {c.Owner} epoch {c.Epoch} connections {c.Connections} in {Rate(c.BytesInPerS)} out {Rate(c.BytesOutPerS)} moves {c.Moves} last freeze {c.LastFreezeUs / 1000.0:0.0} ms{kept}{moving}"));
        }

        foreach (TopNodeJson n in look.Nodes)
        {
            output.Result($"node {n.Name} {State(n)} connections {n.Connections} serves {(n.Components.Count > 0 ? string.Join(',', n.Components) : "nothing")}");
        }
    }

    private static Rows Draw(TopJson look)
    {
        Table components = new Table().RoundedBorder().Title($"ingress {look.Ingress}")
            .AddColumns("component", "owner", "epoch", "connections", "in", "out", "moves", "last freeze", "checkpoint", "");
        foreach (TopComponentJson c in look.Components)
        {
            components.AddRow([.. Cells(
                c.Name, c.Owner, $"{c.Epoch}", $"{c.Connections}", Rate(c.BytesInPerS), Rate(c.BytesOutPerS), $"{c.Moves}",
                c.Moves == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{c.LastFreezeUs / 1000.0:0.0} ms"),
                c.Checkpoints == 0 ? "" : $"{c.NewestCheckpoint}", c.MovingTo is null ? "" : $"-> {c.MovingTo}")]);
        }

        Table nodes = new Table().RoundedBorder().AddColumns("node", "address", "state", "connections", "serves");
        foreach (TopNodeJson n in look.Nodes)
        {
            nodes.AddRow([.. Cells(n.Name, n.Address, State(n), $"{n.Connections}", string.Join(',', n.Components))]);
        }

        return new Rows(components, nodes);
    }

    private static IEnumerable<IRenderable> Cells(params IEnumerable<string> cells) => cells.Select(cell => new Text(cell));

    private static string State(TopNodeJson node) => !node.Alive ? "dead" : node.Draining ? "draining" : "alive";

    private static string Rate(long? bytes) => bytes switch
    {
        null => "-",
        >= 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.0} MiB/s"),
        >= 1 << 10 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.0} KiB/s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes} B/s"),
    };
}
