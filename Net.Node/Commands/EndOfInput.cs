using Net.Node.Cli;

namespace Net.Node.Commands;

/// <summary>Ends a command when its parent's end of the pipe closes, however that parent ended.</summary>
internal static class EndOfInput
{
    /// <summary>Runs until the work ends, the token is set, or, if asked for, standard input ends.</summary>
    /// <returns>Exit code 0: it ended because the input did.</returns>
    public static async Task<int> RunAsync(bool stopOnEof, CommandOutput output, Func<CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (stopOnEof)
        {
            _ = Task.Run(() => WatchAsync(output.OpenInput(), stop), CancellationToken.None);
        }

        try
        {
            await work(stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to end: by whom decides the exit code.
        }

        cancellationToken.ThrowIfCancellationRequested();
        return ExitCode.Done;
    }

    private static async Task WatchAsync(Stream input, CancellationTokenSource stop)
    {
        byte[] ignored = new byte[256];
        try
        {
            while (await input.ReadAsync(ignored, stop.Token).ConfigureAwait(false) > 0)
            {
                // What is typed means nothing.
            }

            await stop.CancelAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The command has ended by itself.
        }
    }
}
