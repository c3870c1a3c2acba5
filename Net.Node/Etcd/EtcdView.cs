using Net.Migration.Directory;

namespace Net.Node.Etcd;

/// <summary>What etcd holds, as far as it is known here. Fed by lists, changes and answers in any order: what is older changes nothing.</summary>
internal sealed class EtcdView(EtcdKeys keys)
{
    private readonly Dictionary<string, long> _revisions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OwnershipRecord> _records = new(StringComparer.Ordinal);
    private readonly Dictionary<uint, IngressInfo> _ingresses = [];
    private readonly Dictionary<uint, string> _numbers = [];
    private readonly HashSet<(Member Member, uint By)> _seen = [];

    public Queue<OwnershipRecord> Changes { get; } = new();

    public Queue<(IngressInfo Ingress, bool IsAlive)> IngressChanges { get; } = new();

    /// <summary>A component whose record is not what it was (gone, older, of another shard), or "everything"; null: all is well. Epochs could be used twice, so nothing may be written.</summary>
    public string? Lost { get; private set; }

    /// <summary>What else it has lost cannot be known any more: only who begins anew, with its data restored, may trust it.</summary>
    private bool _hasRunBackwards;

    /// <summary>The highest revision that was heard of.</summary>
    public long Revision { get; private set; }

    public uint LastShard { get; private set; }

    public ReadOnlyMemory<byte> SealedKeys { get; private set; }

    public string? Roster { get; private set; }

    public IReadOnlyDictionary<string, OwnershipRecord> Records => _records;

    public IReadOnlyDictionary<uint, IngressInfo> Ingresses => _ingresses;

    /// <summary>Identities of the ingresses that were given a number.</summary>
    public IReadOnlyDictionary<uint, string> Numbers => _numbers;

    public OwnershipCounts Counts => new(LastShard, _records.Count);

    public long RevisionOf(string key) => _revisions.GetValueOrDefault(key);

    public bool IsSeen(Member member, uint notBy)
    {
        foreach ((Member seen, uint by) in _seen)
        {
            if (seen == member && by != notBy)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The cluster has answered a question that was asked when <paramref name="before"/> was known: time does not run backwards there, unless data was lost.</summary>
    public void OnAnswer(long revision, long before)
    {
        Revision = long.Max(Revision, revision);
        if (revision < before)
        {
            _hasRunBackwards = true;
            Lost ??= "everything";
        }
    }

    /// <summary>Everything as it was at one revision: what is not in it is gone.</summary>
    /// <param name="before"><see cref="Revision"/> when it was asked for.</param>
    public void Apply(EtcdSnapshot snapshot, long before)
    {
        Lost = _hasRunBackwards ? "everything" : null;
        OnAnswer(snapshot.Revision, before);
        HashSet<string> present = [.. snapshot.Entries.Select(entry => entry.Key)];
        foreach (string key in _revisions.Where(known => !present.Contains(known.Key) && known.Value <= snapshot.Revision).Select(known => known.Key).ToArray())
        {
            Apply(new EtcdEntry(key, null, snapshot.Revision));
        }

        foreach (EtcdEntry entry in snapshot.Entries)
        {
            Apply(entry);
        }

        foreach (string component in _records.Keys)
        {
            string key = keys.Record(component);
            if (!present.Contains(key) && RevisionOf(key) <= snapshot.Revision)
            {
                Lost ??= component;
            }
        }
    }

    public void Apply(EtcdEntry entry)
    {
        long known = RevisionOf(entry.Key);
        if (entry.Value is null)
        {
            // A key that never was has no revision at all.
            if (known == 0 || (entry.Revision > 0 && entry.Revision < known))
            {
                return;
            }

            _ = _revisions.Remove(entry.Key);
        }
        else if (entry.Revision <= known)
        {
            return;
        }
        else
        {
            _revisions[entry.Key] = entry.Revision;
        }

        Take(keys.Read(entry));
    }

    private void Take(EtcdFact? fact)
    {
        switch (fact)
        {
            case RecordFact record: TakeRecord(record); break;
            // Somebody who deletes them ends nothing: what was known goes on.
            case KeysFact { Sealed: { } bytes }: SealedKeys = bytes; break;
            case TrustFact { Roster: { } roster }: Roster = roster; break;
            case ShardFact shard: LastShard = uint.Max(LastShard, shard.LastShard); break;
            case NumberFact { Identity: string identity } number: _numbers[number.Number] = identity; break;
            case NumberFact number: _ = _numbers.Remove(number.Number); break;
            case IngressFact { Ingress: { } ingress }:
                if (_ingresses.GetValueOrDefault(ingress.Number) != ingress)
                {
                    _ingresses[ingress.Number] = ingress;
                    IngressChanges.Enqueue((ingress, true));
                }

                break;
            case IngressFact gone:
                if (_ingresses.Remove(gone.Number, out IngressInfo? before))
                {
                    IngressChanges.Enqueue((before, false));
                }

                break;
            case SeenFact { IsAlive: true } seen: _ = _seen.Add((seen.Member, seen.By)); break;
            case SeenFact seen: _ = _seen.Remove((seen.Member, seen.By)); break;
            default: break;
        }
    }

    private void TakeRecord(RecordFact fact)
    {
        OwnershipRecord? known = _records.GetValueOrDefault(fact.Component);
        if (fact.Record is not { } record || (known is not null && (record.Epoch < known.Epoch || record.Shard != known.Shard)))
        {
            Lost ??= fact.Component;
            return;
        }

        LastShard = uint.Max(LastShard, record.Shard);
        if (known is null || record.Epoch > known.Epoch)
        {
            _records[fact.Component] = record;
            Changes.Enqueue(record);
        }
        else if (record != known)
        {
            // Two owners of one epoch.
            Lost ??= fact.Component;
        }
    }
}
