namespace Net.Core.Streams;

/// <summary>How unreliable datagrams are taken and kept (RFC 9221).</summary>
internal sealed record DatagramOptions
{
    /// <summary>Largest DATAGRAM frame that we take, in bytes with its type and length; 0 offers none at all (max_datagram_frame_size).</summary>
    public int MaxFrameSize { get; init; }

    /// <summary>Datagrams that wait, in each direction; the oldest goes first when there are more. 1 to 4,096.</summary>
    public int MaxQueued { get; init; } = 256;

    /// <summary>Bytes of all that wait, in each direction. 64 KiB, so that the largest one always fits, to 16 MiB.</summary>
    public int MaxQueuedBytes { get; init; } = 512 * 1024;
}
