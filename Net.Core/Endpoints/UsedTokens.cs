namespace Net.Core.Endpoints;

/// <summary>The serials of tokens that connections began with: none begins a second one (RFC 9000, section 8.1.4).</summary>
/// <remarks>
/// Bounded: the oldest is forgotten, and could then be used again by the same host within its lifetime. Nodes do not tell each other.
/// Only serials of tokens that we sealed come in here, so nobody can choose what is hashed.
/// </remarks>
internal sealed class UsedTokens(int capacity = UsedTokens.DefaultCapacity)
{
    public const int DefaultCapacity = 16_384;

    private readonly HashSet<UInt128> _serials = [];
    private readonly Queue<UInt128> _order = new();

    public int Count => _order.Count;

    public bool Contains(UInt128 serial) => _serials.Contains(serial);

    /// <returns>False when it was there already.</returns>
    public bool TryAdd(UInt128 serial)
    {
        if (!_serials.Add(serial))
        {
            return false;
        }

        _order.Enqueue(serial);
        if (_order.Count > capacity)
        {
            _serials.Remove(_order.Dequeue());
        }

        return true;
    }
}
