using Net.Core.Wire;

namespace Net.Core.Paths;

/// <summary>How far an address reaches: a server on the Internet must not send its clients to hosts inside their own network (RFC 9000, section 21.5.3; checklist S23).</summary>
internal static class AddressScope
{
    private enum Reach
    {
        Nowhere,
        Host,
        Link,
        Site,
        World,
    }

    /// <summary>What a client follows without being told otherwise: an address that reaches at least as far as the one that it called.</summary>
    public static bool IsPlausible(UdpAddress called, UdpAddress offered) =>
        offered.Port != 0 && Of(offered) is Reach reach and > Reach.Nowhere && reach >= Of(called);

    private static Reach Of(UdpAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes = bytes[..address.CopyAddressTo(bytes)];
        return bytes.Length switch
        {
            4 => OfIPv4(bytes),
            16 => OfIPv6(bytes),
            _ => Reach.Nowhere,
        };
    }

    private static Reach OfIPv4(ReadOnlySpan<byte> address) => (address[0], address[1]) switch
    {
        (0, _) or ( >= 224, _) => Reach.Nowhere,
        (127, _) => Reach.Host,
        (169, 254) => Reach.Link,
        // RFC 1918, and what providers share (RFC 6598).
        (10, _) or (192, 168) or (172, >= 16 and < 32) or (100, >= 64 and < 128) => Reach.Site,
        _ => Reach.World,
    };

    private static Reach OfIPv6(ReadOnlySpan<byte> address)
    {
        if (!address[..15].ContainsAnyExcept((byte)0))
        {
            return address[15] == 1 ? Reach.Host : Reach.Nowhere;
        }

        return (address[0], address[1] & 0xC0) switch
        {
            (0xFF, _) => Reach.Nowhere,
            (0xFE, 0x80) => Reach.Link,
            // Unique local addresses (RFC 4193).
            (0xFC or 0xFD, _) => Reach.Site,
            _ => Reach.World,
        };
    }
}
