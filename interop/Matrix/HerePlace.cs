using System.Net;
using System.Net.Sockets;
using Interop.Processes;

namespace Interop.Matrix;

/// <summary>Loopback.</summary>
internal sealed class HerePlace(bool isV6) : IPlace
{
    public IPAddress Address => isV6 ? IPAddress.IPv6Loopback : IPAddress.Loopback;

    public Child Start(string name, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?> environment) =>
        Child.Start(name, program, arguments, environment);

    public int FreePort()
    {
        using Socket socket = new(Address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(Address, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
