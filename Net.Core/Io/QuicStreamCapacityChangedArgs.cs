namespace Net.Core.Io;

/// <summary>How many streams more than before the peer permits to open (MAX_STREAMS), for <see cref="QuicConnectionOptions.StreamCapacityCallback"/>.</summary>
public readonly struct QuicStreamCapacityChangedArgs
{
    /// <summary>Bidirectional streams.</summary>
    public int BidirectionalIncrement { get; init; }

    /// <summary>Unidirectional streams.</summary>
    public int UnidirectionalIncrement { get; init; }
}
