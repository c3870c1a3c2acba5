using Net.Core.Wire;

namespace Net.Migration.Ingress;

/// <summary>A keyed hash of addresses, for tables that clients fill (checklist S9).</summary>
internal sealed class AddressHash(ulong hash0, ulong hash1)
{
    private readonly ConnectionIdComparer _keyed = new(hash0, hash1);

    public int Of(UdpAddress address)
    {
        // An address in its fixed form has 19 bytes, a connection ID up to 20, and its hash is SipHash.
        Span<byte> bytes = stackalloc byte[UdpAddress.EncodedLength];
        ByteWriter writer = new(bytes);
        address.Write(ref writer);
        return _keyed.GetHashCode(new ConnectionId(bytes));
    }

    public int Of(ConnectionId id) => _keyed.GetHashCode(id);
}
