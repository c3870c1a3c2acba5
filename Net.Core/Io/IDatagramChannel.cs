using Net.Core.Paths;
using Net.Core.Wire;

namespace Net.Core.Io;

/// <summary>Where a shard's datagrams come from and go to: a UDP socket, an ingress's link, or the other end of a test.</summary>
/// <remarks>
/// One thread at a time receives, sends and waits; <see cref="Wake"/> may be called by any thread at any time, also after disposal.
/// No member throws for what a peer or the network does: a datagram that cannot be sent is lost, as datagrams are.
/// </remarks>
internal interface IDatagramChannel : IDisposable
{
    /// <summary>The address it is bound to, with the port that the system chose; the wildcard when it is bound to all.</summary>
    UdpAddress Local { get; }

    /// <summary>Bytes that it needs free before every segment of a send buffer.</summary>
    int Headroom { get; }

    /// <summary>Clears the batch and fills it with what has arrived, without waiting.</summary>
    /// <returns>Whether there is anything in the batch.</returns>
    bool TryReceive(ReceiveBatch batch);

    /// <summary>Takes a datagram of a batch out of what the channel wraps around it, such as an ingress's header.</summary>
    /// <param name="datagram">As received; then the part that is QUIC's.</param>
    /// <param name="path">Of the wrapping; then the client's.</param>
    /// <param name="ecn">Likewise.</param>
    /// <returns>False when the channel has dealt with it: it is not for the endpoint.</returns>
    bool TryUnwrap(ref Span<byte> datagram, ref NetworkPath path, ref Ecn ecn) => true;

    /// <summary>Takes what the system has heard (ICMP): nobody listens where a datagram was sent to. Who says so proves nothing.</summary>
    /// <param name="remote">Where the datagram had gone to.</param>
    /// <returns>False when there is no such news, or the channel was not asked to listen for it.</returns>
    bool TryTakeRefusal(out UdpAddress remote)
    {
        remote = default;
        return false;
    }

    /// <summary>Sends the segments of one transmit, in order.</summary>
    /// <param name="buffer">The segments, each behind <see cref="Headroom"/> bytes that the channel may write to.</param>
    /// <param name="transmit">Where to, and how the buffer is cut.</param>
    /// <returns>
    /// False when the network's queue is full: call again with the same arguments (what was sent of it is remembered).
    /// <see cref="Wait"/> then also returns when there is room.
    /// </returns>
    bool TrySend(Span<byte> buffer, in Transmit transmit);

    /// <summary>What is left of a transmit for which there was no room is given up: the next one begins at its own beginning.</summary>
    void Forget()
    {
        // A channel that takes a transmit whole or not at all has nothing to forget.
    }

    /// <summary>Sends several transmits, in order, with as few calls of the system as it can. None is larger than one call takes.</summary>
    /// <param name="pieces">Where their bytes are: those of a transmit behind those of the one before; a piece belongs to one alone.</param>
    /// <returns>How many of them went. Fewer than all: the network's queue is full; call again with the rest.</returns>
    int TrySendMany(ReadOnlySpan<SendPiece> pieces, ReadOnlySpan<Transmit> transmits) => TrySendOneByOne(this, pieces, transmits);

    /// <inheritdoc cref="TrySendMany"/>
    static int TrySendOneByOne(IDatagramChannel channel, ReadOnlySpan<SendPiece> pieces, ReadOnlySpan<Transmit> transmits)
    {
        int sent = 0;
        for (int piece = 0; sent < transmits.Length; sent++)
        {
            using SendPiece.Joined joined = SendPiece.Join(pieces[piece..], transmits[sent].Length);
            if (!channel.TrySend(joined.Bytes, transmits[sent]))
            {
                break;
            }

            piece += joined.Pieces;
        }

        return sent;
    }

    /// <summary>As <see cref="TryReceive"/>, but waits when nothing has arrived, as <see cref="Wait"/> does.</summary>
    /// <param name="timeout">The same one each time, for a call of the system is saved then.</param>
    bool Receive(ReceiveBatch batch, TimeSpan timeout)
    {
        if (TryReceive(batch))
        {
            return true;
        }

        Wait(timeout);
        return TryReceive(batch);
    }

    /// <summary>Returns when a datagram has arrived, when woken, when there is room to send again, or when the time is over; or for no reason.</summary>
    /// <param name="timeout">Zero or less does not wait; <see cref="Timeout.InfiniteTimeSpan"/> and what is longer than a day wait until something happens.</param>
    void Wait(TimeSpan timeout);

    /// <summary>Ends a wait that is running, or else the next one. Thread-safe.</summary>
    void Wake();
}
