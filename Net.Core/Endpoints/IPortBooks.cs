using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Endpoints;

/// <summary>What there is once per port, however many endpoints with threads of their own it has: places, what strangers have used up, and who has what.</summary>
/// <remarks>Of an endpoint that is alone: <see cref="PortBooks"/>. Of one among several: the host's, which all of them ask.</remarks>
internal interface IPortBooks
{
    /// <summary>Handshakes of clients that are under way.</summary>
    int Handshakes { get; }

    /// <summary>Whether a client may begin now, for all that is known before its packet is opened.</summary>
    bool HasRoom { get; }

    /// <summary>Takes a place for a client's connection and for its handshake.</summary>
    /// <param name="first">The destination that the client chose: it leads here until the connection is removed.</param>
    /// <returns>False when there is no place, or that ID leads elsewhere already.</returns>
    bool TryBegin(ConnectionId first);

    /// <summary>The handshake of a connection that has begun is complete, or over.</summary>
    void OnHandshakeEnded();

    /// <summary>A connection has come by another way than <see cref="TryBegin"/>: it counts, and is never refused.</summary>
    void OnAdded();

    /// <param name="first">As given to <see cref="TryBegin"/>; null for a connection that came by another way.</param>
    void OnRemoved(ConnectionId? first);

    /// <summary>Whether a connection has begun with the token of this serial.</summary>
    bool IsUsed(UInt128 serial);

    /// <returns>False when another connection has begun with it meanwhile.</returns>
    bool TryUse(UInt128 serial);

    /// <summary>Whether one more stateless reset may be sent.</summary>
    bool TryTakeReset(Instant now);

    /// <summary>Gives a datagram that leads to no connection here to the thread that has its connection.</summary>
    /// <param name="header">Its first packet's.</param>
    /// <param name="datagram">Copied.</param>
    /// <param name="path">Where from, and where to.</param>
    /// <param name="ecn">As it arrived.</param>
    /// <returns>False: no other thread of this port has it.</returns>
    bool TryPass(in InvariantHeader header, ReadOnlySpan<byte> datagram, in NetworkPath path, Ecn ecn);
}
