using System.Net.Sockets;
using System.Runtime.InteropServices;
using static Net.Core.Io.Libc;

namespace Net.Core.Io;

/// <summary>Passes an open socket to another process of this machine, over a Unix socket between them (SCM_RIGHTS), or takes one that a service manager opened.</summary>
/// <remarks>
/// Both processes then have the very same socket: its port stays open until the last of them has closed it, so no client ever sees an ICMP
/// message. Both could read it as well: who lends must not read while who borrows does.
/// </remarks>
internal static unsafe class SocketLoan
{
    /// <summary>The first descriptor of socket activation (sd_listen_fds).</summary>
    private const int FirstActivated = 3;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    public static bool IsSupported => LinuxUdpChannel.IsSupported;

    /// <summary>Sends one byte, and with it the socket.</summary>
    /// <param name="connection">A connected Unix stream socket.</param>
    /// <param name="lent">Stays the caller's, too.</param>
    /// <exception cref="IOException">The other end is gone.</exception>
    public static void Send(Socket connection, SafeSocketHandle lent)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("sockets can be lent on Linux only");
        }

        nuint* control = stackalloc nuint[8];
        ControlWriter writer = new((byte*)control);
        *(int*)writer.Add(SolSocket, ScmRights, sizeof(int)) = (int)lent.DangerousGetHandle();
        byte one = 1;
        IoVector vector = new() { Base = &one, Length = 1 };
        MessageHeader message = new() { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = (nuint)writer.Length };
        if (SendMessage((int)connection.SafeHandle.DangerousGetHandle(), &message, MsgNoSignal) != 1)
        {
            throw new IOException($"the socket could not be lent (error {Marshal.GetLastSystemError()})");
        }
    }

    /// <summary>Takes one byte, and the socket that came with it.</summary>
    /// <param name="connection">A connected Unix stream socket.</param>
    /// <param name="patience">How long it may take to come; 5 s unless said otherwise.</param>
    /// <exception cref="IOException">The other end is gone, or sent none in time.</exception>
    public static SafeSocketHandle Receive(Socket connection, TimeSpan? patience = null)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("sockets can be lent on Linux only");
        }

        nuint* control = stackalloc nuint[8];
        byte one = 0;
        IoVector vector = new() { Base = &one, Length = 1 };
        MessageHeader message = new() { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = 8 * (nuint)sizeof(nuint) };
        // Whoever used it with await has made it non-blocking.
        _ = connection.Poll(patience ?? s_patience, SelectMode.SelectRead);
        nint received = ReceiveMessage((int)connection.SafeHandle.DangerousGetHandle(), &message, MsgCloseOnExec);
        ControlHeader* header = (ControlHeader*)control;
        bool isSound = received == 1 && message.ControlLength >= (nuint)(sizeof(ControlHeader) + sizeof(int))
            && header->Level == SolSocket && header->Type == ScmRights && header->Length == (nuint)(sizeof(ControlHeader) + sizeof(int));
        return isSound ? new((nint)(*(int*)(header + 1)), ownsHandle: true) : throw new IOException("no socket was lent");
    }

    /// <summary>The UDP socket that a service manager opened for this process (LISTEN_PID, LISTEN_FDS).</summary>
    /// <returns>Null: none was.</returns>
    /// <exception cref="IOException">There is one, but it is no UDP socket, or there are several.</exception>
    public static SafeSocketHandle? FromServiceManager(Func<string, string?> environment)
    {
        if (environment("LISTEN_PID") != $"{Environment.ProcessId}" || environment("LISTEN_FDS") is not string count || !OperatingSystem.IsLinux())
        {
            return null;
        }

        if (count != "1")
        {
            throw new IOException($"the service manager passes {count} sockets: let it pass the public one alone");
        }

        _ = Control(FirstActivated, SetDescriptorFlags, CloseOnExec);
        SafeSocketHandle handle = new(FirstActivated, ownsHandle: true);
        using Socket probe = new(new SafeSocketHandle(FirstActivated, ownsHandle: false));
        return probe.SocketType == SocketType.Dgram ? handle : throw new IOException("the service manager passes a socket that is not UDP: use ListenDatagram");
    }
}
