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
            Describe(&message, name, control, &vector, segmentSize, transmit);
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
    /// <param name="buffer">Each transmit's bytes behind those of the one before.</param>
    /// <param name="transmits">At most <see cref="MaxMessages"/>, each of which the kernel takes as one burst.</param>
    /// <returns>How many were sent; what is wrong with the next one is told by <see cref="Send"/>.</returns>
    public int SendMany(ReadOnlySpan<byte> buffer, ReadOnlySpan<Transmit> transmits)
    {
        int count = int.Min(transmits.Length, MaxMessages);
        nuint* control = stackalloc nuint[ControlWords * count];
        byte* names = stackalloc byte[SocketAddressBytes.MaxLength * count];
        IoVector* vectors = stackalloc IoVector[count];
        MultiMessageHeader* messages = stackalloc MultiMessageHeader[count];
        fixed (byte* start = buffer)
        {
            int at = 0;
            for (int i = 0; i < count; i++)
            {
                ref readonly Transmit transmit = ref transmits[i];
                vectors[i] = new() { Base = start + at, Length = (nuint)transmit.Length };
                Describe(
                    &messages[i].Header, names + (i * SocketAddressBytes.MaxLength), control + (i * ControlWords), vectors + i,
                    transmit.Segments > 1 ? transmit.SegmentSize : transmit.Length, transmit);
                at += transmit.Length;
            }

            return int.Max(0, SendMessages(descriptor, messages, (uint)count, MsgDontWait | MsgNoSignal));
        }
    }

    private void Describe(MessageHeader* message, byte* name, nuint* control, IoVector* vector, int segmentSize, in Transmit transmit)
    {
        ControlWriter writer = new((byte*)control);
        bool isToIPv6 = transmit.Path.Remote.IsIPv6;
        if (transmit.Ecn != Ecn.NotEct)
        {
            *(int*)(isToIPv6 ? writer.Add(SolIpv6, Ipv6Tclass, sizeof(int)) : writer.Add(SolIp, IpTos, sizeof(int))) = (int)transmit.Ecn;
        }

        if ((int)vector->Length > segmentSize)
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
            Vectors = vector,
            VectorCount = 1,
            Control = writer.Length == 0 ? null : control,
            ControlLength = (nuint)writer.Length,
        };
    }
}
