using System.Buffers.Binary;
using System.Runtime.Versioning;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>sockaddr_in and sockaddr_in6 as Linux lays them out.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe class SocketAddressBytes
{
    /// <summary>sizeof(sockaddr_in6).</summary>
    public const int MaxLength = 28;

    private const int V4Length = 16;

    public static bool TryRead(byte* bytes, out UdpAddress address)
    {
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(bytes + 2, 2));
        switch (*(ushort*)bytes)
        {
            case Libc.AfInet:
                address = UdpAddress.FromBytes(new ReadOnlySpan<byte>(bytes + 4, 4), port);
                return true;
            case Libc.AfInet6:
                address = UdpAddress.FromBytes(new ReadOnlySpan<byte>(bytes + 8, 16), port);
                return true;
            default:
                address = default;
                return false;
        }
    }

    /// <summary>Writes the address for a socket of the given family: an IPv6 socket takes an IPv4 address mapped (RFC 4291, section 2.5.5.2).</summary>
    /// <returns>The length of the structure.</returns>
    public static uint Write(byte* bytes, UdpAddress address, bool isIPv6Socket)
    {
        Span<byte> target = new(bytes, MaxLength);
        target.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(target[2..], address.Port);
        if (!isIPv6Socket)
        {
            *(ushort*)bytes = Libc.AfInet;
            if (!address.IsIPv6)
            {
                _ = address.CopyAddressTo(target[4..]);
            }

            return V4Length;
        }

        *(ushort*)bytes = Libc.AfInet6;
        if (!address.IsIPv6)
        {
            target[18..20].Fill(0xFF);
            _ = address.CopyAddressTo(target[20..]);
        }
        else
        {
            _ = address.CopyAddressTo(target[8..]);
        }

        return MaxLength;
    }
}
