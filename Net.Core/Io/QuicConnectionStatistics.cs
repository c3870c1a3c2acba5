namespace Net.Core.Io;

/// <summary>What a connection has measured and moved, at one moment. Counts are those of the whole connection, from its first packet.</summary>
public readonly record struct QuicConnectionStatistics
{
    /// <summary>Smoothed round-trip time (RFC 9002, section 5.3); 333 ms before the first sample.</summary>
    public TimeSpan SmoothedRoundTrip { get; init; }

    /// <summary>The shortest round trip on this path; zero before the first sample.</summary>
    public TimeSpan MinRoundTrip { get; init; }

    /// <summary>The latest sample; zero before the first one.</summary>
    public TimeSpan LatestRoundTrip { get; init; }

    /// <summary>By how much samples vary (rttvar).</summary>
    public TimeSpan RoundTripVariation { get; init; }

    /// <summary>Bytes that congestion control lets be in flight (RFC 9002, section 7).</summary>
    public long CongestionWindow { get; init; }

    /// <summary>Bytes sent that are neither acknowledged nor lost.</summary>
    public long BytesInFlight { get; init; }

    /// <summary>UDP payload in bytes of the largest packets that are sent now.</summary>
    public int PathMtu { get; init; }

    /// <summary>QUIC packets.</summary>
    public ulong PacketsSent { get; init; }

    /// <summary>QUIC packets that were taken to be lost; some may have arrived.</summary>
    public ulong PacketsLost { get; init; }

    /// <summary>QUIC packets that could be opened, duplicates not counted.</summary>
    public ulong PacketsReceived { get; init; }

    /// <summary>UDP payload bytes, retransmissions and everything else included.</summary>
    public ulong BytesSent { get; init; }

    /// <summary>UDP payload bytes, duplicates and what did not open included.</summary>
    public ulong BytesReceived { get; init; }

    /// <summary>Bytes of streams, each counted once.</summary>
    public ulong StreamBytesSent { get; init; }

    /// <summary>Bytes of streams up to the highest of each, each counted once.</summary>
    public ulong StreamBytesReceived { get; init; }

    /// <summary>Streams that are open now, both ends'.</summary>
    public int OpenStreams { get; init; }

    /// <summary>Bytes that the peer may send ahead of the readers of all streams: it grows with the measured bandwidth and round trip.</summary>
    public ulong ReceiveWindow { get; init; }

    /// <summary>Unreliable datagrams (RFC 9221) put into packets.</summary>
    public ulong DatagramsSent { get; init; }

    /// <summary>Unreliable datagrams that the peer's QUIC has acknowledged; that its application has read them is not known.</summary>
    public ulong DatagramsAcknowledged { get; init; }

    /// <summary>Unreliable datagrams taken to be lost.</summary>
    public ulong DatagramsLost { get; init; }

    /// <summary>Unreliable datagrams that were dropped before they were sent: there were later ones, or the path became too narrow.</summary>
    public ulong DatagramsDroppedUnsent { get; init; }

    /// <summary>Unreliable datagrams received.</summary>
    public ulong DatagramsReceived { get; init; }

    /// <summary>Of those, dropped because nobody read them in time.</summary>
    public ulong DatagramsDroppedUnread { get; init; }

    internal static QuicConnectionStatistics Of(Connections.ConnectionParts c) => new()
    {
        SmoothedRoundTrip = c.Recovery.Rtt.Smoothed,
        MinRoundTrip = c.Recovery.Rtt.Min,
        LatestRoundTrip = c.Recovery.Rtt.Latest,
        RoundTripVariation = c.Recovery.Rtt.Variation,
        CongestionWindow = c.Recovery.Congestion.Window,
        BytesInFlight = c.Recovery.BytesInFlight,
        PathMtu = c.Mtu.Current,
        PacketsSent = c.Traffic.PacketsSent,
        PacketsLost = c.Traffic.PacketsLost,
        PacketsReceived = c.Traffic.PacketsReceived,
        BytesSent = c.Traffic.BytesSent,
        BytesReceived = c.Traffic.BytesReceived,
        StreamBytesSent = c.Streams.Sent,
        StreamBytesReceived = c.Streams.Received,
        OpenStreams = c.Streams.Count,
        ReceiveWindow = c.Streams.ConnectionWindow,
        DatagramsSent = c.Datagrams.Sent,
        DatagramsAcknowledged = c.Datagrams.Acknowledged,
        DatagramsLost = c.Datagrams.Lost,
        DatagramsDroppedUnsent = c.Datagrams.DroppedUnsent,
        DatagramsReceived = c.Datagrams.Received,
        DatagramsDroppedUnread = c.Datagrams.DroppedUnread,
    };
}
