using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Components that go to another host by force: the write, the order to the new owner, and the word that the old one is kept out.</summary>
internal sealed class ControlTakeOvers(
    IOwnershipDirectory directory, IIngressRoutes routes, ControlMembers members, ControlRequests requests, FailureDetector detector,
    ControlDeskOptions options, Instant strangersLeaseEnd)
{
    private readonly Dictionary<Member, Instant> _leases = [];
    private readonly Dictionary<string, (OwnershipRecord Record, Member From)> _orders = new(StringComparer.Ordinal);
    private readonly HashSet<OwnershipRecord> _forcing = [];
    private readonly List<(IControlPeer Peer, FenceAskMessage Ask)> _fences = [];
    private readonly Dictionary<string, Member> _owners = new(StringComparer.Ordinal);

    /// <summary>A write was asked for, and the directory has not answered.</summary>
    public bool IsForcing => _forcing.Count > 0;

    /// <summary>A record of before this ingress started. One that may have been made by force is told its owner again, who ignores it when it serves.</summary>
    public void Remember(OwnershipRecord record)
    {
        _owners[record.Component] = record.Owner;
        if (record.Epoch > 1 && record.SnapshotHash.IsNone)
        {
            _orders[record.Component] = (record, Member.None);
        }
    }

    /// <summary>How long the members that are alive may send. Before the detector forgets when they were heard.</summary>
    public void NoteLeases()
    {
        foreach (Member member in detector.Alive)
        {
            _leases[member] = detector.LastHeard(member)!.Value + SendLease.Duration;
        }
    }

    /// <summary>What has run out says nothing any more.</summary>
    public void Forget(Instant now)
    {
        foreach (Member member in _leases.Where(lease => lease.Value <= now).Select(lease => lease.Key).ToArray())
        {
            _ = _leases.Remove(member);
        }
    }

    /// <summary>Asks for every component whose owner is dead to be given to the next host, if there is one.</summary>
    public void Begin(Predicate<Member> isDead, Instant now)
    {
        foreach (OwnershipRecord record in directory.Records.ToArray())
        {
            if (isDead(record.Owner) && members.NextHost(record.Component, record.Owner) is { } host)
            {
                Force(record, host, now);
            }
        }
    }

    /// <summary>An order that was given while the link was down, or whose link was lost before the host acted on it.</summary>
    public void Repeat(ControlMember member, Instant now)
    {
        foreach ((OwnershipRecord record, Member from) in _orders.Values.ToArray())
        {
            if (!directory.Records.Contains(record))
            {
                _ = _orders.Remove(record.Component);
            }
            else if (record.Owner == member.Member)
            {
                member.Peer?.Send(new TakeOverMessage(record, RemainingLease(from, now)));
            }
        }
    }

    /// <returns>False: another ingress has made that record, and this one has not heard of it yet. It is confirmed as soon as it has.</returns>
    public bool OnFenceAsk(IControlPeer peer, FenceAskMessage ask)
    {
        if (routes.Fence(ask.Shard) >= ask.Epoch)
        {
            Confirm(peer, ask);
            return true;
        }

        if (_fences.Count < options.MaxFences)
        {
            _fences.Add((peer, ask));
        }

        return false;
    }

    /// <summary>Records have changed, and are routed.</summary>
    public void OnChanges(IReadOnlyList<OwnershipRecord> changes, Instant now)
    {
        foreach (OwnershipRecord record in changes)
        {
            Member former = _owners.GetValueOrDefault(record.Component, Member.None);
            _owners[record.Component] = record.Owner;
            // A move names its snapshot, and whoever takes back what is its own stays the owner.
            if (record.Epoch > 1 && record.SnapshotHash.IsNone && record.Owner != former && !(_orders.TryGetValue(record.Component, out (OwnershipRecord Record, Member From) order) && order.Record == record))
            {
                Adopt(record, former, now);
            }
        }

        foreach ((IControlPeer peer, FenceAskMessage ask) in _fences.ToArray())
        {
            if (routes.Fence(ask.Shard) >= ask.Epoch)
            {
                _ = _fences.Remove((peer, ask));
                Confirm(peer, ask);
            }
        }
    }

    public void OnLost(IControlPeer peer) => _ = _fences.RemoveAll(fence => fence.Peer == peer);

    /// <summary>
    /// Somebody was given a component by force, and this ingress has had no answer that says so. Perhaps it asked for it, and the answer was lost; perhaps another ingress
    /// did, and has ended since, or does not reach the new owner. So all tell it; who is told twice serves once.
    /// </summary>
    private void Adopt(OwnershipRecord record, Member former, Instant now)
    {
        NoteLeases();
        // One that was never heard here has been answered by another ingress no later than this.
        _ = _leases.TryAdd(former, now + SendLease.Duration);
        _orders[record.Component] = (record, former);
        if (members.TryGetAlive(record.Owner, out ControlMember? owner))
        {
            owner.Peer?.Send(new TakeOverMessage(record, RemainingLease(former, now)));
        }
    }

    private void Force(OwnershipRecord record, ControlMember host, Instant now)
    {
        if (!directory.AnswersStill || !_forcing.Add(record))
        {
            return;
        }

        ForceOwnership force = new(0, record.Component, record.Owner, record.Epoch, host.Member);
        requests.Ask(force, Ownership.FailureDetector, (answer, later) =>
        {
            _ = _forcing.Remove(record);
            if (answer is { Outcome: OwnershipOutcome.Done, Record: { } forced })
            {
                _orders[forced.Component] = (forced, record.Owner);
                host.Peer?.Send(new TakeOverMessage(forced, RemainingLease(record.Owner, later)));
            }
        }, now);
    }

    private void Confirm(IControlPeer peer, FenceAskMessage ask)
    {
        peer.Send(new FenceConfirmMessage(ask.Shard, ask.Epoch));
        foreach ((OwnershipRecord record, _) in _orders.Values.ToArray())
        {
            if (record.Shard == ask.Shard && record.Owner.Name == peer.Name && record.Epoch == ask.Epoch)
            {
                // The order has arrived.
                _ = _orders.Remove(record.Component);
            }
        }
    }

    private TimeSpan RemainingLease(Member owner, Instant now)
    {
        Instant end = _leases.TryGetValue(owner, out Instant known) ? known : strangersLeaseEnd;
        return now < end ? end - now : TimeSpan.Zero;
    }
}
