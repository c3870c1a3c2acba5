using System.Diagnostics.CodeAnalysis;
using Net.Migration.Envelope;

namespace Net.Migration.Directory;

/// <summary>All ownership records and the compare-and-swap that changes them. Pure: storage stands around it (<see cref="EmbeddedDirectory"/>).</summary>
/// <remarks>
/// <code>
/// request                                asked by          record before   record after                 else
/// Create(owner)                          owner             none            (owner, 1, fresh shard)      Conflict
/// Move(source, e, destination, hash)     source            (source, e)     (destination, e+1, hash)     Conflict
/// Abort(source, e)                       source            (source, e)     (source, e+1)                Conflict
/// Force(dead, e, host)                   failure detector  (dead, e)       (host, e+1)                  Conflict
/// Read                                   anybody           any             unchanged                    Unknown
/// </code>
/// A write that finds the record exactly as it would leave it is Done again: it is a repetition whose first answer was lost. That is
/// unambiguous, as each way to leave (owner, e) ends in a record that no other way can produce: an owner's life is in its
/// <see cref="Member.Incarnation"/>, a move goes to another member with a hash, a forced take-over to another member without one.
/// </remarks>
internal sealed class Ownership
{
    /// <summary>Components of one federation: bounds memory and the log.</summary>
    public const int MaxComponents = 4096;

    /// <summary>The one whose forced take-overs count: the directory's own failure detector.</summary>
    public static readonly Member FailureDetector = new("failure-detector", ulong.MaxValue);

    private readonly Dictionary<string, OwnershipRecord> _records = new(StringComparer.Ordinal);
    private uint _lastShard;

    public IReadOnlyCollection<OwnershipRecord> Records => _records.Values;

    public bool TryGet(string component, [NotNullWhen(true)] out OwnershipRecord? record) => _records.TryGetValue(component, out record);

    /// <summary>What a request would do, without doing it: the record must be durable before it is <see cref="Install"/>ed and answered.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="requester">Who asks, as its link's certificate says; never taken from the request itself.</param>
    /// <param name="changed">The record to store and install; null when nothing changes.</param>
    public OwnershipAnswer Decide(OwnershipRequest request, Member requester, out OwnershipRecord? changed) => Decide(request, requester, 0, out changed);

    /// <inheritdoc cref="Decide(OwnershipRequest, Member, out OwnershipRecord?)"/>
    /// <param name="created">Other components whose first records were decided and are not installed yet: they have numbers.</param>
    public OwnershipAnswer Decide(OwnershipRequest request, Member requester, int created, out OwnershipRecord? changed) =>
        Decide(request, requester, _records.GetValueOrDefault(request.Component), new(_lastShard + (uint)created, _records.Count + created), out changed);

    /// <summary>The same over a record that is kept elsewhere: the decision holds as long as that record, and what is counted, is as given here.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="requester">Who asks, as authenticated.</param>
    /// <param name="record">The component's; null: there is none.</param>
    /// <param name="counts">Of the whole directory; only a new record depends on them.</param>
    /// <param name="changed">The record to store; null when nothing changes.</param>
    public static OwnershipAnswer Decide(
        OwnershipRequest request, Member requester, OwnershipRecord? record, OwnershipCounts counts, out OwnershipRecord? changed)
    {
        changed = null;
        if (request is ReadOwnership)
        {
            return new(request.Id, record is null ? OwnershipOutcome.Unknown : OwnershipOutcome.Done, record);
        }

        if (!MayAsk(request, requester))
        {
            return new(request.Id, OwnershipOutcome.Refused, record);
        }

        if (request is CreateOwnership create)
        {
            return DecideCreate(create, record, counts, out changed);
        }

        if (record is null)
        {
            return new(request.Id, OwnershipOutcome.Unknown, null);
        }

        (Member from, ulong epoch, Member to, SnapshotHash hash) = request switch
        {
            MoveOwnership m => (m.Source, m.Epoch, m.Destination, m.Hash),
            AbortOwnership a => (a.Source, a.Epoch, a.Source, SnapshotHash.None),
            ForceOwnership f => (f.DeadOwner, f.Epoch, f.Host, SnapshotHash.None),
            _ => throw new ArgumentException("no such request", nameof(request)),
        };
        if (record.Owner == from && record.Epoch == epoch && epoch < ulong.MaxValue)
        {
            changed = record with { Owner = to, Standby = Member.None, Epoch = epoch + 1, SnapshotHash = hash };
            return new(request.Id, OwnershipOutcome.Done, changed);
        }

        bool isRepetition = epoch < ulong.MaxValue && record.Owner == to && record.Epoch == epoch + 1 && record.SnapshotHash == hash;
        return new(request.Id, isRepetition ? OwnershipOutcome.Done : OwnershipOutcome.Conflict, record);
    }

    /// <summary>Makes a record that was decided, and is durable by now, the present one.</summary>
    /// <returns>False when it cannot follow the present one: another shard, not the next epoch, a shard in use.</returns>
    public bool Install(OwnershipRecord record)
    {
        if (!_records.TryGetValue(record.Component, out OwnershipRecord? before))
        {
            return record.Epoch == 1 && InstallFirst(record);
        }

        if (record.Shard != before.Shard || record.Epoch != before.Epoch + 1)
        {
            return false;
        }

        _records[record.Component] = record;
        return true;
    }

    /// <summary>The same for a component of which there is no record yet, at the epoch that it has come to: where its life so far is not known any more.</summary>
    /// <returns>False when it cannot be: there is one, its shard is not the next, or there are too many.</returns>
    public bool InstallFirst(OwnershipRecord record)
    {
        if (record.Shard != _lastShard + 1 || _records.Count >= MaxComponents || !_records.TryAdd(record.Component, record))
        {
            return false;
        }

        _lastShard = record.Shard;
        return true;
    }

    private static bool MayAsk(OwnershipRequest request, Member requester) => request switch
    {
        CreateOwnership c => requester == c.Owner && !requester.IsNone && Names.IsValid(c.Component),
        // A move to oneself would look like an abort, one without a hash like a forced take-over.
        MoveOwnership m => requester == m.Source && m.Source != m.Destination && !m.Destination.IsNone && !m.Hash.IsNone,
        AbortOwnership a => requester == a.Source,
        ForceOwnership f => requester == FailureDetector && f.Host != f.DeadOwner && !f.Host.IsNone,
        _ => false,
    };

    private static OwnershipAnswer DecideCreate(CreateOwnership create, OwnershipRecord? record, OwnershipCounts counts, out OwnershipRecord? changed)
    {
        changed = null;
        if (record is not null)
        {
            bool isRepetition = record.Owner == create.Owner && record.Epoch == 1;
            return new(create.Id, isRepetition ? OwnershipOutcome.Done : OwnershipOutcome.Conflict, record);
        }

        if (counts.Records >= MaxComponents)
        {
            return new(create.Id, OwnershipOutcome.Refused, null);
        }

        changed = new(create.Component, create.Owner, Member.None, Epoch: 1, counts.LastShard + 1, SnapshotHash.None);
        return new(create.Id, OwnershipOutcome.Done, changed);
    }
}

/// <summary>What a new record depends on.</summary>
/// <param name="LastShard">The highest shard that was ever given to a component.</param>
/// <param name="Records">How many components there are.</param>
internal readonly record struct OwnershipCounts(uint LastShard, int Records);
