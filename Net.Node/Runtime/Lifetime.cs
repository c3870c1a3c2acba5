namespace Net.Node.Runtime;

/// <summary>A command that hosts, from its start to its end. Asked to end before it serves, it ends at once: there is nothing to move away, and nobody to wait for.</summary>
/// <param name="terminated">The order to end in its own time.</param>
/// <param name="cancellationToken">The order to end now.</param>
internal sealed class Lifetime(CancellationToken terminated, CancellationToken cancellationToken) : IDisposable
{
    private readonly CancellationTokenSource _starting = CancellationTokenSource.CreateLinkedTokenSource(terminated, cancellationToken);
    private bool _serves;

    /// <summary>Set by either order. For what is waited for before anything is served.</summary>
    public CancellationToken Starting => _starting.Token;

    /// <summary>Runs it all.</summary>
    public async Task RunAsync(Func<Task> run)
    {
        try
        {
            await run().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!_serves && terminated.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // It has not begun.
        }
    }

    /// <summary>It serves now: waits for the order to end in its own time, or for one of its parts to end, which has taken the others' sense with it.</summary>
    /// <returns>True: it was asked to end.</returns>
    /// <exception cref="OperationCanceledException">It has to end now.</exception>
    /// <exception cref="Exception">Whatever a part has failed with.</exception>
    public async Task<bool> ServeAsync(params Task[] parts)
    {
        _serves = true;
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenRegistration registration = terminated.Register(asked.SetResult);
        Task ended = await Task.WhenAny([asked.Task, .. parts]).WaitAsync(cancellationToken).ConfigureAwait(false);
        await ended.ConfigureAwait(false);
        return ended == asked.Task;
    }

    public void Dispose() => _starting.Dispose();
}
