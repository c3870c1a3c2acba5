using System.Buffers.Binary;

namespace Interop.Netem;

/// <summary>An IPv4 packet in a tunnel: what a NAT and a bad link change in it, and its sums set right again.</summary>
internal static class Packet
{
    public const int Udp = 17;

    private const int SourceAt = 12;
    private const int DestinationAt = 16;
    private const int UdpHeader = 8;

    public static bool IsIPv4(ReadOnlySpan<byte> packet) => packet.Length >= 20 && packet[0] >> 4 == 4 && packet.Length >= HeaderLength(packet);

    /// <summary>Of UDP, in one piece.</summary>
    public static bool IsUdp(ReadOnlySpan<byte> packet) =>
        IsIPv4(packet) && packet[9] == Udp && (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x3FFF) == 0 && packet.Length >= HeaderLength(packet) + UdpHeader;

    public static uint Source(ReadOnlySpan<byte> packet) => BinaryPrimitives.ReadUInt32BigEndian(packet[SourceAt..]);

    public static uint Destination(ReadOnlySpan<byte> packet) => BinaryPrimitives.ReadUInt32BigEndian(packet[DestinationAt..]);

    public static ushort SourcePort(ReadOnlySpan<byte> packet) => BinaryPrimitives.ReadUInt16BigEndian(packet[HeaderLength(packet)..]);

    public static ushort DestinationPort(ReadOnlySpan<byte> packet) => BinaryPrimitives.ReadUInt16BigEndian(packet[(HeaderLength(packet) + 2)..]);

    public static void SetSource(Span<byte> packet, uint address, ushort port) => Set(packet, SourceAt, address, 0, port);

    public static void SetDestination(Span<byte> packet, uint address, ushort port) => Set(packet, DestinationAt, address, 2, port);

    /// <summary>Changes one byte of the datagram, and its sum: the damage gets through to whoever reads it.</summary>
    public static void Corrupt(Span<byte> packet, Random random)
    {
        int start = HeaderLength(packet) + UdpHeader;
        if (start < packet.Length)
        {
            packet[random.Next(start, packet.Length)] ^= (byte)random.Next(1, 256);
            SumUdp(packet);
        }
    }

    private static void Set(Span<byte> packet, int addressAt, uint address, int portAt, ushort port)
    {
        BinaryPrimitives.WriteUInt32BigEndian(packet[addressAt..], address);
        BinaryPrimitives.WriteUInt16BigEndian(packet[(HeaderLength(packet) + portAt)..], port);
        packet[10..12].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], Fold(Sum(packet[..HeaderLength(packet)], 0)));
        SumUdp(packet);
    }

    private static int HeaderLength(ReadOnlySpan<byte> packet) => (packet[0] & 15) * 4;

    private static void SumUdp(Span<byte> packet)
    {
        Span<byte> datagram = packet[HeaderLength(packet)..];
        datagram[6..8].Clear();
        // RFC 768: over a pseudo header of addresses, protocol and length too.
        ushort sum = Fold(Sum(datagram, Sum(packet.Slice(SourceAt, 8), (uint)(Udp + datagram.Length))));
        BinaryPrimitives.WriteUInt16BigEndian(datagram[6..], sum == 0 ? (ushort)0xFFFF : sum);
    }

    private static uint Sum(ReadOnlySpan<byte> bytes, uint sum)
    {
        for (; bytes.Length >= 2; bytes = bytes[2..])
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        }

        return bytes.IsEmpty ? sum : sum + (uint)(bytes[0] << 8);
    }

    private static ushort Fold(uint sum)
    {
        while (sum >> 16 != 0)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
