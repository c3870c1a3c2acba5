using Net.Core.Wire;

namespace Net.Core.Paths;

/// <summary>What a connection put into the caller's buffer: equally long datagrams for one address, one GSO send.</summary>
/// <param name="Path">Where to.</param>
/// <param name="SegmentSize">Bytes of each datagram, the last one perhaps shorter; the headroom before each is not counted.</param>
/// <param name="Segments">How many; at least 1.</param>
/// <param name="Length">Bytes used of the buffer, each datagram's headroom included.</param>
/// <param name="FirstPacketNumber">The first 1-RTT packet number sealed in it, for <c>OnNotSent</c>; null when there is none.</param>
internal readonly record struct Transmit(NetworkPath Path, int SegmentSize, int Segments, int Length, Ecn Ecn, ulong? FirstPacketNumber = null)
{
    /// <summary>Datagrams that one GSO send takes (UDP_MAX_SEGMENTS of Linux before 6.9).</summary>
    public const int MaxSegments = 64;
}
