using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Net.Core.Paths;
using Net.Core.Wire;
using static Net.Core.Io.Libc;

namespace Net.Core.Io;

/// <summary>Sends bursts that the kernel cuts into datagrams (GSO), and several bursts with one system call (sendmmsg).</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class LinuxSender(int descriptor, bool isIPv6, bool isWildcard)
{
    /// <summary>Bursts of one call.</summary>
    public const int MaxMessages = 64;

    /// <summary>Pieces of memory of one call: far below what the system permits to each burst (1,024).</summary>
    private const int MaxPieces = 512;

    /// <summary>How often what an earlier datagram left behind (ICMP) is skipped.</summary>
    private const int MaxTries = 4;

    /// <summary>Native words of control messages: ECN, segment size and a source address, each at most 40 bytes.</summary>
    private const int ControlWords = 16;

    /// <summary>One system call; 0 or an error number.</summary>
    /// <param name="segmentSize">Of each datagram but the last.</param>
    /// <param name="transmit">Where to, and with which mark.</param>
    /// <param name="hasSkipped">Whether there was an error that an earlier datagram had left behind.</param>
    public int Send(ReadOnlySpan<byte> bytes, int segmentSize, in Transmit transmit, out bool hasSkipped)
    {
        nuint* control = stackalloc nuint[ControlWords];
        byte* name = stackalloc byte[SocketAddressBytes.MaxLength];
        fixed (byte* start = bytes)
        {
            IoVector vector = new() { Base = start, Length = (nuint)bytes.Length };
            MessageHeader message;
            Describe(&message, name, control, bytes.Length, segmentSize, transmit);
            message.Vectors = &vector;
            message.VectorCount = 1;
            int error;
            int tries = 0;
            do
            {
                error = SendMessage(descriptor, &message, MsgDontWait | MsgNoSignal) >= 0 ? 0 : Marshal.GetLastSystemError();
            }
            while (error is Eintr or Econnrefused && ++tries < MaxTries);

            hasSkipped = tries > 0 || error == Econnrefused;
            return error;
        }
    }

    /// <summary>One system call for all of them.</summary>
    /// <param name="pieces">Each transmit's behind those of the one before.</param>
    /// <param name="transmits">Each of which the kernel takes as one burst.</param>
    /// <returns>How many were sent; what is wrong with the next one is told by <see cref="Send"/>.</returns>
    public int SendMany(ReadOnlySpan<SendPiece> pieces, ReadOnlySpan<Transmit> transmits)
    {
        int count = 0, total = 0;
        while (count < transmits.Length && count < MaxMessages)
        {
            int more = SendPiece.Count(pieces[total..], transmits[count].Length);
            if (total + more > MaxPieces)
            {
                break;
            }

            total += more;
            count++;
        }

        nuint* control = stackalloc nuint[ControlWords * count];
        byte* name = stackalloc byte[SocketAddressBytes.MaxLength * count];
        MultiMessageHeader* messages = stackalloc MultiMessageHeader[count];
        IoVector* vectors = stackalloc IoVector[total];
        IoVector* next = vectors;
        for (int i = 0; i < total; i++)
        {
            ref readonly SendPiece piece = ref pieces[i];
            vectors[i] = new() { Base = Unsafe.AsPointer(ref piece.Memory[piece.Start]), Length = (nuint)piece.Length };
        }

        for (int i = 0; i < count; i++)
        {
            ref readonly Transmit transmit = ref transmits[i];
            MessageHeader* message = &messages[i].Header;
            Describe(message, name, control, transmit.Length, transmit.Segments > 1 ? transmit.SegmentSize : transmit.Length, transmit);
            message->Vectors = next;
            for (int rest = transmit.Length; rest > 0; next++)
            {
                rest -= (int)next->Length;
                message->VectorCount++;
            }

            name += SocketAddressBytes.MaxLength;
            control += ControlWords;
        }

        return int.Max(0, SendMessages(descriptor, messages, (uint)count, MsgDontWait | MsgNoSignal));
    }

    /// <summary>Everything but the bytes.</summary>
    private void Describe(MessageHeader* message, byte* name, nuint* control, int length, int segmentSize, in Transmit transmit)
    {
        ControlWriter writer = new((byte*)control);
        bool isToIPv6 = transmit.Path.Remote.IsIPv6;
        if (transmit.Ecn != Ecn.NotEct)
        {
            *(int*)(isToIPv6 ? writer.Add(SolIpv6, Ipv6Tclass, sizeof(int)) : writer.Add(SolIp, IpTos, sizeof(int))) = (int)transmit.Ecn;
        }

        if (length > segmentSize)
        {
            *(ushort*)writer.Add(SolUdp, UdpSegment, sizeof(ushort)) = (ushort)segmentSize;
        }

        UdpAddress local = transmit.Path.Local;
        if (isWildcard && !local.IsNone && local.IsIPv6 == isToIPv6 && !local.IsAny)
        {
            // The answer comes from the address that was asked (else a client with several of ours in view drops it).
            _ = isToIPv6
                ? local.CopyAddressTo(new Span<byte>(writer.Add(SolIpv6, Ipv6PktInfo, 20), 16))
                : local.CopyAddressTo(new Span<byte>(writer.Add(SolIp, IpPktInfo, 12) + 4, 4));
        }

        *message = new()
        {
            Name = name,
            NameLength = SocketAddressBytes.Write(name, transmit.Path.Remote, isIPv6),
            Control = writer.Length == 0 ? null : control,
            ControlLength = (nuint)writer.Length,
        };
    }
}
