using Net.Core.Wire;
using Net.Migration.Directory;

namespace Net.Migration.Ingress;

/// <summary>What the router knows about one shard.</summary>
internal sealed class ShardRoute(OwnershipRecord record, HeldDatagrams held)
{
    public OwnershipRecord Record { get; set; } = record;

    /// <summary>The highest epoch seen: nothing below it passes, in either direction.</summary>
    public ulong Fence => Record.Epoch;

    /// <summary>The owner's data address; none while it is not known or dead.</summary>
    public UdpAddress Node { get; set; }

    /// <summary>The owner's marker said that it freezes.</summary>
    public bool IsBuffering { get; set; }

    /// <summary>First Initials wait for the winner.</summary>
    public bool HoldsInitials { get; set; }

    /// <summary>Highest number of a marker of either kind under this epoch.</summary>
    public ulong LastMarker { get; set; }

    public HeldDatagrams Held { get; } = held;

    public bool CanPass(bool isNew) => !IsBuffering && !Node.IsNone && !(isNew && HoldsInitials);
}
