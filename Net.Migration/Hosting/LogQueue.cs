namespace Net.Migration.Hosting;

/// <summary>
/// Lines for whoever listens, one after the other and in order, on the thread pool: who says one is in the middle of a decision, or of serving, and waits for nobody. A listener
/// that hangs, as one that writes to a pipe which nobody reads, costs lines: what is too much is lost, and counted.
/// </summary>
/// <param name="log">Told one line at a time. What it throws is lost: nobody could be told.</param>
internal sealed class LogQueue(Action<string> log) : IThreadPoolWorkItem
{
    /// <summary>Lines that wait for the listener.</summary>
    internal const int MaxWaiting = 1000;

    /// <summary>For the last lines, when their host ends.</summary>
    private static readonly TimeSpan s_lastLines = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Queue<string> _waiting = new();
    private TaskCompletionSource? _drained;
    private int _lost;

    /// <summary>The way to a listener that does not wait: what is given, if that is such a way, and else a new one.</summary>
    /// <param name="log">Null: nobody listens, and nothing is made.</param>
    /// <param name="own">What was made: to be flushed by who has it.</param>
    public static Action<string>? Over(Action<string>? log, out LogQueue? own)
    {
        own = log?.Target is LogQueue || log is null ? null : new(log);
        return own is null ? log : own.Post;
    }

    /// <summary>From any thread; never waits.</summary>
    public void Post(string line)
    {
        lock (_lock)
        {
            if (_waiting.Count >= MaxWaiting)
            {
                _lost++;
                return;
            }

            TellLoss();
            _waiting.Enqueue(line);
            if (_drained is not null)
            {
                return;
            }

            _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Ends when everything has been told that was said before, or its listener hangs.</summary>
    public async Task FlushAsync()
    {
        Task drained;
        lock (_lock)
        {
            drained = _drained?.Task ?? Task.CompletedTask;
        }

        await drained.WaitAsync(s_lastLines).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    void IThreadPoolWorkItem.Execute()
    {
        while (TryTake() is string line)
        {
            try
            {
                log(line);
            }
#pragma warning disable CA1031 // As said.
            catch
#pragma warning restore CA1031
            {
            }
        }
    }

    private string? TryTake()
    {
        lock (_lock)
        {
            if (_waiting.Count == 0)
            {
                TellLoss();
            }

            if (_waiting.TryDequeue(out string? line))
            {
                return line;
            }

            _drained!.SetResult();
            _drained = null;
            return null;
        }
    }

    private void TellLoss()
    {
        if (_lost > 0)
        {
            _waiting.Enqueue($"{_lost} lines are missing here, as nobody took them");
            _lost = 0;
        }
    }
}
