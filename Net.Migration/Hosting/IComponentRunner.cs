using Net.Core.Io;

namespace Net.Migration.Hosting;

/// <summary>Gives a component's shard its thread and clock (<see cref="ThreadedRunner"/>), or steps it on virtual time (the simulator).</summary>
internal interface IComponentRunner
{
    /// <summary>Whether handlers run inside the shard's steps.</summary>
    bool RunsHandlersInline { get; }

    /// <summary>The shard's clock, for what has to know the time between two steps.</summary>
    Net.Core.Time.Instant Now { get; }

    /// <summary>Begins to step the component's shard.</summary>
    /// <returns>Ends it.</returns>
    IAsyncDisposable Start(ComponentShard component, string name);
}

/// <summary>A thread for each shard, and the machine's clock.</summary>
internal sealed class ThreadedRunner : IComponentRunner
{
    public bool RunsHandlersInline => false;

    public Net.Core.Time.Instant Now => MonotonicClock.Now;

    public IAsyncDisposable Start(ComponentShard component, string name)
    {
        ShardThread thread = new(component.Shard, name);
        thread.Start();
        return new Running(thread);
    }

    private sealed class Running(ShardThread thread) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            thread.RequestStop();
            await thread.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
