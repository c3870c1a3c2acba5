using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.Link;

namespace Net.Migration.HandOver;

/// <summary>What one attempt is about. Random values come from the host.</summary>
/// <param name="Attempt">Random number, never used before.</param>
/// <param name="Record">The record under which the source serves.</param>
/// <param name="Destination">Who shall take it.</param>
/// <param name="Connections">How many there are, about.</param>
/// <param name="StateBytes">How large they are, about.</param>
/// <param name="Share">32 random bytes for the snapshot's key.</param>
/// <param name="FirstRequest">Numbers of directory requests count up from here.</param>
internal sealed record HandOverPlan(
    ulong Attempt, OwnershipRecord Record, Member Destination, uint Connections, ulong StateBytes, ReadOnlyMemory<byte> Share, ulong FirstRequest)
{
    public Member Source => Record.Owner;

    public ulong Epoch => Record.Epoch;

    public SnapshotBinding Binding => new(Record.Component, Epoch, Record.Shard, Source, Destination, Attempt);

    public PrepareMessage Prepare(TimeSpan timeout) =>
        new(Attempt, Record.Component, Epoch, Record.Shard, Source, Destination, HandOverOptions.SnapshotVersion, Connections, StateBytes, timeout, Share);
}

/// <summary>Times and limits of a hand-over.</summary>
internal sealed record HandOverOptions
{
    /// <summary>Format of the image that this release writes and reads.</summary>
    public const ushort SnapshotVersion = 1;

    /// <summary>From the start to the commit; then the attempt is given up.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long handshakes under way may still end before the freeze.</summary>
    public TimeSpan HandshakeGrace { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Between repetitions of a directory request that has no answer.</summary>
    public TimeSpan Retry { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>How long the source passes on what still arrives.</summary>
    public TimeSpan Linger { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the report waits for the destination's word that it serves.</summary>
    public TimeSpan ReportGrace { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long beyond the source's timeout a destination keeps what is not complete.</summary>
    public TimeSpan DestinationSlack { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a destination that is ready waits for news before it asks the directory, and between repetitions.</summary>
    public TimeSpan StandbyPoll { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Sealed bytes that a destination takes in one attempt.</summary>
    public long MaxSealedBytes { get; init; } = 4L << 30;
}
