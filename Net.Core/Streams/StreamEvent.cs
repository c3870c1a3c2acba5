using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>What can happen to a stream, in the order in which the events of one stream are told.</summary>
internal enum StreamEventKind : byte
{
    /// <summary>The peer opened it.</summary>
    Opened,

    /// <summary>There are bytes, or the end, that were not there before.</summary>
    Readable,

    /// <summary>There is room again, after a write was cut short or <c>WriteRoom</c> gave 0.</summary>
    Writable,

    /// <summary>RESET_STREAM came: what was not read is gone. Counts as the end of reading.</summary>
    ResetByPeer,

    /// <summary>STOP_SENDING came: what was not sent is gone. The stream stays until <c>Reset</c> is called.</summary>
    StoppedByPeer,

    /// <summary>All that was written, FIN included, is acknowledged.</summary>
    Finished,

    /// <summary>Both directions have ended: the stream is forgotten.</summary>
    Closed,

    /// <summary>A stream can be opened, after <c>TryOpen</c> had failed; the ID is the one that would come next.</summary>
    StreamsAvailable,
}

/// <summary>Something that happened to a stream, for the application to know.</summary>
/// <param name="Kind">What.</param>
/// <param name="Id">To which stream.</param>
/// <param name="Code">The peer's application error code, for <see cref="StreamEventKind.ResetByPeer"/> and <see cref="StreamEventKind.StoppedByPeer"/>.</param>
internal readonly record struct StreamEvent(StreamEventKind Kind, StreamId Id, ulong Code = 0);
