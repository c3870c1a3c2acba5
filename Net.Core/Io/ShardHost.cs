using System.Security.Cryptography;
using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>The shards of one port, each with its thread and socket, shared by those who use them and ended by the last of them.</summary>
internal sealed class ShardHost
{
    /// <summary>Handshakes under way from which on a server's clients must show where they are (RFC 9000, section 8.1; checklist S25).</summary>
    public const int DefaultRetryAbove = 100;

    private const uint OnlyShard = 1;

    private readonly ShardThread[] _threads;
    private readonly SharedPort? _port;
    private readonly PortBooks? _books;
    private readonly SslHost _crypto;
    private int _users = 1;

    /// <param name="address">Bound before this returns.</param>
    /// <param name="connectionOptions">For all connections.</param>
    /// <param name="server">Null: only connects.</param>
    /// <param name="crypto">Disposed together with the shards.</param>
    /// <param name="accept">Gives a client's connection its owner, on its shard's thread; may be called before this constructor returns.</param>
    /// <param name="configure">Changes the endpoints' options; null for none.</param>
    /// <param name="retryAbove">See <see cref="EndpointOptions.RetryAbove"/>.</param>
    /// <param name="resetKey">32 bytes for stateless resets that a later process can send too; empty for those of this process alone.</param>
    /// <param name="alsoAt">A second address to bind.</param>
    /// <param name="network">Null: the system's.</param>
    /// <param name="threads">Of a server: each has a socket on the port, and connections of its own. As <see cref="CountThreads"/> gives them.</param>
    /// <param name="onFault">
    /// Told, on any thread, when a thread has died: its connections are gone, others go on. <see cref="Completion"/> tells of it only when all have ended.
    /// And when a fault has ended one connection, see <see cref="ShardOptions.OnFault"/>.
    /// </param>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    public ShardHost(
        UdpAddress address,
        ConnectionOptions connectionOptions,
        TlsServerOptions? server,
        SslHost crypto,
        Func<ShardHost, Shard, Connection, IConnectionOwner> accept,
        Func<EndpointOptions, EndpointOptions>? configure = null,
        int? retryAbove = DefaultRetryAbove,
        ReadOnlyMemory<byte> resetKey = default,
        UdpAddress? alsoAt = null,
        QuicMemoryNetwork? network = null,
        int threads = 1,
        Action<Exception>? onFault = null)
    {
        _crypto = crypto;
        EndpointOptions options = new()
        {
            Connection = HostDiagnostics.WithEnvironment(connectionOptions),
            Server = server,
            // No other process ever derives these connections' IDs.
            Keys = [new ConnectionKeys(0, 0, RandomNumberGenerator.GetBytes(32), resetKey.IsEmpty ? RandomNumberGenerator.GetBytes(32) : resetKey)],
            DefaultShard = OnlyShard,
            RetryAbove = retryAbove,
            Tokens = SharedTokens.Instance,
        };
        options = configure?.Invoke(options) ?? options;
        PathSockets[] channels;
        try
        {
            channels = Bind(address, alsoAt, network, threads, hearsRefusals: server is null);
        }
        catch
        {
            crypto.Dispose();
            throw;
        }

        // Tickets are sealed under a key that is derived from that of resets: what an earlier process was given may have been accepted there.
        EarlyDataLedger ledger = resetKey.IsEmpty ? new(since: long.MinValue) : EarlyDataLedger.AfterLoss(DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        if (threads == 1)
        {
            _books = new(options);
            options = options with { Books = _books };
        }
        else
        {
            _port = SharedPort.Of(options, [.. channels.Select(channel => new StrayQueue(channel.Wake))]);
            options = options with { EarlyData = new SharedEarlyData(ledger) };
        }

        _threads = new ShardThread[threads];
        for (int i = 0; i < threads; i++)
        {
            Shard? shard = null;
            SharedPort.Seat? seat = _port?.Seats[i];
            // All connections of the port are here, and none ever leaves: an ID that leads nowhere is one of a connection that is over.
            Endpoint endpoint = new(seat is null ? options : options with { Books = seat, Keys = [options.Keys[0] with { Thread = seat.Mark }] }, crypto)
            {
                AnswersUnknown = server is not null,
                EarlyData = ledger,
            };
            shard = new(endpoint, channels[i], crypto, connection => accept(this, shard!, connection), new()
            {
                OffloadCrypto = true,
                WallClock = static () => DateTimeOffset.UtcNow.ToUnixTimeSeconds(),
                Strays = seat?.Strays,
                OnFault = onFault,
            });
            _threads[i] = new(shard, $"quic {channels[i].Local}{(threads == 1 ? "" : $" {i}")}");
        }

        Shards = [.. _threads.Select(thread => thread.Shard)];
        Completion = Task.WhenAll(_threads.Select(thread => thread.Completion));
        foreach (ShardThread thread in _threads)
        {
            thread.Start();
        }

        _ = EndAsync(onFault);
    }

    /// <summary>One per thread.</summary>
    public IReadOnlyList<Shard> Shards { get; }

    /// <summary>The first one: the only one of a client.</summary>
    public Shard Shard => Shards[0];

    /// <summary>Ends when all threads and sockets are gone; with the exception that ended one of them, if one did.</summary>
    public Task Completion { get; }

    /// <summary>How many threads an application's option means.</summary>
    /// <param name="asked">0 for one per processor, where the system can share a port; else for one.</param>
    /// <param name="network">Null: the system's.</param>
    /// <param name="option">Its name, for the exception.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative, or more than <see cref="ThreadMark.MaxThreads"/>.</exception>
    /// <exception cref="PlatformNotSupportedException">More than one, and the system cannot share a port.</exception>
    public static int CountThreads(int asked, QuicMemoryNetwork? network, string option)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(asked, option);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(asked, ThreadMark.MaxThreads, option);
        bool canShare = network is not null || UdpChannel.CanShare;
        return asked switch
        {
            0 => canShare ? int.Min(Environment.ProcessorCount, ThreadMark.MaxThreads) : 1,
            > 1 when !canShare => throw new PlatformNotSupportedException($"{option}: only Linux spreads the datagrams of one port over several threads; set it to 1, or to 0 for as many as there can be"),
            _ => asked,
        };
    }

    /// <summary>What there is now.</summary>
    public QuicListenerStatistics GetStatistics() => new()
    {
        Threads = _threads.Count(thread => !thread.Completion.IsCompleted),
        ConnectionsByThread = _port is null ? [_books!.Connections] : [.. _port.Seats.Select(seat => seat.Connections)],
        Handshakes = _port?.Seats[0].Handshakes ?? _books!.Handshakes,
        Faults = _threads.Sum(thread => thread.Shard.Faults),
        DatagramsPassed = _port?.Seats.Sum(seat => seat.Strays.Passed) ?? 0,
        DatagramsDropped = _port?.Seats.Sum(seat => seat.Strays.Dropped) ?? 0,
    };

    public void AddUser() => Interlocked.Increment(ref _users);

    /// <summary>One user less. The last one may be on a shard's thread: nothing is waited for.</summary>
    /// <returns>Whether it was the last one: all threads end now.</returns>
    public bool Release()
    {
        if (Interlocked.Decrement(ref _users) != 0)
        {
            return false;
        }

        foreach (ShardThread thread in _threads)
        {
            thread.RequestStop();
        }

        return true;
    }

    private static PathSockets[] Bind(UdpAddress address, UdpAddress? alsoAt, QuicMemoryNetwork? network, int threads, bool hearsRefusals)
    {
        List<PathSockets> channels = [.. PathSockets.BindAll(address, threads, network, new() { HearsRefusals = hearsRefusals }).Select(first => new PathSockets(first, network))];
        try
        {
            IDatagramChannel[] seconds = alsoAt is UdpAddress second ? PathSockets.BindAll(second, threads, network) : [];
            for (int i = 0; i < seconds.Length; i++)
            {
                channels[i].Add(seconds[i]);
            }

            return [.. channels];
        }
        catch
        {
            channels.ForEach(channel => channel.Dispose());
            throw;
        }
    }

    private async Task EndAsync(Action<Exception>? onFault)
    {
        await Task.WhenAll(_threads.Select((thread, i) => LeaveAsync(thread, _port?.Seats[i], onFault))).ConfigureAwait(false);
        _crypto.Dispose();
    }

    private static async Task LeaveAsync(ShardThread thread, SharedPort.Seat? seat, Action<Exception>? onFault)
    {
        // A thread that died of a fault has told its connections already; the others go on, and the system sends them what came to its socket.
        await thread.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        seat?.Leave();
        if (thread.Completion.Exception?.InnerException is Exception fault)
        {
            onFault?.Invoke(fault);
        }
    }
}
