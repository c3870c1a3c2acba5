using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Net.Core.Io;

/// <summary>The few calls and constants of Linux that the base library does not offer: datagrams with control messages, and a wait that can be woken.</summary>
/// <remarks>The numbers are those of Linux's generic ABI (x86, Arm, RISC-V); the structures are written with native-sized fields, so they hold for 32 and 64 bits.</remarks>
[SupportedOSPlatform("linux")]
internal static unsafe partial class Libc
{
    public const int SolIp = 0, SolSocket = 1, SolUdp = 17, SolIpv6 = 41;
    public const int ScmRights = 1;
    public const int SoReusePort = 15;
    public const int SoReceiveTimeout = 20;
    public const int IpTos = 1, IpPktInfo = 8, IpMtuDiscover = 10, IpRecvErr = 11, IpRecvTos = 13;
    public const int Ipv6MtuDiscover = 23, Ipv6RecvErr = 25, Ipv6RecvPktInfo = 49, Ipv6PktInfo = 50, Ipv6RecvTclass = 66, Ipv6Tclass = 67;
    public const int UdpSegment = 103, UdpGro = 104;
    public const int PmtudiscProbe = 3;
    public const int MsgTrunc = 0x20, MsgDontWait = 0x40, MsgErrQueue = 0x2000, MsgWaitForOne = 0x10000, MsgNoSignal = 0x4000, MsgCloseOnExec = 0x40000000;
    public const int AfInet = 2, AfInet6 = 10;
    public const int Eperm = 1, Eintr = 4, Eio = 5, Eagain = 11, Einval = 22, Enosys = 38, Emsgsize = 90, Econnrefused = 111, Ehostunreach = 113;
    public const short PollIn = 1, PollOut = 4, PollErr = 8;
    public const int SetDescriptorFlags = 2, CloseOnExec = 1;
    private const int GetStatusFlags = 3, NonBlocking = 0x800;
    private const int EfdNonBlock = 0x800, EfdCloExec = 0x80000;

    public static SafeFileHandle CreateEvent()
    {
        int descriptor = EventFd(0, EfdNonBlock | EfdCloExec);
        return descriptor >= 0
            ? new((nint)descriptor, ownsHandle: true)
            : throw new IOException($"eventfd failed with error {Marshal.GetLastSystemError()}");
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    public static partial nint SendMessage(int socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    public static partial int SendMessages(int socket, MultiMessageHeader* messages, uint count, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    public static partial nint ReceiveMessage(int socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    public static partial int ReceiveMessages(int socket, MultiMessageHeader* messages, uint count, int flags, TimeSpec* timeout);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetSocketOption(int socket, int level, int name, void* value, uint length);

    [LibraryImport("libc", EntryPoint = "ppoll", SetLastError = true)]
    public static partial int Poll(PollDescriptor* descriptors, nuint count, TimeSpec* timeout, void* signalMask);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(SafeFileHandle descriptor, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(SafeFileHandle descriptor, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    public static partial int Control(int descriptor, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFd(uint initial, int flags);

    public static bool IsNonBlocking(int descriptor) => (Control(descriptor, GetStatusFlags, 0) & NonBlocking) != 0;

    public static bool TrySetOption(int socket, int level, int name, int value) =>
        SetSocketOption(socket, level, name, &value, sizeof(int)) == 0;

    /// <summary>struct msghdr.</summary>
    public struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    /// <summary>struct mmsghdr.</summary>
    public struct MultiMessageHeader
    {
        public MessageHeader Header;

        /// <summary>Bytes received or sent.</summary>
        public uint Length;
    }

    /// <summary>struct iovec.</summary>
    public struct IoVector
    {
        public void* Base;
        public nuint Length;
    }

    /// <summary>struct cmsghdr; its data follows at once, the next header at the next native word.</summary>
    public struct ControlHeader
    {
        public nuint Length;
        public int Level;
        public int Type;

        public static int Align(int length) => (length + sizeof(nuint) - 1) & ~(sizeof(nuint) - 1);
    }

    /// <summary>struct pollfd.</summary>
    public struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    /// <summary>struct timespec.</summary>
    public struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }

    /// <summary>struct timeval.</summary>
    public struct TimeValue
    {
        public nint Seconds;
        public nint Microseconds;
    }

    /// <summary>Appends control messages to a buffer that starts at a native word.</summary>
    public ref struct ControlWriter(byte* buffer)
    {
        public int Length { get; private set; }

        /// <summary>Room for the data of one message, zeroed.</summary>
        public byte* Add(int level, int type, int dataLength)
        {
            byte* start = buffer + Length;
            int length = sizeof(ControlHeader) + ControlHeader.Align(dataLength);
            Unsafe.InitBlockUnaligned(start, 0, (uint)length);
            *(ControlHeader*)start = new() { Length = (nuint)(sizeof(ControlHeader) + dataLength), Level = level, Type = type };
            Length += length;
            return start + sizeof(ControlHeader);
        }
    }
}
