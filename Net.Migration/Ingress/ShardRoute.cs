using Net.Core.Wire;
using Net.Migration.Directory;

namespace Net.Migration.Ingress;

/// <summary>What the router knows about one shard.</summary>
internal sealed class ShardRoute(OwnershipRecord record, HeldDatagrams held, HeldDatagrams handedBack)
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

    /// <summary>The owner has said over its control link that it goes on: what its markers say is out of date until it holds Initials again.</summary>
    public bool IgnoresMarkers { get; set; }

    /// <summary>Highest number of a marker of either kind under this epoch.</summary>
    public ulong LastMarker { get; set; }

    public HeldDatagrams Held { get; } = held;

    /// <summary>What reached the owner behind its marker: it comes before what is <see cref="Held"/>.</summary>
    public HeldDatagrams HandedBack { get; } = handedBack;

    public bool CanPass(bool isNew) => !IsBuffering && !Node.IsNone && !(isNew && HoldsInitials);
}
