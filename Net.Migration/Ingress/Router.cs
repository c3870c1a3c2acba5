using System.Buffers.Binary;
using Net.Core.Crypto;
using Net.Core.Endpoints;
using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Ingress;

/// <summary>The ingress's decisions: which node gets a client's datagram, and whether a node's datagram may pass. Pure.</summary>
/// <remarks>
/// From clients (DESIGN, section 5): a short header by the shard in its destination ID. A long one by the table, then by the shard in the ID
/// (0 = by name), then by the server name in the ClientHello, as soon as that is there, else to the default component. While the owner freezes, is unknown or dead,
/// or (for first Initials) is about to move, datagrams are held and go to the winner in order.
///
/// From nodes: below the shard's epoch is dropped; at it passes; above it, or of a shard that is not known, is held while the directory is
/// asked. After a start nothing is known until <see cref="OnSynchronized"/>: everything is held.
///
/// Call <see cref="TryTakeOutput"/> until it is empty after every call, before the next: what was held goes before what comes.
/// </remarks>
/// <param name="options">Limits and the default component.</param>
/// <param name="protection">How Initials are opened.</param>
/// <param name="shards">Reads IDs, until other keys are told.</param>
/// <param name="hash0">Random: first half of the key of the tables' hash.</param>
/// <param name="hash1">Random: second half.</param>
internal sealed class Router(RouterOptions options, IProtectionSuite protection, ShardReader shards, ulong hash0, ulong hash1)
{
    private readonly AddressHash _hash = new(hash0, hash1);
    private readonly LongHeaderTable _table = new(options, new(hash0, hash1));
    private readonly PendingHellos _pending = new(options, protection, new(hash0, hash1));
    private readonly HeldDatagrams _waiting = new(options.MaxHeldPerClient, options.MaxWaitingBytes, new(hash0, hash1));
    private readonly Dictionary<uint, ShardRoute> _shards = [];
    private readonly Dictionary<string, ShardRoute> _components = new(StringComparer.Ordinal);
    private readonly Dictionary<(Member, string Component), UdpAddress> _nodes = [];

    /// <summary>Names of the components of aggregates, and whose record they share.</summary>
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly Queue<RouterOutput> _outputs = new();
    private ShardReader _reader = shards;

    /// <summary>The ID that was read last: what comes as one burst has the same one, and to read it costs more than all else here.</summary>
    private (ConnectionId Id, uint Shard) _read;
    private List<(IngressHeader Header, byte[] Body, Instant Expires)> _unconfirmed = [];
    private bool _isSynchronized;

    public RouterCounters Counters { get; } = new();

    public bool TryTakeOutput(out RouterOutput output) => _outputs.TryDequeue(out output);

    /// <summary>Highest epoch that this ingress enforces for a shard; 0 when it knows none. What a FenceConfirm tells.</summary>
    public ulong Fence(uint shard) => _shards.TryGetValue(shard, out ShardRoute? route) ? route.Fence : 0;

    /// <summary>The federation's keys have rotated.</summary>
    public void UseKeys(ShardReader shards) => (_reader, _read) = (shards, default);

    /// <summary>A member came, moved or died. Datagrams of its components wait while it is dead.</summary>
    public void OnMember(NodeInfo node, bool isAlive)
    {
        foreach (HostInfo host in node.Hosts)
        {
            if (!isAlive)
            {
                _ = _nodes.Remove((node.Member, host.Component));
                continue;
            }

            _nodes[(node.Member, host.Component)] = host.Data;
            foreach (string name in host.Names)
            {
                if (_names.Count < Ownership.MaxComponents)
                {
                    // Whoever was first keeps it; a record of that very name goes before both.
                    _ = _names.TryAdd(name, host.Component);
                }
            }
        }

        foreach (ShardRoute route in _shards.Values)
        {
            if (route.Record.Owner == node.Member)
            {
                route.Node = AddressOf(route.Record);
                Flush(route);
            }
        }
    }

