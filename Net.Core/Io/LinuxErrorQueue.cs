using System.Runtime.Versioning;
using Net.Core.Wire;
using static Net.Core.Io.Libc;

namespace Net.Core.Io;

/// <summary>What Linux keeps of ICMP messages about a socket's datagrams, when it was asked to (IP_RECVERR, see ip(7)).</summary>
[SupportedOSPlatform("linux")]
internal static unsafe class LinuxErrorQueue
{
    /// <summary>SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6: somebody else said it, not this machine's own stack.</summary>
    private const byte Icmp = 2, Icmp6 = 3;

    private const int ControlWords = 64;

    /// <summary>The kernel keeps no more of them than the receive buffer holds; this bounds one call.</summary>
    private const int MaxEntries = 64;

    /// <summary>Takes entries until one says that nobody listens (ECONNREFUSED: port unreachable).</summary>
    /// <param name="descriptor">Of the socket.</param>
    /// <param name="remote">Where the datagram had gone to.</param>
    /// <returns>False when the queue is empty.</returns>
    public static bool TryTakeRefusal(int descriptor, out UdpAddress remote)
    {
        nuint* control = stackalloc nuint[ControlWords];
        byte* name = stackalloc byte[SocketAddressBytes.MaxLength];
        byte nothing;
        for (int entries = 0; entries < MaxEntries; entries++)
        {
            // Of the datagram itself not a byte is wanted.
            IoVector vector = new() { Base = &nothing, Length = 0 };
            MessageHeader message = new()
            {
                Name = name,
                NameLength = SocketAddressBytes.MaxLength,
                Vectors = &vector,
                VectorCount = 1,
                Control = control,
                ControlLength = ControlWords * (nuint)sizeof(nuint),
            };
            if (ReceiveMessage(descriptor, &message, MsgErrQueue | MsgDontWait) < 0)
            {
                break;
            }

            if (IsRefusal(message) && SocketAddressBytes.TryRead(name, out remote))
            {
                return true;
            }
        }

        remote = default;
        return false;
    }

    private static bool IsRefusal(in MessageHeader message)
    {
        byte* start = (byte*)message.Control;
        int end = (int)message.ControlLength;
        for (int at = 0; end - at >= sizeof(ControlHeader);)
        {
            ControlHeader header = *(ControlHeader*)(start + at);
            int length = (int)header.Length - sizeof(ControlHeader);
            if (length < 0 || length > end - at - sizeof(ControlHeader))
            {
                return false;
            }

            // struct sock_extended_err: the error number, then who says so.
            byte* data = start + at + sizeof(ControlHeader);
            if ((header.Level, header.Type) is (SolIp, IpRecvErr) or (SolIpv6, Ipv6RecvErr) && length >= 16)
            {
                return *(int*)data == Econnrefused && data[4] is Icmp or Icmp6;
            }

            at += sizeof(ControlHeader) + ControlHeader.Align(length);
        }

        return false;
    }
}
