using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>The circumstances of a datagram.</summary>
/// <param name="ArrivedWith">Sequence number of the local connection ID that it came to.</param>
/// <param name="Bytes">Its length; 0 for one that was kept until its keys were there, and was counted when it came.</param>
/// <param name="Now">The time at which it is read.</param>
/// <param name="HeardAt">When it came: earlier than that, if it was kept.</param>
internal readonly record struct Arrival(NetworkPath Path, Ecn Ecn, ulong? ArrivedWith, int Bytes, Instant Now, Instant HeardAt)
{
    /// <summary>Of a datagram that is read as it comes.</summary>
    public Arrival(NetworkPath path, Ecn ecn, ulong? arrivedWith, int bytes, Instant now) : this(path, ecn, arrivedWith, bytes, now, now)
    {
    }

    /// <summary>Of a packet that was kept: what its datagram was marked with, and when it came, still count (RFC 9000, sections 13.2.5 and 13.4.1).</summary>
    public static Arrival Of(in EarlyPacket packet, NetworkPath path, Instant now) => new(path, packet.Ecn, null, Bytes: 0, now, packet.HeardAt);
}

/// <summary>A packet that is kept until its keys are there.</summary>
/// <param name="Bytes">Its own.</param>
/// <param name="Ecn">The mark of its datagram.</param>
/// <param name="HeardAt">When it came.</param>
internal readonly record struct EarlyPacket(byte[] Bytes, Ecn Ecn, Instant HeardAt);
