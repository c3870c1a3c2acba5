using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Limits and times of the control side.</summary>
internal sealed record ControlDeskOptions
{
    /// <summary>Clients' side, for `status`.</summary>
    public UdpAddress PublicAddress { get; init; }

    /// <summary>Silence after which a member is dead.</summary>
    public TimeSpan FailureTimeout { get; init; } = FailureDetector.Timeout;

    /// <summary>Members, the dead that are still shown included.</summary>
    public int MaxMembers { get; init; } = StatusReplyMessage.MaxNodes;

    /// <summary>Moves that were asked for and not answered.</summary>
    public int MaxMoves { get; init; } = 256;

    /// <summary>New owners that wait until this ingress has heard of their epoch.</summary>
    public int MaxFences { get; init; } = 1024;

    /// <summary>Nodes that are drained at a time.</summary>
    public int MaxDrains { get; init; } = 64;

    /// <summary>
    /// The longest time that a command may give a move, a drain or a checkpoint; the command line takes no more, so nothing is cut in silence. Far more than any needs: it only keeps one
    /// that nobody answers from taking its place among <see cref="MaxMoves"/> for good, and that is given back sooner when its command goes away, or its owner dies.
    /// </summary>
    public TimeSpan MaxMoveTime { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Beyond a move's time, for the owner's own word that it gave up.</summary>
    public TimeSpan MoveGrace { get; init; } = TimeSpan.FromSeconds(2);
}
