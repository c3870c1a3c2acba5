namespace Net.Core.Io;

/// <summary>How a shard shares its thread among its connections. Limits of one step; what is left over is done in the next.</summary>
internal sealed record ShardOptions
{
    public static ShardOptions Default { get; } = new();

    /// <summary>Receive batches per step.</summary>
    public int MaxBatches { get; init; } = 4;

    /// <summary>Sends per step, over all connections; each is one connection's turn.</summary>
    public int MaxSends { get; init; } = 64;

    /// <summary>Bytes of one connection's turn: the largest burst that one system call takes.</summary>
    public int SendBuffer { get; init; } = 65_507;

    /// <summary>Gives the second of the wall clock, for tokens and tickets (see <see cref="Endpoints.Endpoint.WallClock"/>). Null: the endpoint has none.</summary>
    public Func<long>? WallClock { get; init; }

    /// <summary>Brings what has arrived for this shard at other threads of its port. Null: there are none.</summary>
    public StrayQueue? Strays { get; init; }

    /// <summary>
    /// Told, on the shard's thread, of faults of ours that have ended one connection, at most <see cref="Shard.MaxFaultsTold"/> a second: of what kind, and where
    /// in the code. The exception holds nothing that a peer has sent, so it may be logged.
    /// </summary>
    public Action<Exception>? OnFault { get; init; }

    /// <summary>Whether handshake work is given to the thread pool. The simulator answers at once: same inputs, same run.</summary>
    public bool OffloadCrypto { get; init; }
}
