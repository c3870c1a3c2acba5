using System.Runtime.InteropServices;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Migration.Ingress;

/// <summary>Which shard a handshake under way belongs to: (client address, connection ID) to shard. Bounded in number and time.</summary>
internal sealed class LongHeaderTable(RouterOptions options, AddressHash hash)
{
    private readonly Dictionary<(UdpAddress Client, ConnectionId Id), Entry> _entries = new(new KeyComparer(hash));
    private readonly Queue<(UdpAddress Client, ConnectionId Id)> _order = new();

    public int Count => _entries.Count;

    /// <param name="client">Its address.</param>
    /// <param name="id">Its source ID, or the first destination it chose.</param>
    /// <param name="now">The time: a use keeps the entry alive.</param>
    /// <param name="shard">Where it goes.</param>
    /// <param name="isNew">It began while first Initials were held.</param>
    public bool TryFind(UdpAddress client, ConnectionId id, Instant now, out uint shard, out bool isNew)
    {
        ref Entry entry = ref CollectionsMarshal.GetValueRefOrNullRef(_entries, (client, id));
        bool found = !System.Runtime.CompilerServices.Unsafe.IsNullRef(ref entry) && now < entry.Expires;
        (shard, isNew) = found ? (entry.Shard, entry.IsNew) : (0, false);
        if (found)
        {
            entry.Expires = now + options.TableTimeout;
        }

        return found;
    }

    public void Set(UdpAddress client, ConnectionId id, uint shard, bool isNew, Instant now)
    {
        Expire(now);
        while (_entries.Count >= options.MaxTable)
        {
            _ = _entries.Remove(_order.Dequeue());
        }

        if (!_entries.ContainsKey((client, id)))
        {
            _order.Enqueue((client, id));
        }

        _entries[(client, id)] = new() { Shard = shard, IsNew = isNew, Expires = now + options.TableTimeout };
    }

    /// <summary>Looks at a few of the oldest: one that was used since goes to the end, one that was not is forgotten.</summary>
    public void Expire(Instant now)
    {
        for (int budget = 8; budget > 0 && _order.TryDequeue(out (UdpAddress Client, ConnectionId Id) key); budget--)
        {
            if (now < _entries[key].Expires)
            {
                _order.Enqueue(key);
            }
            else
            {
                _ = _entries.Remove(key);
            }
        }
    }

    private struct Entry
    {
        public uint Shard;
        public bool IsNew;
        public Instant Expires;
    }

    private sealed class KeyComparer(AddressHash hash) : IEqualityComparer<(UdpAddress Client, ConnectionId Id)>
    {
        public bool Equals((UdpAddress Client, ConnectionId Id) x, (UdpAddress Client, ConnectionId Id) y) => x == y;

        public int GetHashCode((UdpAddress Client, ConnectionId Id) obj) => hash.Of(obj.Client) ^ (hash.Of(obj.Id) * 31);
    }
}
