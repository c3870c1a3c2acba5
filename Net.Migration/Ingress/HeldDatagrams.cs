using Net.Core.Wire;

namespace Net.Migration.Ingress;

/// <summary>A client's datagram that waits.</summary>
/// <param name="Client">Who sent it.</param>
/// <param name="Public">Where it arrived.</param>
/// <param name="Ecn">As it arrived.</param>
/// <param name="ReceiveMicroseconds">When, on the ingress's clock.</param>
/// <param name="Bytes">All of it.</param>
/// <param name="IsNew">Belongs to a connection that began while first Initials were held.</param>
/// <param name="WasHandedBack">It must not come back a second time.</param>
internal sealed record HeldDatagram(
    UdpAddress Client, UdpAddress Public, Ecn Ecn, ulong ReceiveMicroseconds, byte[] Bytes, bool IsNew = false, bool WasHandedBack = false);

/// <summary>Datagrams of clients in the order in which they came, bounded per client and in bytes. What comes when it is full is refused.</summary>
internal sealed class HeldDatagrams(int maxPerClient, int maxBytes, AddressHash hash)
{
    private readonly Dictionary<UdpAddress, int> _perClient = new(new ClientComparer(hash));
    private List<HeldDatagram> _held = [];

    public int Count => _held.Count;

    public int Bytes { get; private set; }

    public bool TryAdd(HeldDatagram datagram)
    {
        int count = _perClient.GetValueOrDefault(datagram.Client);
        if (count >= maxPerClient || Bytes + datagram.Bytes.Length > maxBytes)
        {
            return false;
        }

        _perClient[datagram.Client] = count + 1;
        Bytes += datagram.Bytes.Length;
        _held.Add(datagram);
        return true;
    }

    /// <summary>Takes all out, in order: who cannot go yet is added again.</summary>
    public IReadOnlyList<HeldDatagram> TakeAll()
    {
        List<HeldDatagram> all = _held;
        _held = [];
        _perClient.Clear();
        Bytes = 0;
        return all;
    }

    private sealed class ClientComparer(AddressHash hash) : IEqualityComparer<UdpAddress>
    {
        public bool Equals(UdpAddress x, UdpAddress y) => x == y;

        public int GetHashCode(UdpAddress obj) => hash.Of(obj);
    }
}
