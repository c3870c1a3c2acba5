using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Net.Core.Io;
using Net.Core.Wire;

namespace Net.Migration.Hosting;

/// <summary>Sockets of processes of one machine: a public UDP socket that can be passed on, and the Unix sockets at which they meet.</summary>
internal static class LocalSockets
{
    /// <summary>Binds a public UDP port; [::] takes IPv4 as well.</summary>
    /// <exception cref="AddressInUseException">The port is taken.</exception>
    /// <exception cref="IOException">It cannot be bound.</exception>
    public static Socket BindPublic(IPEndPoint listen)
    {
        Socket socket = new(listen.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (listen.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(listen);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw e.SocketErrorCode == SocketError.AddressAlreadyInUse ? new AddressInUseException(UdpAddress.FromEndPoint(listen), e) : new IOException(e.Message, e);
        }
    }

    /// <summary>A Unix socket for this user alone, in the place of one that somebody has left there, or of another one's who still has his.</summary>
    /// <remarks>
    /// It gets its name when it is ready: so there is a door at every moment, and only the last one of a name is found. Its end leaves the name where it is, which
    /// may be the next one's by then, and nobody can tell and remove at one instant. A name that nobody answers at is as good as none.
    /// </remarks>
    /// <param name="path">At most 107 bytes.</param>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static Socket OpenDoor(string path)
    {
        Socket door = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        // The end of a socket removes the name that it was bound to.
        string first = Path.Combine(Path.GetDirectoryName(path) ?? "", Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)));
        try
        {
            door.Bind(new UnixDomainSocketEndPoint(first));
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(first, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            door.Listen(4);
            File.Move(first, path, overwrite: true);
            return door;
        }
        catch (Exception e) when (e is SocketException or ArgumentException or UnauthorizedAccessException or IOException)
        {
            door.Dispose();
            throw new IOException($"{path} cannot be opened: {e.Message}", e);
        }
    }

    /// <summary>The address of this machine from which packets go there.</summary>
    public static IPAddress AddressTowards(IPEndPoint remote)
    {
        using Socket probe = new(remote.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        probe.Connect(remote);
        return ((IPEndPoint)probe.LocalEndPoint!).Address;
    }

    public static void Close(IEnumerable<IDatagramChannel> channels)
    {
        foreach (IDatagramChannel channel in channels)
        {
            channel.Dispose();
        }
    }

    /// <summary>Takes the next one who knocks, also when there are no file descriptors for it at the moment.</summary>
    /// <exception cref="ObjectDisposedException">The door is closed.</exception>
    public static async ValueTask<Socket> AcceptPatientlyAsync(this Socket door, TimeSpan retry, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await door.AcceptAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.OperationAborted)
            {
                throw new ObjectDisposedException("the door", e);
            }
            catch (SocketException)
            {
                await Task.Delay(retry, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Fills a buffer.</summary>
    /// <returns>False: the other end is gone before.</returns>
    /// <exception cref="SocketException">It is broken.</exception>
    public static async ValueTask<bool> TryReadAsync(Socket socket, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (!buffer.IsEmpty)
        {
            int count = await socket.ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (count == 0)
            {
                return false;
            }

            buffer = buffer[count..];
        }

        return true;
    }
}