    /// <summary>A record as the directory shows it; an old one changes nothing.</summary>
    public void OnRecord(OwnershipRecord record, Instant now)
    {
        if (!_shards.TryGetValue(record.Shard, out ShardRoute? route))
        {
            route = new(
                record,
                new(options.MaxHeldPerClient, options.MaxHeldBytesPerComponent, _hash),
                new(options.MaxHeldPerClient, options.MaxHeldBytesPerComponent, _hash));
            _shards[record.Shard] = route;
            _components[record.Component] = route;
        }
        else if (record.Epoch <= route.Fence)
        {
            return;
        }

        // Whoever owns it now has not frozen: markers, and the holding of Initials, were the former owner's.
        route.Record = record;
        route.Node = AddressOf(record);
        (route.IsBuffering, route.HoldsInitials, route.IgnoresMarkers, route.LastMarker) = (false, false, false, 0);
        Flush(route);
        Recheck(now);
    }

    /// <summary>All records and members have been told: what is not known now does not exist.</summary>
    public void OnSynchronized(Instant now)
    {
        _isSynchronized = true;
        foreach (HeldDatagram datagram in _waiting.TakeAll())
        {
            Again(datagram, now);
        }
    }

    /// <summary>The owner asks to hold first Initials of its component, or to let them go. False: the epoch is not the present one.</summary>
    public bool HoldInitials(string component, ulong epoch, bool hold)
    {
        if (!_components.TryGetValue(component, out ShardRoute? route) || route.Fence != epoch)
        {
            return false;
        }

        route.HoldsInitials = hold;
        // The owner that lets go has given its move up and serves: its resume marker may be lost, and its marker may still be on the way.
        route.IgnoresMarkers = !hold;
        route.IsBuffering &= hold;
        Flush(route);
        return true;
    }

    /// <summary>A datagram from a client. The caller forwards it from its own buffer when told so; else it is copied or dropped.</summary>
    public Route OnClient(UdpAddress client, UdpAddress publicAddress, Ecn ecn, ulong receiveMicroseconds, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (!InvariantHeader.TryRead(datagram, CidLayout.Length, out InvariantHeader header) || header.IsNegotiation)
        {
            return Unroutable();
        }

        uint shard;
        bool isNew = false;
        if (!header.IsLong)
        {
            if (!TryReadShard(header.Destination, out shard) || shard == CidLayout.RouteByName)
            {
                return Unroutable();
            }
        }
        else if (_table.TryFind(client, header.Source, now, out uint known, out isNew)
            || _table.TryFind(client, header.Destination, now, out known, out isNew))
        {
            shard = known;
        }
        else if (!TryReadShard(header.Destination, out shard) || !_shards.ContainsKey(shard))
        {
            // A first destination ID is random: only a shard that exists can be meant by it.
            HeldDatagram copy = new(client, publicAddress, ecn, receiveMicroseconds, datagram.ToArray());
            return _isSynchronized ? RouteByName(copy, header, now) : Wait(copy);
        }

        if (!_shards.TryGetValue(shard, out ShardRoute? route))
        {
            return _isSynchronized ? Unroutable() : Wait(new(client, publicAddress, ecn, receiveMicroseconds, datagram.ToArray()));
        }

        return route.CanPass(isNew) ? new(RouteVerdict.Forward, route.Node, shard, route.Fence)
            : Hold(route, new(client, publicAddress, ecn, receiveMicroseconds, datagram.ToArray(), isNew));
    }

    /// <summary>A datagram from a node whose tag is right. <see cref="RouteVerdict.Forward"/>: send the body to the header's client.</summary>
    public RouteVerdict OnNode(in IngressHeader header, ReadOnlySpan<byte> body, Instant now)
    {
        if (header.Type is IngressDatagram.HandBack)
        {
            return OnHandBack(header, body);
        }

        if (header.Type is IngressDatagram.Rerouted)
        {
            Counters.Unroutable++;
            return RouteVerdict.Drop;
        }

        if (!_shards.TryGetValue(header.Shard, out ShardRoute? route) || header.Epoch > route.Fence)
        {
            return HoldUnconfirmed(header, body, now);
        }

        if (header.Epoch < route.Fence)
        {
            Counters.Fenced++;
            return RouteVerdict.Drop;
        }

        if (!header.IsMarker)
        {
            return RouteVerdict.Forward;
        }

        OnMarker(route, header.Type, BinaryPrimitives.ReadUInt64BigEndian(body));
        return RouteVerdict.Drop;
    }

    /// <summary>Forgets what has waited too long. Call it now and then, once a second perhaps.</summary>
    public void Tick(Instant now)
    {
        _table.Expire(now);
        _pending.Expire(now);
        _ = _unconfirmed.RemoveAll(entry => now >= entry.Expires);
    }

