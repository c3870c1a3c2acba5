using System.Net;
using System.Net.Sockets;

namespace Net.Tests.Core.Io;

/// <summary>A UDP port of loopback where nobody listens, and nobody else's socket will while this one is there.</summary>
internal sealed class DeadPort : IDisposable
{
    private readonly Socket _holder = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);

    /// <summary>The number is taken at another address of loopback: the system then gives it to nobody who binds all of them.</summary>
    public DeadPort() => _holder.Bind(new IPEndPoint(IPAddress.Parse("127.77.0.1"), 0));

    public IPEndPoint EndPoint => new(IPAddress.Parse("127.77.0.2"), ((IPEndPoint)_holder.LocalEndPoint!).Port);

    public void Dispose() => _holder.Dispose();
}
