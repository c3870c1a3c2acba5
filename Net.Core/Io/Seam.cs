using System.Runtime.InteropServices;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>The way of a datagram: the peer's address, ours, and the ingress between (0 = none).</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct NetworkPath(UdpAddress Remote, UdpAddress Local, uint Ingress);

/// <summary>How a send buffer is cut and where it goes: segments of one size, of which the last may be shorter.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Transmit(NetworkPath Path, int SegmentSize, int Segments, int Length, Ecn Ecn);
