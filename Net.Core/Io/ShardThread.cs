using Net.Core.Time;

namespace Net.Core.Io;

/// <summary>The thread, the clock and the channel of a shard.</summary>
internal sealed class ShardThread
{
    private readonly IDatagramChannel _channel;
    private readonly Thread _thread;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _mustStop;

    /// <param name="shard">Stepped by this thread alone from <see cref="Start"/> on.</param>
    /// <param name="name">Shown by debuggers.</param>
    public ShardThread(Shard shard, string name)
    {
        Shard = shard;
        _channel = shard.Channel;
        _thread = new(Run) { IsBackground = true, Name = name };
    }

    public Shard Shard { get; }

    /// <summary>Ends when the thread has; with the exception that killed it, if one did.</summary>
    public Task Completion => _completion.Task;

    public void Start() => _thread.Start();

    /// <summary>Has the shard stop after its present step; its channel is then disposed. Any thread may call it, also the shard's.</summary>
    public void RequestStop()
    {
        _mustStop = true;
        _channel.Wake();
    }

    private void Run()
    {
        try
        {
            while (!_mustStop)
            {
                if (Shard.Step(MonotonicClock.Now))
                {
                    continue;
                }

                Instant deadline = Shard.Deadline;
                _channel.Wait(deadline.IsNever ? Timeout.InfiniteTimeSpan : deadline - MonotonicClock.Now);
            }

            Shard.Stop(MonotonicClock.Now);
            _channel.Dispose();
            _completion.SetResult();
        }
        catch (Exception fault)
        {
            // A fault of ours. The shard is not sound any more: its connections end, other shards go on.
            Shard.Abandon(fault);
            _channel.Dispose();
            _completion.SetException(fault);
        }
    }
}
