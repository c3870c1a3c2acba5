namespace Net.Core.Streams;

internal enum ReadEndKind : byte
{
    /// <summary>More may come.</summary>
    Open,

    /// <summary>Every byte up to the peer's FIN was read.</summary>
    Finished,

    /// <summary>The peer gave up sending (RESET_STREAM); what was not read is gone.</summary>
    Reset,

    /// <summary>The stream is not there any more, or its reading side was given up here: its end was told before.</summary>
    Closed,
}

/// <summary>How reading from a stream ends.</summary>
/// <param name="Kind">Whether and how.</param>
/// <param name="Code">The peer's application error code, for <see cref="ReadEndKind.Reset"/>.</param>
internal readonly record struct ReadEnd(ReadEndKind Kind, ulong Code = 0);
