namespace Net.Core.Streams;

/// <summary>How much a peer may make us hold, and how much the application may have us hold for it.</summary>
/// <remarks>Windows are fixed: only bytes that the application has read move them, never what a peer sends or asks for.</remarks>
internal sealed record StreamOptions
{
    /// <summary>Bytes that a peer may send ahead of the reader on one stream.</summary>
    public ulong StreamWindow { get; init; } = 256 * 1024;

    /// <summary>Bytes that a peer may send ahead of the readers on all streams together.</summary>
    public ulong ConnectionWindow { get; init; } = 1024 * 1024;

    /// <summary>Bidirectional streams that a peer may have open at a time.</summary>
    public ulong MaxBidirectional { get; init; } = 100;

    /// <summary>Unidirectional streams that a peer may have open at a time.</summary>
    public ulong MaxUnidirectional { get; init; } = 100;

    /// <summary>Bytes that a stream takes from the application before they are acknowledged.</summary>
    public ulong SendBuffer { get; init; } = 512 * 1024;
}
