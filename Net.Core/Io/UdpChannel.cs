using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>Opens UDP channels: the fast one where the system has it, else the portable one.</summary>
internal static class UdpChannel
{
    /// <summary>Binds an address; the IPv6 wildcard takes IPv4 as well. Port 0 lets the system choose.</summary>
    /// <exception cref="AddressInUseException">The port is taken, by us or by somebody else.</exception>
    /// <exception cref="SocketException">The address is not one of this machine's, or binding it is not permitted.</exception>
    public static IDatagramChannel Bind(UdpAddress address, UdpChannelOptions? options = null)
    {
        options ??= UdpChannelOptions.Default;
        IPEndPoint endPoint = address.ToEndPoint();
        // A port that the system chooses is nobody else's: only a named one can be wanted twice.
        PortLock? portLock = endPoint.Port == 0 ? null : PortLock.Take(address);
        Socket? socket = null;
        try
        {
            socket = new(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            if (endPoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(endPoint);
            return Over(socket, options, portLock);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            socket?.Dispose();
            portLock?.Dispose();
            throw new AddressInUseException(address, e);
        }
        catch
        {
            socket?.Dispose();
            portLock?.Dispose();
            throw;
        }
    }

    /// <summary>A channel over a bound socket that somebody else opened (a holder, socket activation). The channel owns it from here on.</summary>
    public static IDatagramChannel Over(SafeSocketHandle handle, UdpChannelOptions? options = null) =>
        Over(new Socket(handle), options ?? UdpChannelOptions.Default, portLock: null);

    private static IDatagramChannel Over(Socket socket, UdpChannelOptions options, PortLock? portLock)
    {
        ResizeBuffers(socket, options.SocketBuffer);
        return LinuxUdpChannel.IsSupported && !options.Portable
            ? new LinuxUdpChannel(socket, options, portLock)
            : new PortableUdpChannel(socket, portLock);
    }

    private static void ResizeBuffers(Socket socket, int size)
    {
        try
        {
            socket.ReceiveBufferSize = size;
            socket.SendBufferSize = size;
        }
        catch (SocketException)
        {
            // Some systems refuse instead of granting less. The default buffers work, at a lower rate.
        }
    }
}
