namespace Net.Node.Cli;

/// <summary>What SIGTERM means to the command that runs: an order to end in its own time, if it has claimed that.</summary>
#pragma warning disable CA1001 // It lives as long as the process.
internal sealed class Termination
#pragma warning restore CA1001
{
    private readonly CancellationTokenSource _asked = new();
    private int _isClaimed;

    public bool IsAsked => _asked.IsCancellationRequested;

    /// <summary>From now on the first SIGTERM sets this token, and nothing else.</summary>
    public CancellationToken Claim()
    {
        Volatile.Write(ref _isClaimed, 1);
        return _asked.Token;
    }

    /// <returns>False when nobody has claimed it, or it was asked before: the process ends as by any other signal.</returns>
    public bool TryAsk()
    {
        if (Volatile.Read(ref _isClaimed) == 0 || _asked.IsCancellationRequested)
        {
            return false;
        }

        _asked.Cancel();
        return true;
    }
}
