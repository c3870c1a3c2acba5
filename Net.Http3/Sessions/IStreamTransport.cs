using Net.Core.Connections;
using Net.Core.Wire;

namespace Net.Http3.Sessions;

/// <summary>Whether more can come on a stream's receiving side.</summary>
internal enum StreamEnd
{
    /// <summary>More may come, or there are bytes that were not consumed.</summary>
    Open,

    /// <summary>All bytes were consumed, and the peer's FIN stands behind them.</summary>
    Finished,

    /// <summary>The peer reset it: what was not consumed is gone.</summary>
    Reset,
}

/// <summary>What HTTP/3 needs of a QUIC connection's streams: the seam between this package and Net.Core's connection.</summary>
/// <remarks>
/// Pure like the connection itself: no call blocks. The owner of the connection passes its events on to the session
/// (<see cref="Http3Session.OnReadable"/> and its neighbours). Calls for a stream that has ended are ignored, or give "nothing".
/// </remarks>
internal interface IStreamTransport
{
    bool IsServer { get; }

    /// <summary>A number that differs from connection to connection, and stays the same when one moves. No secret: a client chooses it.</summary>
    ulong Seed { get; }

    /// <summary>Whether a stream of the peer is within the limit that it was told, opened or not.</summary>
    bool IsPermitted(StreamId id);

    /// <summary>Streams of either side that are open, in no order.</summary>
    IEnumerable<StreamId> OpenStreams { get; }

    /// <summary>Bytes that <see cref="Write"/> took and the peer has not acknowledged in order.</summary>
    ulong Unacknowledged(StreamId id);

    /// <summary>Something that <see cref="Write"/> took, bytes or a FIN, has not arrived, and still may: the stream was not reset.</summary>
    bool IsDelivering(StreamId id);

    /// <summary>Opens a stream of ours; <c>false</c> when the peer's limit is reached.</summary>
    bool TryOpen(bool unidirectional, out StreamId id);

    /// <summary>Puts bytes into the send buffer and says how many it took; the FIN only counts when it took all.</summary>
    int Write(StreamId id, ReadOnlySpan<byte> data, bool fin);

    /// <summary>Bytes that the next <see cref="Write"/> certainly takes.</summary>
    int WriteRoom(StreamId id);

    /// <summary>Contiguous bytes that have arrived and were not consumed; valid until the next call. Not always all that have arrived.</summary>
    ReadOnlySpan<byte> Peek(StreamId id);

    void Consume(StreamId id, int count);

    StreamEnd ReadState(StreamId id);

    void Reset(StreamId id, ulong code);

    void StopSending(StreamId id, ulong code);

    /// <summary>Urgency 0 (first) to 7, and whether streams of one urgency take turns (RFC 9218).</summary>
    void SetPriority(StreamId id, int urgency, bool incremental);

    /// <summary>Whether the stream stays among those that the peer has open until it is let go, also when both directions are done.</summary>
    void SetHeld(StreamId id, bool isHeld);

    /// <summary>The peer owes an answer: the connection is kept open meanwhile, however long it is silent (RFC 9114, section 5.1).</summary>
    void ExpectAnswer(bool expects)
    {
        // One that is not kept open ends with its idle timeout.
    }

    /// <summary>Somebody observes the connection: there is a point in <see cref="Tell"/>.</summary>
    bool IsObserved => false;

    /// <summary>An event for who observes the connection.</summary>
    void Tell(IApplicationEvent e)
    {
        // Nobody does.
    }

    /// <summary>Closes the connection with an application error code.</summary>
    void Close(ulong code, string reason);
}
