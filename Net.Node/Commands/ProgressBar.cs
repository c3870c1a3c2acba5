using Net.Node.Cli;
using Spectre.Console;

namespace Net.Node.Commands;

/// <summary>How far a transfer is, how fast, and how long it will still take; on standard error, and only if that is a terminal.</summary>
internal static class ProgressBar
{
    /// <param name="name">Of the file; empty: nothing is shown.</param>
    /// <param name="length">Bytes in all; <c>null</c>: not known.</param>
    /// <param name="output">Tells whether there is a terminal.</param>
    /// <param name="transfer">Told where to report each piece.</param>
    public static async Task RunAsync(string name, long? length, CommandOutput output, Func<Action<int>, Task> transfer)
    {
        if (name.Length == 0 || !output.IsTerminal)
        {
            await transfer(_ => { }).ConfigureAwait(false);
            return;
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        ProgressColumn[] columns = length is null
            ? [new TaskDescriptionColumn(), new SpinnerColumn(), new DownloadedColumn(), new TransferSpeedColumn(), new ElapsedTimeColumn()]
            : [new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new DownloadedColumn(), new TransferSpeedColumn(), new RemainingTimeColumn()];
        await console.Progress().Columns(columns).StartAsync(context =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(name), maxValue: Math.Max(1, length ?? 1));
            task.IsIndeterminate = length is null;
            return transfer(count => task.Increment(count));
        }).ConfigureAwait(false);
    }
}
