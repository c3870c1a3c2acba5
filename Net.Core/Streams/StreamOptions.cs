namespace Net.Core.Streams;

/// <summary>How much a peer may make us hold, and how much the application may have us hold for it.</summary>
/// <remarks>Windows grow with what the application reads, see <see cref="WindowTuner"/>, never with what a peer sends or asks for.</remarks>
internal sealed record StreamOptions
{
    /// <summary>Bytes that a peer may send ahead of the reader on one stream, at first.</summary>
    public ulong StreamWindow { get; init; } = 256 * 1024;

    /// <summary>Instead of <see cref="StreamWindow"/>, where set: on bidirectional streams that we open.</summary>
    public ulong LocalBidirectionalWindow { get => field > 0 ? field : StreamWindow; init; }

    /// <summary>Likewise on those that the peer opens.</summary>
    public ulong RemoteBidirectionalWindow { get => field > 0 ? field : StreamWindow; init; }

    /// <summary>Likewise on unidirectional ones.</summary>
    public ulong UnidirectionalWindow { get => field > 0 ? field : StreamWindow; init; }

    /// <summary>As far as that may grow, when the reader is fast and the path long; at or below <see cref="StreamWindow"/> it never does.</summary>
    public ulong MaxStreamWindow { get; init; } = 6 * 1024 * 1024;

    /// <summary>Bytes that a peer may send ahead of the readers on all streams together, at first.</summary>
    public ulong ConnectionWindow { get; init; } = 1024 * 1024;

    /// <summary>As far as that may grow: what one connection can make us hold at most.</summary>
    public ulong MaxConnectionWindow { get; init; } = 16 * 1024 * 1024;

    /// <summary>Bidirectional streams that a peer may have open at a time.</summary>
    public ulong MaxBidirectional { get; init; } = 100;

    /// <summary>Unidirectional streams that a peer may have open at a time.</summary>
    public ulong MaxUnidirectional { get; init; } = 100;

    /// <summary>Bytes that a stream takes from the application before they are acknowledged.</summary>
    public ulong SendBuffer { get; init; } = 512 * 1024;
}