    /// <summary>Every datagram of a client that waits here, for whoever reads from the public port next; those of one client in the order in which they came.</summary>
    public IReadOnlyList<HeldDatagram> TakeHeld() =>
    [
        .. _pending.TakeAll(),
        .. _waiting.TakeAll(),
        .. _shards.Values.SelectMany(route => route.HandedBack.TakeAll().Concat(route.Held.TakeAll())),
    ];

    private bool TryReadShard(in ConnectionId id, out uint shard)
    {
        shard = _read.Shard;
        // A client may choose an ID of no length, which is what nothing read is.
        if (id.Length > 0 && id == _read.Id)
        {
            return true;
        }

        if (!_reader.TryRead(id.Span, out shard))
        {
            return false;
        }

        Counters.Read++;
        _read = (id, shard);
        return true;
    }

    private Route Unroutable()
    {
        Counters.Unroutable++;
        return new(RouteVerdict.Drop);
    }

    private Route HeldOrFull(bool isHeld)
    {
        Counters.Held += isHeld ? 1 : 0;
        Counters.Overflowed += isHeld ? 0 : 1;
        return new(isHeld ? RouteVerdict.Held : RouteVerdict.Drop);
    }

    private Route Wait(HeldDatagram datagram) => HeldOrFull(_waiting.TryAdd(datagram));

    private Route Hold(ShardRoute route, HeldDatagram datagram) => HeldOrFull(route.Held.TryAdd(datagram));

    /// <summary>A long header of nobody we know: the ClientHello says for whom it is, once it is complete.</summary>
    private Route RouteByName(HeldDatagram datagram, in InvariantHeader header, Instant now)
    {
        string? name = null;
        bool isOverdue = false;
        IReadOnlyList<HeldDatagram> ready = [datagram];
        if (QuicVersion.IsKnown(header.Version))
        {
            switch (_pending.OnDatagram(datagram, header, now, out ready, out name))
            {
                case Inspection.NeedsMore:
                    Counters.Held++;
                    return new(RouteVerdict.Held);
                case Inspection.Foreign:
                    return Unroutable();
                case Inspection.Overdue:
                    isOverdue = true;
                    break;
                default:
                    break;
            }
        }

        ShardRoute? route = isOverdue && _components.Count == 1 ? _components.Values.First() : null;
        if (route is null && !TryFindComponent(name, out route))
        {
            return Unroutable();
        }

        // An unknown version only gets a Version Negotiation packet: nothing to remember.
        bool isNew = route!.HoldsInitials;
        if (QuicVersion.IsKnown(header.Version))
        {
            if (header.Source.Length > 0)
            {
                _table.Set(datagram.Client, header.Source, route.Record.Shard, isNew, now);
            }

            _table.Set(datagram.Client, header.Destination, route.Record.Shard, isNew, now);
        }

        if (ready.Count == 1 && route.CanPass(isNew))
        {
            return new(RouteVerdict.Forward, route.Node, route.Record.Shard, route.Fence);
        }

        bool areHeld = true;
        foreach (HeldDatagram waiting in ready)
        {
            areHeld &= Pass(route, waiting with { IsNew = isNew });
        }

        return HeldOrFull(areHeld);
    }

    private UdpAddress AddressOf(OwnershipRecord record) => _nodes.GetValueOrDefault((record.Owner, record.Component));

    private bool TryFindComponent(string? serverName, out ShardRoute? route)
    {
        route = null;
        if (serverName is not null && Names.TryLabel(serverName, out string? label) && !_components.TryGetValue(label, out route)
            && _names.TryGetValue(label, out string? record))
        {
            _ = _components.TryGetValue(record, out route);
        }

        return route is not null || _components.TryGetValue(options.DefaultComponent, out route);
    }

    private void OnMarker(ShardRoute route, IngressDatagram type, ulong number)
    {
        // A marker that was overtaken by its own resume marker, or repeated, must not stop the component again.
        if (type is IngressDatagram.Marker && number > route.LastMarker)
        {
            (route.LastMarker, route.IsBuffering) = (number, !route.IgnoresMarkers);
        }
        else if (type is IngressDatagram.ResumeMarker && number >= route.LastMarker)
        {
            (route.LastMarker, route.IsBuffering) = (number, false);
            Flush(route);
        }
    }

