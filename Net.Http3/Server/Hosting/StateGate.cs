namespace Net.Http3.Server.Hosting;

/// <summary>Lets handlers into the component's state, keeps them out of it while it is written down, and turns them away when it has gone. From any thread.</summary>
/// <remarks>
/// <code>
/// open --Close--> closed (enter waits; empty when those inside have left) --Open--> open
///                    '--Leave--> gone (enter fails), for good
/// </code>
/// </remarks>
/// <param name="inline">Whoever waited goes on inside <see cref="Open"/>: for the simulator.</param>
internal sealed class StateGate(bool inline)
{
    private readonly Lock _lock = new();
    private readonly List<TaskCompletionSource> _waiting = [];
    private int _inside;
    private bool _isClosed, _isGone;

    /// <summary>The latest checkpoint of the state. Set only while nobody is inside and nobody gets in.</summary>
    public ulong Checkpoint { get; set; }

    /// <summary>Nobody is inside.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_lock)
            {
                return _inside == 0;
            }
        }
    }

    /// <exception cref="ComponentMovedException">The state is elsewhere.</exception>
    public async ValueTask<StateLease> EnterAsync()
    {
        while (true)
        {
            Task? opened = null;
            lock (_lock)
            {
                if (_isGone)
                {
                    throw new ComponentMovedException();
                }

                if (!_isClosed)
                {
                    _inside++;
                    return new(this);
                }

                TaskCompletionSource waiting = new(inline ? TaskCreationOptions.None : TaskCreationOptions.RunContinuationsAsynchronously);
                _waiting.Add(waiting);
                opened = waiting.Task;
            }

            await opened.ConfigureAwait(false);
        }
    }

    public void Close() => Change(isClosed: true, isGone: false);

    public void Open() => Change(isClosed: false, isGone: false);

    public void Leave() => Change(isClosed: false, isGone: true);

    internal void Exit()
    {
        lock (_lock)
        {
            _inside--;
        }
    }

    private void Change(bool isClosed, bool isGone)
    {
        TaskCompletionSource[] waiting = [];
        lock (_lock)
        {
            _isClosed = isClosed;
            _isGone |= isGone;
            if (!isClosed)
            {
                waiting = [.. _waiting];
                _waiting.Clear();
            }
        }

        foreach (TaskCompletionSource one in waiting)
        {
            one.SetResult();
        }
    }
}
