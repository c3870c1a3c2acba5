using System.Runtime.InteropServices;

namespace Interop.Netem;

/// <summary>What Linux offers for namespaces and tunnels, and .NET does not.</summary>
internal static partial class Kernel
{
    public const int NewNetwork = 0x4000_0000;

    private const int ReadWrite = 2;
    private const ulong TunSetIff = 0x4004_54CA;
    private const short TunWithoutInfo = 0x1001;
    private const ulong SetAddress = 0x8916;
    private const ulong SetMask = 0x891C;
    private const ulong SetFlags = 0x8914;
    private const short UpAndRunning = 0x41;
    private const int Inet = 2;
    private const int Datagram = 2;
    private const int NameLength = 16;
    private const int RequestLength = 40;

    /// <summary>The calling thread, and the programs that it starts, get a network of their own.</summary>
    /// <exception cref="IOException">Not permitted here.</exception>
    public static void LeaveNetwork() => Check(Unshare(NewNetwork), "a network namespace of its own");

    /// <summary>Brings an interface of the calling thread's network up.</summary>
    /// <param name="address">Four bytes, or empty for none.</param>
    /// <param name="mask">Four bytes.</param>
    public static void Configure(string name, ReadOnlySpan<byte> address, ReadOnlySpan<byte> mask)
    {
        int socket = Check(Socket(Inet, Datagram, 0), "a socket");
        try
        {
            Span<byte> request = stackalloc byte[RequestLength];
            if (!address.IsEmpty)
            {
                Check(Ioctl(socket, SetAddress, ref Request(request, name, address)), "the interface's address");
                Check(Ioctl(socket, SetMask, ref Request(request, name, mask)), "the interface's mask");
            }

            Name(request, name);
            BitConverter.TryWriteBytes(request[NameLength..], UpAndRunning);
            Check(Ioctl(socket, SetFlags, ref request[0]), "the interface's flags");
        }
        finally
        {
            _ = Close(socket);
        }
    }

    /// <summary>A tunnel in the calling thread's network: what is sent into it is read here, and what is written here arrives from it.</summary>
    public static int OpenTunnel(string name)
    {
        int tunnel = Check(Open("/dev/net/tun", ReadWrite), "/dev/net/tun");
        Span<byte> request = stackalloc byte[RequestLength];
        Name(request, name);
        BitConverter.TryWriteBytes(request[NameLength..], TunWithoutInfo);
        Check(Ioctl(tunnel, TunSetIff, ref request[0]), "a tunnel");
        return tunnel;
    }

    /// <returns>Bytes of one packet; 0 or less when the tunnel is gone.</returns>
    public static int Read(int descriptor, Span<byte> buffer) => (int)ReadFrom(descriptor, ref MemoryMarshal.GetReference(buffer), buffer.Length);

    public static void Write(int descriptor, ReadOnlySpan<byte> packet) => _ = WriteTo(descriptor, ref MemoryMarshal.GetReference(packet), packet.Length);

    /// <returns>Whether there is something to read before the time is over.</returns>
    public static bool Wait(int descriptor, int milliseconds)
    {
        PollRequest request = new() { Descriptor = descriptor, Events = 1 };
        return Poll(ref request, 1, milliseconds) > 0;
    }

    public static void CloseDescriptor(int descriptor) => _ = Close(descriptor);

    private static void Name(Span<byte> request, string name)
    {
        request.Clear();
        System.Text.Encoding.ASCII.GetBytes(name, request);
    }

    private static ref byte Request(Span<byte> request, string name, ReadOnlySpan<byte> address)
    {
        Name(request, name);
        BitConverter.TryWriteBytes(request[NameLength..], (short)Inet);
        address.CopyTo(request[(NameLength + 4)..]);
        return ref request[0];
    }

    private static int Check(int result, string what) => result >= 0
        ? result
        : throw new IOException($"{what} is not to be had here: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");

    [StructLayout(LayoutKind.Sequential)]
    private struct PollRequest
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Ioctl(int descriptor, ulong request, ref byte argument);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadFrom(int descriptor, ref byte buffer, nint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteTo(int descriptor, ref byte buffer, nint length);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollRequest requests, nuint count, int milliseconds);
}
