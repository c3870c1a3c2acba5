using Net.Migration.Envelope;

namespace Net.Migration.Directory;

/// <summary>Something asked of the directory.</summary>
/// <param name="Id">Chosen by who asks; comes back in the answer, and a repeated write keeps its meaning under a new one.</param>
/// <param name="Component">The record's name.</param>
internal abstract record OwnershipRequest(ulong Id, string Component);

/// <summary>Asks for the record as it is. Never enough to know that a write under way will not come (DESIGN, section 3).</summary>
internal sealed record ReadOwnership(ulong Id, string Component) : OwnershipRequest(Id, Component);

/// <summary>Creates a record at epoch 1 with a fresh shard; loses against one that exists.</summary>
internal sealed record CreateOwnership(ulong Id, string Component, Member Owner) : OwnershipRequest(Id, Component);

/// <summary>The commit of a hand-over: (source, epoch) becomes (destination, epoch + 1). Asked for by the source and nobody else.</summary>
internal sealed record MoveOwnership(ulong Id, string Component, Member Source, ulong Epoch, Member Destination, SnapshotHash Hash)
    : OwnershipRequest(Id, Component);

/// <summary>The source's own write after its final state has left: (source, epoch) becomes (source, epoch + 1), so that no commit of the epoch can follow.</summary>
internal sealed record AbortOwnership(ulong Id, string Component, Member Source, ulong Epoch) : OwnershipRequest(Id, Component);

/// <summary>A forced take-over: (dead owner, epoch) becomes (host, epoch + 1). Only the failure detector decides it.</summary>
internal sealed record ForceOwnership(ulong Id, string Component, Member DeadOwner, ulong Epoch, Member Host) : OwnershipRequest(Id, Component);

/// <summary>How a request ended. Silence is no outcome: a write that was not answered may have happened, or may still happen.</summary>
internal enum OwnershipOutcome : byte
{
    /// <summary>The record is as asked for (perhaps since an earlier copy of the same request).</summary>
    Done = 0,

    /// <summary>The record is not at the owner and epoch that the write names.</summary>
    Conflict = 1,

    /// <summary>There is no such record.</summary>
    Unknown = 2,

    /// <summary>The one who asked may not ask for this.</summary>
    Refused = 3,
}

/// <summary>The answer to a request; it may be late, come twice, or never.</summary>
/// <param name="Id">That of the request.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Record">The record after it; null when there is none.</param>
internal sealed record OwnershipAnswer(ulong Id, OwnershipOutcome Outcome, OwnershipRecord? Record);
