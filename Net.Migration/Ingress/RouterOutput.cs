using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Migration.Ingress;

internal enum RouteVerdict
{
    /// <summary>Send it on, now.</summary>
    Forward,

    /// <summary>The router keeps a copy, which comes out of <see cref="Router.TryTakeOutput"/> in its turn.</summary>
    Held,

    /// <summary>Nothing happens.</summary>
    Drop,
}

/// <summary>What becomes of a client's datagram.</summary>
/// <param name="Verdict">The other fields count for <see cref="RouteVerdict.Forward"/> alone.</param>
/// <param name="Node">Data address of the owner.</param>
/// <param name="Shard">For the header.</param>
/// <param name="Epoch">For the header.</param>
internal readonly record struct Route(RouteVerdict Verdict, UdpAddress Node = default, uint Shard = 0, ulong Epoch = 0)
{
    /// <summary>What stands before a client's datagram on its way to the owner.</summary>
    /// <param name="path">From the client to the public address.</param>
    /// <param name="time">When it was received, in microseconds.</param>
    public IngressHeader HeaderFor(in NetworkPath path, Ecn ecn, ulong time) => new()
    {
        Type = IngressDatagram.Data,
        Epoch = Epoch,
        Shard = Shard,
        Client = path.Remote,
        Public = path.Local,
        Ecn = ecn,
        ReceiveMicroseconds = time,
    };
}

internal enum RouterOutputKind
{
    /// <summary>Send the bytes to the node behind the header.</summary>
    ToNode,

    /// <summary>Send the bytes, which have no header, to the client of <see cref="RouterOutput.Header"/> from its public address.</summary>
    ToClient,

    /// <summary>Ask the directory for the records of this shard (all of them, when it keeps no index).</summary>
    CheckShard,
}

/// <summary>Something that the router releases or asks for.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Node">For <see cref="RouterOutputKind.ToNode"/>.</param>
/// <param name="Header">Client, public address, ECN, time; for <see cref="RouterOutputKind.CheckShard"/> shard and epoch.</param>
/// <param name="Bytes">Without header.</param>
internal readonly record struct RouterOutput(RouterOutputKind Kind, UdpAddress Node, IngressHeader Header, ReadOnlyMemory<byte> Bytes);

/// <summary>What was dropped, by reason, what was held, and what was read.</summary>
internal sealed record RouterCounters
{
    /// <summary>Below the highest epoch of its shard: an old owner, fenced.</summary>
    public long Fenced { get; set; }

    /// <summary>A limit was reached.</summary>
    public long Overflowed { get; set; }

    /// <summary>No QUIC, or of no shard and no name that is known.</summary>
    public long Unroutable { get; set; }

    /// <summary>Handed back by a former owner, and passed on to the present one.</summary>
    public long Rerouted { get; set; }

    /// <summary>Kept for later.</summary>
    public long Held { get; set; }

    /// <summary>Connection IDs whose shard was read: one for a burst, and none where the table of long headers knows.</summary>
    public long Read { get; set; }
}
