using Net.Http3.Wire;

namespace Net.Http3.Server;

/// <summary>What clients may take from a server, and how long they may let it wait. All values hold for one connection unless they say otherwise.</summary>
/// <remarks>
/// Looked at once a second, so that nothing ends earlier than it says, and at most a second later. Limits in bytes that HTTP/3 itself sets,
/// such as 64 KiB for the fields of a request, are not among them. A value that makes no sense, such as a timeout of 0, throws
/// <see cref="ArgumentOutOfRangeException"/>. A connection that moves to another node begins its waiting anew there.
/// </remarks>
public sealed record Http3ServerLimits
{
    /// <summary>Connections of a server, over all clients; the packets of further ones are dropped. 10,000 by default.</summary>
    public int MaxConnections { get; init => field = Least(value, 1); } = 10_000;

    /// <summary>Requests that a client may have open at a time; 100 by default, at least 1.</summary>
    public int MaxConcurrentRequests { get; init => field = Least(value, 1); } = 100;

    /// <summary>
    /// Handlers that run at a time, those of requests that the client has given up included: giving up does not buy more of them. A request beyond
    /// it is refused with H3_REQUEST_REJECTED, after which a client may try again. 256 by default.
    /// </summary>
    public int MaxRunningHandlers { get; init => field = Least(value, 1); } = Http3Limits.MaxRunningExchanges;

    /// <summary>
    /// Requests that may end before their response has arrived, because the client gave them up or broke a rule, in a short time: half of the count
    /// is forgotten every second. Beyond it the connection is closed with H3_EXCESSIVE_LOAD. What the server refuses, and what its handlers fail to
    /// finish, does not count. 300 by default.
    /// </summary>
    public int MaxCancelledRequests { get; init => field = Least(value, 0); } = 300;

    /// <summary>
    /// Bytes of a request's body; <c>null</c> for no limit. A request that announces more is answered with 413 and never reaches the component; one
    /// that sends more fails its reads with <see cref="Http3BodyTooLargeException"/>. 30,000,000 by default.
    /// </summary>
    public long? MaxRequestBodySize { get; init => field = value is long size ? Least(size, 0) : null; } = 30_000_000;

    /// <summary>From a connection's first packet to the end of its handshake; 10 s by default.</summary>
    public TimeSpan HandshakeTimeout { get; init => field = Least(value, TimeSpan.FromTicks(1)); } = TimeSpan.FromSeconds(10);

    /// <summary>From a request's first byte to the end of its fields; then it is answered with 408. 15 s by default.</summary>
    public TimeSpan RequestHeadersTimeout { get; init => field = Least(value, TimeSpan.FromTicks(1)); } = TimeSpan.FromSeconds(15);

    /// <summary>How long a connection may live without a request or a response on its way, whatever else its client sends; 130 s by default.</summary>
    public TimeSpan KeepAliveTimeout { get; init => field = Least(value, TimeSpan.FromTicks(1)); } = TimeSpan.FromSeconds(130);

    /// <summary>
    /// What a body must bring while the component waits for it; <c>null</c> for nothing. A slower request is answered with 408, or reset with
    /// H3_EXCESSIVE_LOAD when its response has begun. 240 bytes a second over 5 s by default.
    /// </summary>
    public DataRate? MinRequestBodyRate { get; init => field = Sound(value); } = new(240, TimeSpan.FromSeconds(5));

    /// <summary>
    /// What a client must acknowledge while there is something for it; <c>null</c> for nothing. A slower response is reset with H3_EXCESSIVE_LOAD: what
    /// it keeps in memory is not its own. 240 bytes a second over 10 s by default.
    /// </summary>
    public DataRate? MinResponseRate { get; init => field = Sound(value); } = new(240, TimeSpan.FromSeconds(10));

    private static T Least<T>(T value, T least) where T : IComparable<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least);
        return value;
    }

    private static DataRate? Sound(DataRate? rate)
    {
        if (rate is DataRate given)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(given.BytesPerSecond, nameof(rate));
            Least(given.Over, TimeSpan.FromTicks(1));
        }

        return rate;
    }
}

/// <summary>A rate that has to be reached on average over each stretch of waiting.</summary>
/// <param name="BytesPerSecond">More than 0.</param>
/// <param name="Over">The stretch: short pauses do no harm.</param>
public readonly record struct DataRate(double BytesPerSecond, TimeSpan Over);
