using Net.Core.Wire;

namespace Net.Core.Paths;

/// <summary>Where a connection's datagrams go and come from.</summary>
/// <param name="Remote">The peer's address, as the public socket sees it.</param>
/// <param name="Local">The address that the peer sends to.</param>
/// <param name="Ingress">The router in front that carries the datagrams; 0 when our own socket is the public one.</param>
internal readonly record struct NetworkPath(UdpAddress Remote, UdpAddress Local, uint Ingress);