    private RouteVerdict OnHandBack(in IngressHeader header, ReadOnlySpan<byte> body)
    {
        // Only once, and only to another owner than the one that did not want it; or to the same, after a freeze that came to nothing.
        if (!_shards.TryGetValue(header.Shard, out ShardRoute? route) || route.Fence < header.Epoch)
        {
            Counters.Unroutable++;
            return RouteVerdict.Drop;
        }

        HeldDatagram datagram = new(header.Client, header.Public, header.Ecn, header.ReceiveMicroseconds, body.ToArray(), WasHandedBack: true);
        if (route.Fence == header.Epoch)
        {
            if (!route.IsBuffering && !route.HoldsInitials)
            {
                Counters.Unroutable++;
                return RouteVerdict.Drop;
            }

            // In the middle of a move only a frozen owner hands back: its marker was lost, or comes later.
            route.IsBuffering = true;
            return HeldOrFull(route.HandedBack.TryAdd(datagram)).Verdict;
        }

        return Pass(route, datagram) ? RouteVerdict.Held : RouteVerdict.Drop;
    }

    private RouteVerdict HoldUnconfirmed(in IngressHeader header, ReadOnlySpan<byte> body, Instant now)
    {
        if (_unconfirmed.Count >= options.MaxUnconfirmed)
        {
            Counters.Overflowed++;
            return RouteVerdict.Drop;
        }

        bool isAsked = false;
        foreach ((IngressHeader held, _, _) in _unconfirmed)
        {
            isAsked |= held.Shard == header.Shard && held.Epoch >= header.Epoch;
        }

        if (!isAsked)
        {
            _outputs.Enqueue(new(RouterOutputKind.CheckShard, default, header, default));
        }

        Counters.Held++;
        _unconfirmed.Add((header, body.ToArray(), now + options.UnconfirmedTimeout));
        return RouteVerdict.Held;
    }

    private void Recheck(Instant now)
    {
        List<(IngressHeader Header, byte[] Body, Instant Expires)> entries = _unconfirmed;
        _unconfirmed = [];
        foreach ((IngressHeader header, byte[] body, Instant expires) in entries)
        {
            if (!_shards.TryGetValue(header.Shard, out ShardRoute? route) || header.Epoch > route.Fence)
            {
                _unconfirmed.Add((header, body, expires));
            }
            else if (OnNode(header, body, now) is RouteVerdict.Forward)
            {
                _outputs.Enqueue(new(RouterOutputKind.ToClient, default, header, body));
            }
        }
    }

    private void Flush(ShardRoute route)
    {
        // These had arrived before the others, and once more would be too often.
        if (!route.IsBuffering && !route.Node.IsNone)
        {
            foreach (HeldDatagram datagram in route.HandedBack.TakeAll())
            {
                _ = Pass(route, datagram);
            }
        }

        foreach (HeldDatagram datagram in route.Held.TakeAll())
        {
            _ = Pass(route, datagram);
        }
    }

    /// <summary>To the owner by way of the outputs, or back into the shard's buffer. False when that is full.</summary>
    private bool Pass(ShardRoute route, HeldDatagram datagram)
    {
        if (!route.CanPass(datagram.IsNew))
        {
            return route.Held.TryAdd(datagram);
        }

        Counters.Rerouted += datagram.WasHandedBack ? 1 : 0;
        IngressHeader header = new()
        {
            Type = datagram.WasHandedBack ? IngressDatagram.Rerouted : IngressDatagram.Data,
            Epoch = route.Fence,
            Shard = route.Record.Shard,
            Client = datagram.Client,
            Public = datagram.Public,
            Ecn = datagram.Ecn,
            ReceiveMicroseconds = datagram.ReceiveMicroseconds,
        };
        _outputs.Enqueue(new(RouterOutputKind.ToNode, route.Node, header, datagram.Bytes));
        return true;
    }

    private void Again(HeldDatagram datagram, Instant now)
    {
        Route again = OnClient(datagram.Client, datagram.Public, datagram.Ecn, datagram.ReceiveMicroseconds, datagram.Bytes, now);
        if (again.Verdict is RouteVerdict.Forward)
        {
            _ = Pass(_shards[again.Shard], datagram);
        }
    }
}
