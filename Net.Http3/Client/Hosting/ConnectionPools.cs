using System.Collections.Concurrent;

namespace Net.Http3.Client.Hosting;

/// <summary>A handler's pools, one per origin, and the timer that closes what is idle.</summary>
internal sealed class ConnectionPools : IDisposable
{
    private static readonly TimeSpan s_shortest = TimeSpan.FromSeconds(1), s_longest = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<Origin, ConnectionPool> _pools = new();
    private readonly CancellationTokenSource _stopped = new();
    private readonly PoolSettings _settings;
    private readonly ITimer _timer;
    private readonly IDisposable? _watch;

    public ConnectionPools(PoolSettings settings)
    {
        _settings = settings;
        Alternatives = new(settings.TimeProvider);
        TimeSpan period = TimeSpan.FromTicks(long.Clamp(Least(settings).Ticks / 4, s_shortest.Ticks, s_longest.Ticks));
        _timer = settings.TimeProvider.CreateTimer(static pools => ((ConnectionPools)pools!).Prune(), this, period, period);
        _watch = settings.WatchNetwork?.Invoke(OnNetworkChanged);
    }

    public PoolSettings Settings => _settings;

    /// <summary>What origins have said of where else they are.</summary>
    public AlternativeServices Alternatives { get; }

    /// <summary>Connections that may take requests, over all origins.</summary>
    public int Connections => _pools.Values.Sum(pool => pool.Count);

    public ConnectionPool For(Origin origin) => _pools.GetOrAdd(origin, static (origin, pools) => new(origin, pools._settings, pools._stopped.Token), this);

    /// <summary>Begins to close all connections; requests on them fail.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        _watch?.Dispose();
        _stopped.Cancel();
        foreach (ConnectionPool pool in _pools.Values)
        {
            _ = pool.CloseAsync();
        }
    }

    private static TimeSpan Least(PoolSettings settings) =>
        TimeSpan.FromTicks((long)ulong.Min((ulong)settings.IdleTimeout.Ticks, (ulong)settings.Lifetime.Ticks) & long.MaxValue);

    private void OnNetworkChanged()
    {
        foreach (ConnectionPool pool in _pools.Values)
        {
            pool.OnNetworkChanged();
        }
    }

    private void Prune()
    {
        foreach (ConnectionPool pool in _pools.Values)
        {
            pool.Prune();
        }
    }
}
