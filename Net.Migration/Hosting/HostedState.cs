using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>A move that was asked for, and until when it has to be committed.</summary>
internal sealed record MoveAttempt(MigrateMessage Ask, Instant Expires);

/// <summary>A life that may have this node's name beside it.</summary>
internal sealed record Succession(ulong Incarnation, TaskCompletionSource<bool> Noted, TaskCompletionSource Joined)
{
    public HashSet<uint> NotedBy { get; } = [];
}

/// <summary>A component that can be hosted here, and what is being done about it.</summary>
internal sealed class HostedState(HostedComponent component)
{
    public HostedComponent Component { get; } = component;

    public ComponentShard? Shard { get; set; }

    /// <summary>0: not served here.</summary>
    public ulong ServingEpoch { get; set; }

    public bool IsServing => ServingEpoch > 0;

    /// <summary>For <c>status</c>.</summary>
    public ComponentLoad Load => Shard is null ? new(Component.Name, 0) : new(
        Component.Name, Shard.ConnectionCount, Shard.Channel.BytesIn, Shard.Channel.BytesOut, Shard.Checkpoints.Count, Shard.Checkpoints.Newest);

    public bool IsReserved { get; set; }

    /// <summary>A move whose link is not open yet.</summary>
    public MoveAttempt? Connecting { get; set; }

    public SourceDriver? Outgoing { get; set; }

    /// <summary>Ingresses that hold first Initials for the move under way.</summary>
    public HashSet<uint> HeldAt { get; } = [];

    /// <summary>Requests are held for it.</summary>
    public CheckpointAttempt? Checkpointing { get; set; }

    public TakeOverGate? Gate { get; set; }

    public OwnershipRecord? Pending { get; set; }

    /// <summary>Lets go of a hand-over that is over, and serves no epoch that is another's.</summary>
    public void Clean()
    {
        if (Outgoing is not SourceDriver outgoing)
        {
            return;
        }

        if (outgoing.IsForwarding || outgoing.HasLost)
        {
            // What has come back since, under a later epoch, is another matter.
            ServingEpoch = ServingEpoch == outgoing.Epoch ? 0 : ServingEpoch;
        }
        else if (outgoing.HasEnded)
        {
            ServingEpoch = outgoing.ServingEpoch;
        }

        if (outgoing.HasEnded)
        {
            outgoing.Dispose();
            Outgoing = null;
        }
    }
}
