namespace Net.Core.Streams;

internal enum WriteEndKind : byte
{
    /// <summary>More may be written.</summary>
    Open,

    /// <summary>All was written, not all acknowledged.</summary>
    Finishing,

    /// <summary>All was written and acknowledged.</summary>
    Finished,

    /// <summary>The peer asked us to stop (STOP_SENDING); a RESET_STREAM went back. Call Reset to let go of the stream.</summary>
    Stopped,

    /// <summary>We gave up sending.</summary>
    Reset,

    /// <summary>The stream is not there any more.</summary>
    Closed,
}

/// <summary>How writing to a stream ends.</summary>
/// <param name="Kind">Whether and how.</param>
/// <param name="Code">The application error code, for <see cref="WriteEndKind.Stopped"/> the peer's, for <see cref="WriteEndKind.Reset"/> ours.</param>
internal readonly record struct WriteEnd(WriteEndKind Kind, ulong Code = 0);
