namespace Net.Migration.Ingress;

/// <summary>Limits of the router. What exceeds one is dropped, and counted.</summary>
internal sealed record RouterOptions
{
    /// <summary>Component of clients that name none, an address, or one that does not exist.</summary>
    public string DefaultComponent { get; init; } = "web";

    /// <summary>Datagrams held for one client address.</summary>
    public int MaxHeldPerClient { get; init; } = 256;

    /// <summary>Bytes held for one component.</summary>
    public int MaxHeldBytesPerComponent { get; init; } = 16 * 1024 * 1024;

    /// <summary>Bytes held while the directory is not known (after a start).</summary>
    public int MaxWaitingBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Connections whose ClientHello is not complete.</summary>
    public int MaxPendingHellos { get; init; } = 4096;

    /// <summary>Bytes of their datagrams together.</summary>
    public int MaxPendingBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Datagrams of one of them.</summary>
    public int MaxDatagramsPerHello { get; init; } = 64;

    /// <summary>How long one may stay incomplete.</summary>
    public TimeSpan PendingTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a client has to wait that shows no name and sends nothing more of its ClientHello, but asks: OpenSSL's client never sends a lost half
    /// again unless the other one is acknowledged. It gets its answer from the default component, or from the only one. Shorter than a first probe timeout.
    /// </summary>
    public TimeSpan HelloPatience { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Entries of the table for long headers.</summary>
    public int MaxTable { get; init; } = 65_536;

    /// <summary>How long one is kept after its last use.</summary>
    public TimeSpan TableTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Datagrams of nodes that are held until the directory has confirmed their epoch or shard.</summary>
    public int MaxUnconfirmed { get; init; } = 4096;

    /// <summary>How long they are.</summary>
    public TimeSpan UnconfirmedTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
