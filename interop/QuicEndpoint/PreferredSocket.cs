using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Net.Core.Io;
using Net.Core.Wire;

namespace QuicEndpoint;

/// <summary>A second socket of a server, and the addresses under which clients reach it (RFC 9000, section 9.6).</summary>
/// <param name="Channel">Bound to a port that the system chose.</param>
/// <param name="IPv4">None where the host has no such address.</param>
/// <param name="IPv6">None where the host has no such address.</param>
internal sealed record PreferredSocket(IDatagramChannel Channel, UdpAddress IPv4, UdpAddress IPv6)
{
    /// <param name="listen">Where the first socket is bound: a wildcard stands for this host's own addresses, which a parameter cannot say.</param>
    public static PreferredSocket Bind(IPAddress listen)
    {
        IDatagramChannel channel = UdpChannel.Bind(UdpAddress.FromEndPoint(new(listen, 0)));
        bool isAny = listen.Equals(IPAddress.Any) || listen.Equals(IPAddress.IPv6Any);
        IPAddress[] own = isAny ? OwnAddresses() : [listen];
        return new(channel, Of(AddressFamily.InterNetwork), Of(AddressFamily.InterNetworkV6));

        UdpAddress Of(AddressFamily family) => own.FirstOrDefault(address => address.AddressFamily == family) is IPAddress first
            ? UdpAddress.FromEndPoint(new(first, channel.Local.Port))
            : default;
    }

    private static IPAddress[] OwnAddresses() =>
    [
        .. NetworkInterface.GetAllNetworkInterfaces()
            .Where(one => one.OperationalStatus == OperationalStatus.Up && one.NetworkInterfaceType != NetworkInterfaceType.Loopback)
            .SelectMany(one => one.GetIPProperties().UnicastAddresses)
            .Select(one => one.Address)
            .Where(address => !address.IsIPv6LinkLocal),
    ];
}
