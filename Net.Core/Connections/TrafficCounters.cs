using Net.Core.Snapshots;

namespace Net.Core.Connections;

/// <summary>What has gone over the wire since the connection began, on whichever node: for statistics, nothing is decided by it.</summary>
internal sealed class TrafficCounters : IPart<TrafficCounters>
{
    public static ulong Section => SectionNumber.Traffic;

    public ulong Changes { get; private set; } = 1;

    /// <summary>QUIC packets sealed; several may share a datagram during the handshake.</summary>
    public ulong PacketsSent { get; private set; }

    /// <summary>Packets declared lost (RFC 9002, section 6.1); some may have arrived all the same.</summary>
    public ulong PacketsLost { get; private set; }

    /// <summary>Packets that opened and were no duplicates.</summary>
    public ulong PacketsReceived { get; private set; }

    /// <summary>UDP payload bytes of sealed packets.</summary>
    public ulong BytesSent { get; private set; }

    /// <summary>UDP payload bytes of everything that came to the connection, junk included.</summary>
    public ulong BytesReceived { get; private set; }

    public void OnSent(int bytes)
    {
        PacketsSent++;
        BytesSent += (ulong)bytes;
        Changes++;
    }

    public void OnLost(int packets)
    {
        PacketsLost += (ulong)packets;
        Changes += packets > 0 ? 1UL : 0;
    }

    public void OnPacketReceived()
    {
        PacketsReceived++;
        Changes++;
    }

    public void OnDatagramReceived(int bytes)
    {
        BytesReceived += (ulong)bytes;
        Changes++;
    }

    public void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(PacketsSent);
        writer.WriteNumber(PacketsLost);
        writer.WriteNumber(PacketsReceived);
        writer.WriteNumber(BytesSent);
        writer.WriteNumber(BytesReceived);
    }

    public static TrafficCounters Import(SnapshotReader reader)
    {
        TrafficCounters counters = new()
        {
            PacketsSent = reader.ReadNumber(),
            PacketsLost = reader.ReadNumber(),
            PacketsReceived = reader.ReadNumber(),
            BytesSent = reader.ReadNumber(),
            BytesReceived = reader.ReadNumber(),
        };
        return counters.PacketsLost <= counters.PacketsSent ? counters : throw new SnapshotException("more packets were lost than sent");
    }
}
