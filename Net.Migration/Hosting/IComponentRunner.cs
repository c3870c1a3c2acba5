using Net.Core.Io;

namespace Net.Migration.Hosting;

/// <summary>Gives a component's shard its thread and clock (<see cref="ThreadedRunner"/>), or steps it on virtual time (the simulator).</summary>
internal interface IComponentRunner
{
    /// <summary>Whether handlers run inside the shard's steps.</summary>
    bool RunsHandlersInline { get; }

    /// <summary>The shard's clock, for what has to know the time between two steps.</summary>
    Net.Core.Time.Instant Now { get; }

    /// <summary>Gives the second of the wall clock: session tickets are of no use beyond one machine without it.</summary>
    Func<long> WallClock { get; }

    /// <summary>Begins to step the component's shard.</summary>
    /// <returns>Ends it.</returns>
    IAsyncDisposable Start(ComponentShard component, string name);
}

/// <summary>A thread for each shard, and the machine's clock.</summary>
internal sealed class ThreadedRunner : IComponentRunner
{
    public bool RunsHandlersInline => false;

    public Net.Core.Time.Instant Now => MonotonicClock.Now;

    public Func<long> WallClock => static () => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    public IAsyncDisposable Start(ComponentShard component, string name)
    {
        ShardThread thread = new(component.Shard, name);
        thread.Start();
        _ = WatchAsync(thread, component);
        return new Running(thread);
    }

    private static async Task WatchAsync(ShardThread thread, ComponentShard component)
    {
        try
        {
            await thread.Completion.ConfigureAwait(false);
        }
#pragma warning disable CA1031 // It is passed on.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            component.Died(fault);
        }
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
