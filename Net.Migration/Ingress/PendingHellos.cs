using Net.Core.Crypto;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Migration.Ingress;

/// <summary>First flights whose ClientHello is not complete, with their datagrams. Bounded in number, bytes and time; the oldest gives way.</summary>
internal sealed class PendingHellos(RouterOptions options, IProtectionSuite protection, AddressHash hash)
{
    private readonly Dictionary<(UdpAddress Client, ConnectionId Destination), Pending> _pending = new(new KeyComparer(hash));
    private readonly Queue<(UdpAddress Client, ConnectionId Destination, Pending Pending)> _order = new();
    private int _bytes;

    public int Count => _pending.Count;

    /// <param name="datagram">Its first packet has a long header of a known version.</param>
    /// <param name="header">That header.</param>
    /// <param name="now">The time.</param>
    /// <param name="ready">When somebody is to get them: all datagrams of the connection, in order.</param>
    /// <param name="serverName">When complete and there is one.</param>
    public Inspection OnDatagram(HeldDatagram datagram, in InvariantHeader header, Instant now, out IReadOnlyList<HeldDatagram> ready, out string? serverName)
    {
        Expire(now);
        (UdpAddress, ConnectionId) key = (datagram.Client, header.Destination);
        ready = [datagram];
        bool isKnown = _pending.TryGetValue(key, out Pending? pending);
        pending ??= new(new(protection, header.Version, header.Destination), now, now + options.PendingTimeout);
        Inspection inspection = pending.Inspector.OnDatagram(datagram.Bytes);
        serverName = pending.Inspector.ServerName;
        if (inspection is Inspection.NeedsMore && !pending.Inspector.HasGrown && now >= pending.Since + options.HelloPatience)
        {
            inspection = Inspection.Overdue;
        }

        if (inspection is Inspection.Complete or Inspection.Malformed or Inspection.Overdue)
        {
            Charge(pending, datagram);
            ready = [.. pending.Datagrams];
            _ = _pending.Remove(key);
            Forget(pending);
            return inspection;
        }

        // Early data of a flight that has begun waits with it; what opens with no key and belongs to nothing is dropped.
        bool hasRoom = pending.Datagrams.Count < options.MaxDatagramsPerHello;
        if (!hasRoom || (inspection is Inspection.Foreign && !isKnown))
        {
            if (!isKnown)
            {
                Forget(pending);
            }

            return Inspection.Foreign;
        }

        if (!isKnown)
        {
            _pending[key] = pending;
            _order.Enqueue((datagram.Client, header.Destination, pending));
        }

        Charge(pending, datagram);
        while (_pending.Count > options.MaxPendingHellos || _bytes > options.MaxPendingBytes || _order.Count > 2 * options.MaxPendingHellos)
        {
            DropOldest();
        }

        return Inspection.NeedsMore;
    }

    public void Expire(Instant now)
    {
        while (_order.TryPeek(out (UdpAddress Client, ConnectionId Destination, Pending Pending) oldest)
            && (oldest.Pending.IsForgotten || now >= oldest.Pending.Expires))
        {
            DropOldest();
        }
    }

    /// <summary>Takes all out, in the order in which their connections began.</summary>
    public IReadOnlyList<HeldDatagram> TakeAll()
    {
        List<HeldDatagram> all = [];
        while (_order.TryPeek(out (UdpAddress Client, ConnectionId Destination, Pending Pending) oldest))
        {
            all.AddRange(oldest.Pending.Datagrams);
            DropOldest();
        }

        return all;
    }

    private void DropOldest()
    {
        (UdpAddress client, ConnectionId destination, Pending pending) = _order.Dequeue();
        if (!pending.IsForgotten)
        {
            _ = _pending.Remove((client, destination));
            Forget(pending);
        }
    }

    private void Forget(Pending pending)
    {
        _bytes -= pending.Charged;
        pending.Charged = 0;
        pending.Datagrams.Clear();
        pending.IsForgotten = true;
        pending.Inspector.Dispose();
    }

    /// <summary>Both its datagrams and what its inspector has put together count.</summary>
    private void Charge(Pending pending, HeldDatagram datagram)
    {
        pending.Datagrams.Add(datagram);
        int charge = pending.Inspector.Memory;
        foreach (HeldDatagram held in pending.Datagrams)
        {
            charge += held.Bytes.Length;
        }

        _bytes += charge - pending.Charged;
        pending.Charged = charge;
    }

    private sealed class Pending(InitialInspector inspector, Instant since, Instant expires)
    {
        public InitialInspector Inspector { get; } = inspector;

        public Instant Since { get; } = since;

        public Instant Expires { get; } = expires;

        public List<HeldDatagram> Datagrams { get; } = [];

        public int Charged { get; set; }

        public bool IsForgotten { get; set; }
    }

    private sealed class KeyComparer(AddressHash hash) : IEqualityComparer<(UdpAddress Client, ConnectionId Destination)>
    {
        public bool Equals((UdpAddress Client, ConnectionId Destination) x, (UdpAddress Client, ConnectionId Destination) y) => x == y;

        public int GetHashCode((UdpAddress Client, ConnectionId Destination) obj) => hash.Of(obj.Client) ^ (hash.Of(obj.Destination) * 31);
    }
}
