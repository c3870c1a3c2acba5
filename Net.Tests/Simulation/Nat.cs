using Net.Core.Wire;

namespace Net.Tests.Simulation;

/// <summary>Between a client and the world: what leaves from one of its addresses is seen to come from another, and the client knows nothing of it.</summary>
/// <param name="deliver">What arrives for the client, at the address that it knows of.</param>
internal sealed class Nat(World world, Action<Datagram> deliver)
{
    private readonly Dictionary<UdpAddress, UdpAddress> _outside = [];

    public Nat(World world, Peer client)
        : this(world, client.Deliver)
    {
    }

    public UdpAddress Outside(UdpAddress inside) => _outside.GetValueOrDefault(inside, inside);

    /// <summary>From now on <paramref name="inside"/> is seen as <paramref name="outside"/>. What is sent to where it was seen before gets nowhere.</summary>
    public void Bind(UdpAddress inside, UdpAddress outside)
    {
        world.Detach(Outside(inside));
        _outside[inside] = outside;
        world.Attach(outside, datagram => deliver(datagram with { To = inside }));
    }
}
