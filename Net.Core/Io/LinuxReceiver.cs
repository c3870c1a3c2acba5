using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Net.Core.Paths;
using Net.Core.Wire;
using static Net.Core.Io.Libc;

namespace Net.Core.Io;

/// <summary>Receives as many datagrams with one system call as there are (recvmmsg), each of which may be many that the kernel has joined (GRO).</summary>
/// <remarks>
/// A call costs as much as the kernel's work for a small datagram, and far more where the machine is a virtual one. Fewer than were asked for are all that
/// there are, so no call is made to learn that nothing is left. Each datagram is received into a small piece of memory, all of which lie next to each other, and what
/// does not fit goes on into a large one: so small ones do not take much room, and a large one is made whole by a copy of its beginning. Where a sandbox does not know the
/// call, or forbids it, each is received by itself.
/// </remarks>
[SupportedOSPlatform("linux")]
internal sealed unsafe class LinuxReceiver
{
    /// <summary>Datagrams, or joined ones, of one call.</summary>
    private const int MaxMessages = ReceiveBatch.MaxEntries;

    /// <summary>Two pieces of memory for each datagram.</summary>
    private const int Pieces = 2;

    /// <summary>Native words of control messages: three or four of them, each at most 40 bytes.</summary>
    private const int ControlWords = 32;

    private readonly int _descriptor;
    private readonly UdpAddress _local;
    private readonly bool _isWildcard;
    private bool _isOneByOne;

    // One array for each kind, pinned: the structures point to each other.
    private readonly MultiMessageHeader[] _messages = GC.AllocateArray<MultiMessageHeader>(MaxMessages, pinned: true);
    private readonly IoVector[] _vectors = GC.AllocateArray<IoVector>(MaxMessages * Pieces, pinned: true);
    private readonly nuint[] _control = GC.AllocateArray<nuint>(MaxMessages * ControlWords, pinned: true);
    private readonly byte[] _names = GC.AllocateArray<byte>(MaxMessages * SocketAddressBytes.MaxLength, pinned: true);

    /// <param name="descriptor">A bound UDP socket's.</param>
    /// <param name="local">What it is bound to.</param>
    /// <param name="isWildcard">Whether each datagram tells which of our addresses it was for.</param>
    public LinuxReceiver(int descriptor, UdpAddress local, bool isWildcard)
    {
        (_descriptor, _local, _isWildcard) = (descriptor, local, isWildcard);
        for (int i = 0; i < MaxMessages; i++)
        {
            _messages[i].Header = new()
            {
                Name = Pointer(_names, i * SocketAddressBytes.MaxLength),
                Vectors = Pointer(_vectors, i * Pieces),
                VectorCount = Pieces,
                Control = Pointer(_control, i * ControlWords),
            };
        }
    }

    /// <summary>One call.</summary>
    /// <param name="batch">Gets what was received.</param>
    /// <param name="wait">For the first datagram, as long as the socket's timeout says.</param>
    /// <param name="error">Of the system, if there is one: then nothing was received.</param>
    /// <returns>Whether there may be more, and room for it.</returns>
    public bool TryReceive(ReceiveBatch batch, bool wait, out int error)
    {
        error = 0;
        int room = int.Min(batch.Vacancies, _isOneByOne ? 1 : MaxMessages);
        if (room == 0)
        {
            return false;
        }

        for (int i = 0; i < room; i++)
        {
            ref MessageHeader message = ref _messages[i].Header;
            (message.NameLength, message.ControlLength) = (SocketAddressBytes.MaxLength, ControlWords * (nuint)sizeof(nuint));
            (_vectors[i * Pieces], _vectors[(i * Pieces) + 1]) = (Vector(batch.Front(i)), Vector(batch.Rest(i)));
        }

        int received = _isOneByOne ? ReceiveOne(wait) : ReceiveMessages(_descriptor, Pointer(_messages, 0), (uint)room, wait ? MsgWaitForOne : MsgDontWait, null);
        if (received < 0)
        {
            error = Marshal.GetLastSystemError();
            if (_isOneByOne || error is not (Enosys or Eperm))
            {
                return false;
            }

            _isOneByOne = true;
            return TryReceive(batch, wait, out error);
        }

        for (int i = 0; i < received; i++)
        {
            ref readonly MessageHeader message = ref _messages[i].Header;
            if ((message.Flags & MsgTrunc) == 0 && SocketAddressBytes.TryRead((byte*)message.Name, out UdpAddress remote))
            {
                ReadControl(message, out UdpAddress local, out Ecn ecn, out int segmentSize);
                batch.Fill(i, (int)_messages[i].Length, segmentSize, new(remote, local, 0), ecn);
            }
        }

        batch.EndFill(received);
        return received == room;
    }

    /// <summary>As recvmmsg, with another call.</summary>
    private int ReceiveOne(bool wait)
    {
        nint length = ReceiveMessage(_descriptor, &Pointer(_messages, 0)->Header, wait ? 0 : MsgDontWait);
        _messages[0].Length = (uint)nint.Max(0, length);
        return length < 0 ? -1 : 1;
    }

    /// <summary>Of a pinned array.</summary>
    private static T* Pointer<T>(T[] array, int index)
        where T : unmanaged => (T*)Unsafe.AsPointer(ref array[index]);

    /// <summary>Of a batch's memory, which is pinned.</summary>
    private static IoVector Vector(Span<byte> memory) => new() { Base = Unsafe.AsPointer(ref memory[0]), Length = (nuint)memory.Length };

    private void ReadControl(in MessageHeader message, out UdpAddress local, out Ecn ecn, out int segmentSize)
    {
        local = _local;
        ecn = Ecn.NotEct;
        segmentSize = 0;
        byte* start = (byte*)message.Control;
        int end = (int)message.ControlLength;
        for (int at = 0; end - at >= sizeof(ControlHeader);)
        {
            ControlHeader header = *(ControlHeader*)(start + at);
            byte* data = start + at + sizeof(ControlHeader);
            int length = (int)header.Length - sizeof(ControlHeader);
            if (length < 0 || length > end - at - sizeof(ControlHeader))
            {
                return;
            }

            switch (header.Level, header.Type)
            {
                case (SolIp, IpTos) when length >= 1:
                    ecn = (Ecn)(*data & 3);
                    break;
                case (SolIpv6, Ipv6Tclass) when length >= sizeof(int):
                    ecn = (Ecn)(*(int*)data & 3);
                    break;
                case (SolUdp, UdpGro) when length >= sizeof(int):
                    segmentSize = *(int*)data;
                    break;
                case (SolIp, IpPktInfo) when _isWildcard && length >= 12:
                    // in_pktinfo: interface, the address to answer from, the address in the header.
                    local = UdpAddress.FromBytes(new ReadOnlySpan<byte>(data + 4, 4), _local.Port);
                    break;
                case (SolIpv6, Ipv6PktInfo) when _isWildcard && length >= 20:
                    local = UdpAddress.FromBytes(new ReadOnlySpan<byte>(data, 16), _local.Port);
                    break;
            }

            at += sizeof(ControlHeader) + ControlHeader.Align(length);
        }
    }
}
