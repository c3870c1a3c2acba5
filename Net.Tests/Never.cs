namespace Net.Tests;

/// <summary>What never happens: a handler that does not answer, a call that does not return.</summary>
internal static class Never
{
    /// <summary>Ends by cancellation alone; what follows does not run inside of the call that cancels.</summary>
    public static async Task EndsAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource never = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using (cancellationToken.Register(() => never.TrySetCanceled(cancellationToken)))
        {
            await never.Task;
        }
    }
}
