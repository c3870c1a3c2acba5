using System.Globalization;
using Net.Node.Cli;
using Net.Node.Commands;
using Net.Node.Runtime;
using Spectre.Console;

namespace Net.Node.Demo;

/// <summary>`continuum demo`: everything on this machine, then a verdict.</summary>
internal static class DemoCommand
{
    public static async Task<int> RunAsync(DemoOptions options, ICommandRuntime runtime, TimeProvider time, CommandOutput output, CancellationToken cancellationToken)
    {
        output.Info($"{options.Scenario}: starting processes on this machine");
        Federation federation = await Federation.StartAsync(options.Scenario, runtime, Executable.Current(), time, output, cancellationToken).ConfigureAwait(false);
        await using (federation.ConfigureAwait(false))
        {
            long begun = time.GetTimestamp();
            DemoJson result = await PlayAsync(options, federation, time, output, cancellationToken).ConfigureAwait(false);
            return Tell(options, result, time.GetElapsedTime(begun), output);
        }
    }

    /// <summary>Runs the scenario in a world, wrong on purpose if asked for.</summary>
    public static async Task<DemoJson> PlayAsync(
        DemoOptions options, IDemoWorld world, TimeProvider time, CommandOutput output, CancellationToken cancellationToken)
    {
        bool isRollBack = options.Scenario == "rollback";
        long download = isRollBack ? options.Size / (options.Moves + 1) : options.Size;
        IDemoWorld played = options.Fault == Fault.None ? world : new FaultyWorld(world, options.Fault, download);
        Task<DemoFacts> RunAsync(IDemoView view) => isRollBack
            ? new RollBackScenario(played, view, time).RunAsync(options.Size, options.Moves, cancellationToken)
            : new MoveScenario(played, view, time).RunAsync(options.Size, options.Moves, cancellationToken);
        DemoFacts facts;
        if (output.IsTerminal && !options.Json)
        {
            LiveView view = new(AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }), options.Size);
            facts = await view.RunAsync(() => RunAsync(view)).ConfigureAwait(false);
        }
        else
        {
            facts = await RunAsync(new PlainView(output)).ConfigureAwait(false);
        }

        return Verdict.Of(options.Scenario, facts);
    }

    /// <summary>Prints the verdict; the exit code follows it.</summary>
    public static int Tell(DemoOptions options, DemoJson result, TimeSpan took, CommandOutput output)
    {
        bool passed = result.Verdict == Verdict.Pass;
        if (options.Json)
        {
            output.Result(ReportJson.Write(result));
        }
        else if (passed)
        {
            long longest = result.Moves.Count > 0 ? result.Moves.Max(move => move.FreezeUs) : 0;
            string backs = result.Rollbacks is { } rollbacks ? $" {rollbacks.Count} roll-backs," : "";
            output.Result(string.Create(CultureInfo.InvariantCulture,
                $"pass: {result.Bytes} bytes in {took.TotalSeconds:0.0} s, SHA-256 right, {result.Connections} connection, {result.Handshakes} handshake, {result.Moves.Count} moves,{backs} longest freeze {longest / 1000.0:0.0} ms"));
        }

        if (!passed)
        {
            string intended = options.Fault == Fault.None ? "run again with --log-level debug" : "that was the fault asked for";
            output.Failure($"verdict fail ({string.Join("; ", result.Reasons)}): {intended}");
        }

        return passed ? ExitCode.Done : ExitCode.Failed;
    }
}
