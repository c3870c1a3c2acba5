using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace QuicEndpoint;

/// <summary>A socket with its shard and thread, configured below what the public API lets one choose.</summary>
internal sealed class Host : IAsyncDisposable
{
    private readonly ShardThread _thread;
    private readonly HostCrypto _crypto;
    private readonly Timer _clock;

    /// <param name="local">Bound before this returns.</param>
    /// <param name="crypto">Disposed with the host.</param>
    /// <param name="accept">Gives a client's connection its owner, on the shard's thread, perhaps before this constructor returns.</param>
    /// <param name="second">Another socket of a server, at an address that it prefers.</param>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    public Host(UdpAddress local, ConnectionOptions connection, TlsServerOptions? server, bool retry, HostCrypto crypto, Func<Shard, Connection, IConnectionOwner> accept, IDatagramChannel? second = null)
    {
        _crypto = crypto;
        EndpointOptions options = new()
        {
            Connection = HostDiagnostics.WithEnvironment(connection),
            Server = server,
            Keys = [new ConnectionKeys(0, 0, RandomNumberGenerator.GetBytes(32), RandomNumberGenerator.GetBytes(32))],
            RetryAbove = retry ? 0 : null,
            Tickets = Tickets,
        };
        Endpoint endpoint = new(options, crypto) { WallClock = Second, EarlyData = new(since: long.MinValue) };
        PathSockets channel = new(UdpChannel.Bind(local));
        if (second is not null)
        {
            channel.Add(second);
        }

        Shard? shard = null;
        shard = new(endpoint, channel, crypto, c => accept(shard!, c), new() { OffloadCrypto = true });
        Shard = shard;
        _thread = new(shard, "quic");
        _thread.Start();
        _clock = new(_ => Shard.Post(new Work(_ => Shard.Endpoint.WallClock = Second)), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    public Shard Shard { get; }

    /// <summary>Of the servers that we connect to. On the shard's thread only.</summary>
    public TicketStore Tickets { get; } = new();

    /// <summary>Fails with the fault that killed the thread, if one did.</summary>
    public Task Completion => _thread.Completion;

    private static long Second => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    /// <summary>Does something on the shard's thread, where alone connections may be touched.</summary>
    public async Task<T> RunAsync<T>(Func<Instant, T> action)
    {
        TaskCompletionSource<T> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bool isPosted = Shard.Post(new Work(now => answer.SetResult(action(now)), fault => answer.TrySetException(fault)));
        return isPosted ? await answer.Task : throw new ContractException("the connection's thread has ended");
    }

    /// <summary>Has a client's connection go to another port of this host.</summary>
    /// <returns>Ends when the server has answered there; null when the connection cannot move now.</returns>
    public async Task<Task?> TryMoveAsync(IPathOwner connection)
    {
        Task move = await RunAsync(now =>
        {
            MigrateWork work = new(connection, null);
            work.Run(now);
            return (Task)work.Task;
        });
        return move.Exception?.InnerException is InvalidOperationException ? null : move;
    }

    /// <summary>Says what there is to say, and closes the socket.</summary>
    public async ValueTask DisposeAsync()
    {
        await _clock.DisposeAsync();
        _thread.RequestStop();
        await _thread.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _crypto.Dispose();
    }

    private sealed class Work(Action<Instant> action, Action<Exception>? abandon = null) : IShardWork
    {
        public void Run(Instant now) => action(now);

        public void Abandon(Exception fault) => abandon?.Invoke(fault);
    }
}
