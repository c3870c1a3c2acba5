using Net.Core.Snapshots;
using Net.Core.Time;

namespace Net.Core.Recovery;

/// <summary>How many bytes may be in flight (RFC 9002, section 7). One per connection, as long as one path is used at a time.</summary>
/// <remarks>What every algorithm shares stands here; an export begins with the algorithm's number, so that a successor can tell them apart.</remarks>
internal abstract class CongestionController
{
    /// <summary>Above this the window would no longer limit anything that the sent packets have room for.</summary>
    public const int MaxWindow = 1 << 28;

    /// <summary>Losing packets at both ends of so many PTOs means that the network carried nothing (kPersistentCongestionThreshold).</summary>
    public const int PersistentCongestionThreshold = 3;

    /// <summary>The algorithm, as it stands in snapshots.</summary>
    public abstract ulong Algorithm { get; }

    public ulong Changes { get; protected set; }

    /// <summary>Bytes that may be in flight (congestion_window).</summary>
    public int Window { get; protected set; }

    /// <summary>Below it the window doubles each round trip (ssthresh).</summary>
    public int SlowStartThreshold { get; protected set; } = int.MaxValue;

    /// <summary>Bytes of a full datagram (max_datagram_size).</summary>
    public int DatagramSize { get; protected set; }

    public bool IsInSlowStart => Window < SlowStartThreshold;

    /// <summary>RFC 9002, section 7.2: ten datagrams, but no more than 14,720 bytes unless two datagrams are more.</summary>
    public static int InitialWindow(int datagramSize) => int.Min(10 * datagramSize, int.Max(14_720, 2 * datagramSize));

    /// <summary>kMinimumWindow.</summary>
    public int MinimumWindow => 2 * DatagramSize;

    /// <param name="bytesInFlight">Of all spaces, this packet included.</param>
    public abstract void OnSent(long bytesInFlight);

    /// <param name="sentAt">When the acknowledged packet was sent.</param>
    /// <param name="size">Its bytes.</param>
    /// <param name="now">The time of the acknowledgement.</param>
    public abstract void OnAcked(Instant sentAt, int size, Instant now);

    /// <summary>Loss, or an increased count of CE marks.</summary>
    /// <param name="sentAt">When the newest packet concerned was sent.</param>
    /// <param name="now">The time of the signal.</param>
    public abstract void OnCongestion(Instant sentAt, Instant now);

    public abstract void OnPersistentCongestion();

    /// <summary>Another path: the initial window, and what was sent before has no say in it (RFC 9000, section 9.4).</summary>
    public abstract void OnPathChanged(Instant now);

    /// <summary>Packets may be larger or smaller from now on.</summary>
    public abstract void OnDatagramSize(int size);

    /// <summary>Makes what happened look younger by a time in which nothing could happen, as SentPackets.Postpone does.</summary>
    public abstract void Postpone(TimeSpan span);

    public abstract void Export(SnapshotWriter writer);

    /// <exception cref="SnapshotException">An algorithm that this build does not have.</exception>
    public static CongestionController Import(SnapshotReader reader) => reader.ReadNumber() switch
    {
        NewReno.Number => NewReno.ImportFields(reader),
        _ => throw new SnapshotException("a congestion control algorithm is unknown"),
    };
}
