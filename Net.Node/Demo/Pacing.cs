namespace Net.Node.Demo;

/// <summary>When moves begin, in bytes of the download, never in time.</summary>
/// <remarks>
/// Move k begins at threshold k, which is k/(moves+1) of the size. While it is under way the client reads on, but stays below the next
/// threshold; and the next move begins only there. So the offsets of commits grow strictly, and the last is below the size.
/// </remarks>
/// <param name="size">Bytes of the download.</param>
/// <param name="moves">Fewer than bytes.</param>
internal sealed class Pacing(long size, int moves)
{
    /// <summary>Where a move begins.</summary>
    /// <param name="move">1 for the first.</param>
    public long Threshold(int move) => (long)((Int128)size * move / (moves + 1));

    /// <summary>Up to where the client may read now.</summary>
    /// <param name="ended">Moves that have ended.</param>
    /// <param name="isMoving">The next one is under way.</param>
    public long Limit(int ended, bool isMoving) => (ended, isMoving) switch
    {
        (_, true) => ended + 1 == moves ? size - 1 : Threshold(ended + 2) - 1,
        _ when ended < moves => Threshold(ended + 1),
        _ => size,
    };

    /// <summary>Whether the next move is to begin at this offset.</summary>
    public bool IsDue(int ended, long offset) => ended < moves && offset >= Threshold(ended + 1);
}
