using Net.Core.Wire;

namespace Net.Tests.Simulation;

/// <summary>Between a client and the world: what leaves from one of its addresses is seen to come from another, and the client knows nothing of it.</summary>
internal sealed class Nat(World world, Peer client)
{
    private readonly Dictionary<UdpAddress, UdpAddress> _outside = [];

    public UdpAddress Outside(UdpAddress inside) => _outside.GetValueOrDefault(inside, inside);

    /// <summary>From now on <paramref name="inside"/> is seen as <paramref name="outside"/>. What is sent to where it was seen before gets nowhere.</summary>
    public void Bind(UdpAddress inside, UdpAddress outside)
    {
        world.Detach(Outside(inside));
        _outside[inside] = outside;
        world.Attach(outside, datagram => client.Deliver(datagram with { To = inside }));
    }
}
