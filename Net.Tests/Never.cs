namespace Net.Tests;

/// <summary>What never happens: a handler that does not answer, a call that does not return.</summary>
internal static class Never
{
    /// <summary>Ends by cancellation alone.</summary>
    public static Task EndsAsync(CancellationToken cancellationToken = default) => new TaskCompletionSource().Task.WaitAsync(cancellationToken);
}
