namespace Net.Core.Io;

/// <summary>How a UDP channel is bound.</summary>
internal sealed record UdpChannelOptions
{
    public static UdpChannelOptions Default { get; } = new();

    /// <summary>Bytes that the system is asked to buffer, per direction; it may grant less (net.core.rmem_max, wmem_max).</summary>
    public int SocketBuffer { get; init; } = 4 << 20;

    /// <summary>Whether to let the kernel cut and join datagrams (GSO, GRO) where it can.</summary>
    public bool Offload { get; init; } = true;

    /// <summary>Whether the system is asked to tell that nobody is where datagrams were sent to (ICMP): for a client. Linux alone can say to which address.</summary>
    public bool HearsRefusals { get; init; }

    /// <summary>Whether to use the base library's sockets even where there is a faster way.</summary>
    public bool Portable { get; init; }
}
