using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>Opens UDP channels: the fast one where the system has it, else the portable one.</summary>
internal static class UdpChannel
{
    /// <summary>Whether several sockets can have one port, between which the system spreads the datagrams by the address that they come from.</summary>
    public static bool CanShare => LinuxUdpChannel.IsSupported;

    /// <summary>Binds an address; the IPv6 wildcard takes IPv4 as well. Port 0 lets the system choose.</summary>
    /// <exception cref="AddressInUseException">The port is taken, by us or by somebody else.</exception>
    /// <exception cref="SocketException">The address is not one of this machine's, or binding it is not permitted.</exception>
    public static IDatagramChannel Bind(UdpAddress address, UdpChannelOptions? options = null) => BindAll(address, 1, options)[0];

    /// <summary>As <see cref="Bind"/>, with several sockets on the port.</summary>
    /// <exception cref="AddressInUseException">The port is taken, by us or by somebody else.</exception>
    /// <exception cref="PlatformNotSupportedException">More than one, and the system cannot do that: see <see cref="CanShare"/>.</exception>
    /// <exception cref="SocketException">The address is not one of this machine's, or binding it is not permitted.</exception>
    public static IDatagramChannel[] BindAll(UdpAddress address, int count, UdpChannelOptions? options = null)
    {
        if (count > 1 && !CanShare)
        {
            throw new PlatformNotSupportedException("only Linux spreads the datagrams of one port over several sockets");
        }

        options ??= UdpChannelOptions.Default;
        // A port that the system chooses is nobody else's: only a named one can be wanted twice.
        PortLock? portLock = address.Port == 0 ? null : PortLock.Take(address);
        List<IDatagramChannel> channels = [];
        try
        {
            // The first one without SO_REUSEPORT: then the system refuses it where anybody has the port, whatever he has set, and never chooses one
            // that others have. Only then it is opened, for those of the same user.
            Socket first = BindSocket(address, joins: false);
            channels.Add(Over(first, options, portLock));
            UdpAddress bound = channels[0].Local;
            for (int i = 1; i < count; i++)
            {
                SharePort(first);
                channels.Add(Over(BindSocket(bound, joins: true), options, portLock?.Share()));
            }

            return [.. channels];
        }
        catch (Exception e)
        {
            channels.ForEach(channel => channel.Dispose());
            if (channels.Count == 0)
            {
                portLock?.Dispose();
            }

            if (e is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse })
            {
                throw new AddressInUseException(address, e);
            }

            throw;
        }
    }

    /// <summary>A channel over a bound socket that somebody else opened (a holder, socket activation). The channel owns it from here on.</summary>
    public static IDatagramChannel Over(SafeSocketHandle handle, UdpChannelOptions? options = null) =>
        Over(new Socket(handle), options ?? UdpChannelOptions.Default, portLock: null);

    private static Socket BindSocket(UdpAddress address, bool joins)
    {
        IPEndPoint endPoint = address.ToEndPoint();
        Socket socket = new(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (endPoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            if (joins)
            {
                SharePort(socket);
            }

            socket.Bind(endPoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static void SharePort(Socket socket)
    {
        if (OperatingSystem.IsLinux() && !Libc.TrySetOption((int)socket.SafeHandle.DangerousGetHandle(), Libc.SolSocket, Libc.SoReusePort, 1))
        {
            throw new SocketException(Marshal.GetLastSystemError());
        }
    }

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
