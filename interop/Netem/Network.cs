using System.Globalization;
using System.Net;
using Interop.Peers;

namespace Interop.Netem;

/// <summary>Two places and the link between them, made in user space: the kernel needs tunnels and namespaces, no netem.</summary>
internal sealed class Network : IDisposable
{
    private readonly Link _toServer;
    private readonly Link _toClient;
    private readonly CrossTraffic? _cross;
    private PacketLog? _sent, _arrived;

    private Network(LinkScenario scenario)
    {
        Server = new(ServerAddress);
        Client = new(ClientAddress);
        Nat nat = new(scenario, ClientAddress);
        _toServer = new(scenario, Client.Descriptor, Server.Descriptor, nat, towardsServer: true);
        _toClient = new(scenario, Server.Descriptor, Client.Descriptor, nat, towardsServer: false);
        _cross = scenario.HasCrossTraffic ? new(Server, Client) : null;
    }

    // The addresses that the public runner uses.
    public static IPAddress ServerAddress { get; } = IPAddress.Parse("193.167.100.100");

    public static IPAddress ClientAddress { get; } = IPAddress.Parse("193.167.0.100");

    public NetworkPlace Server { get; }

    public NetworkPlace Client { get; }

    /// <exception cref="PeersUnavailableException">This machine does not permit it.</exception>
    public static Network Start(LinkScenario scenario)
    {
        try
        {
            return new(scenario);
        }
        catch (IOException e)
        {
            throw new PeersUnavailableException($"no emulated network: {e.Message} Run as root, or under `unshare -Ur`.");
        }
    }

    /// <summary>Writes down what both ends send, and what arrives of it.</summary>
    /// <param name="folder">Gets <c>sent.pcap</c> and <c>arrived.pcap</c>.</param>
    public void Record(string folder)
    {
        (_sent, _arrived) = (new(Path.Combine(folder, "sent.pcap")), new(Path.Combine(folder, "arrived.pcap")));
        (_toServer.Sent, _toServer.Arrived, _toClient.Sent, _toClient.Arrived) = (_sent, _arrived, _sent, _arrived);
    }

    /// <summary>What the link has done.</summary>
    public string Describe() => string.Create(
        CultureInfo.InvariantCulture,
        $"{_toServer.Passed}+{_toClient.Passed} packets, {_toServer.Dropped + _toClient.Dropped} dropped, {_toServer.Corrupted + _toClient.Corrupted} corrupted{(_toServer.Rebinds > 0 ? $", {_toServer.Rebinds} rebinds" : "")}{(_cross is null ? "" : $", TCP beside it {_cross.Bytes / 1024} KiB")}");

    public void Dispose()
    {
        _cross?.Dispose();
        _toServer.Dispose();
        _toClient.Dispose();
        Server.Dispose();
        Client.Dispose();
        _sent?.Dispose();
        _arrived?.Dispose();
    }
}
