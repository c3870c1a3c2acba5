using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Everything that the ingress decides about members, ownership and moves. One thread's; time comes in as an argument.</summary>
/// <remarks>
/// <code>
/// from a peer          when                          what follows
/// Join                 name = certificate's, free    Welcome, all members, all records; MemberUpdate to the others
/// Join                 else                          JoinRefused
/// Heartbeat            joined                        HeartbeatReply
/// OwnershipAsk         joined                        the record is durable, then routed, then answered, then told to all
/// HoldInitials         joined, owner of that epoch   InitialsHeld
/// FenceAsk             joined, fenced                FenceConfirm
/// Migrate, Drain       any                           see <see cref="ControlMoves"/>, <see cref="ControlDrains"/>
/// StatusAsk            any                           StatusReply
/// Successor            joined                        SuccessorNoted: a life of the same name may join beside this one
/// Leave                joined                        as silence, at once
/// (link lost)          joined                        nothing: it may come back, the failure detector decides
/// (silence)            joined                        MemberUpdate; its components go to the next host by force
/// </code>
/// A component whose owner is dead goes to the next living host, whether that host was there at the time or comes later. After a start of
/// the ingress, owners that the log names have the failure detector's time to join again before they count as dead. A member that was
/// declared dead may join again: what it owned has another owner by then, or, when there was no host, is still its own.
/// </remarks>
internal sealed class ControlDesk
{
    private readonly EmbeddedDirectory _directory;
    private readonly IIngressRoutes _routes;
    private readonly FederationKeys _keys;
    private readonly ControlDeskOptions _options;
    private readonly Action<string> _log;
    private readonly FailureDetector _detector;
    private readonly ControlMembers _members;
    private readonly ControlMoves _moves;
    private readonly ControlDrains _drains;
    private readonly HashSet<Member> _heard = [];
    private readonly Dictionary<Member, Instant> _leases = [];
    private readonly Dictionary<string, (OwnershipRecord Record, Member From)> _takeOvers = new(StringComparer.Ordinal);
    private readonly Instant _strangersLeaseEnd;
    private Instant _strangersUntil;
    private bool _isSynchronized;
    private bool _hasFailed;
    private ulong _lastForce;

    /// <param name="directory">All that it knows is routed at once.</param>
    /// <param name="routes">The data side.</param>
    /// <param name="keys">For members.</param>
    /// <param name="log">One line per event.</param>
    /// <param name="now">When the ingress started.</param>
    public ControlDesk(
        EmbeddedDirectory directory, IIngressRoutes routes, FederationKeys keys, ControlDeskOptions options, Action<string> log, Instant now)
    {
        (_directory, _routes, _keys, _options, _log) = (directory, routes, keys, options, log);
        _detector = new(options.FailureTimeout);
        _members = new(options.MaxMembers);
        _moves = new(_members, options);
        _drains = new(_members, _moves, () => _directory.Records, options);
        _strangersUntil = now + options.FailureTimeout;
        _strangersLeaseEnd = now + SendLease.Duration;
        foreach (OwnershipRecord record in Publish())
        {
            if (record.Epoch > 1 && record.SnapshotHash.IsNone)
            {
                // Perhaps by force, and the ingress ended before the host had heard of it: it is told again, and ignores it when it serves.
                _takeOvers[record.Component] = (record, Member.None);
            }
        }
    }

    public Instant Deadline => Instant.Min(Instant.Min(_detector.Deadline, _strangersUntil), Instant.Min(_moves.Deadline, _drains.Deadline));

    public void OnMessage(IControlPeer peer, LinkMessage message, Instant now)
    {
        Hear(peer, message, now);
        _drains.Pump(now);
    }

    private void Hear(IControlPeer peer, LinkMessage message, Instant now)
    {
        switch (message)
        {
            case JoinMessage join:
                OnJoin(peer, join.Node, now);
                return;
            case StatusAskMessage ask:
                peer.Send(Status(ask.Id));
                return;
            case MigrateMessage migrate when !_members.TryGet(peer, out _):
                _moves.OnAsk(peer, migrate, _directory.Records.FirstOrDefault(record => record.Component == migrate.Component), now, isCommanded: true);
                return;
            case DrainMessage drain:
                _drains.OnAsk(peer, drain, now);
                return;
            default:
                break;
        }

        if (!_members.TryGet(peer, out ControlMember? member))
        {
            // What only members may say, or nobody says to an ingress; a member that was declared dead is among these until it joins again.
            _log($"{peer.Name} is no member and said {message.Type}: link closed");
            peer.Close();
            return;
        }

        switch (message)
        {
            case HeartbeatMessage heartbeat:
                OnHeartbeat(peer, member, heartbeat, now);
                break;
            case OwnershipAskMessage ask:
                OnOwnershipAsk(peer, member, ask.Request, now);
                break;
            case HoldInitialsMessage hold:
                OnHoldInitials(peer, member, hold);
                break;
            case FenceAskMessage fence:
                OnFenceAsk(peer, member, fence);
                break;
            case MigrateReplyMessage reply:
                if (_moves.OnReply(member.Member, reply) is string destination)
                {
                    _drains.OnAskedBack(destination);
                }

                break;
            case SuccessorMessage successor:
                member.Successor = successor.Incarnation == 0 ? Member.None : new(member.Member.Name, successor.Incarnation);
                peer.Send(new SuccessorNotedMessage(successor.Incarnation));
                break;
            case LeaveMessage:
                OnLeave(member, now);
                break;
            default:
                _log($"{peer.Name} said {message.Type}, which is not for an ingress: link closed");
                peer.Close();
                break;
        }
    }

    public void OnLost(IControlPeer peer)
    {
        if (_members.TryGet(peer, out ControlMember? member))
        {
            _log($"{member.Member} lost its link");
        }

        _moves.OnLost(peer);
        _members.Lose(peer);
    }

    public void Tick(Instant now)
    {
        // A deadline that passed long ago was missed by us: the heartbeats that came meanwhile wait in the queue behind this.
        if (now - _options.FailureTimeout / 3 > _detector.Deadline)
        {
            _detector.Forgive(now);
        }

        _moves.Tick(now);
        // The leases of those that die in this tick, before the detector forgets when they were heard.
        if (now >= _detector.Deadline)
        {
            NoteLeases();
        }

        _detector.Tick(now);
        bool anyDied = BuryDead(now);
        if (now >= _strangersUntil)
        {
            // From here on whoever is not alive is dead, and nothing more has to be known of the start.
            _strangersUntil = Instant.Never;
            _heard.Clear();
            anyDied = true;
        }

        if (anyDied)
        {
            TakeOver(now);
        }

        _drains.Pump(now);
    }

    private void OnLeave(ControlMember member, Instant now)
    {
        NoteLeases();
        _detector.Leave(member.Member);
        if (BuryDead(now))
        {
            TakeOver(now);
        }
    }

    private void OnJoin(IControlPeer peer, NodeInfo node, Instant now)
    {
        if (WhyNot(peer, node, now) is { } reason)
        {
            _log($"{peer.Name} may not join: {reason}");
            peer.Send(new JoinRefusedMessage(reason));
            return;
        }

        if (!_strangersUntil.IsNever)
        {
            _ = _heard.Add(node.Member);
        }

        // One that is replaced keeps its link: it serves until it has nothing left.
        _ = _members.TryGet(node.Member.Name, out ControlMember? before);
        IControlPeer? oldPeer = before?.Successor == node.Member ? null : before?.Peer;
        ControlMember member = _members.Set(node, peer);
        if (oldPeer is not null && oldPeer != peer)
        {
            oldPeer.Close();
        }

        _log($"{member.Member} joined from {node.Link}");
        _routes.OnMember(node, isAlive: true);
        peer.Send(new WelcomeMessage(_keys, _options.Number, peer.DataAddress));
        foreach (ControlMember other in _members.All.Where(other => other.IsAlive))
        {
            peer.Send(new MemberUpdateMessage(other.Node, IsAlive: true));
        }

        foreach (OwnershipRecord record in _directory.Records)
        {
            peer.Send(new DirectoryUpdateMessage(record));
            if (record.Owner == member.Member)
            {
                // Whatever held first Initials ended with the former link: the owner asks again if it goes on.
                _ = _routes.HoldInitials(record.Component, record.Epoch, hold: false);
            }
        }

        foreach (IControlPeer other in _members.Peers.Where(other => other != peer))
        {
            other.Send(new MemberUpdateMessage(node, IsAlive: true));
        }

        RepeatTakeOvers(member, now);
        TakeOver(now);
    }

    /// <summary>Why it cannot join, for people; null when it is in the detector's hands now.</summary>
    private string? WhyNot(IControlPeer peer, NodeInfo node, Instant now)
    {
        Member member = node.Member;
        if (member.Name != peer.Name)
        {
            return $"the certificate names {peer.Name}, not {member.Name}";
        }

        if (member.Name == Names.Ingress)
        {
            return "a node cannot be called ingress: choose another name";
        }

        if (node.Link.IsNone)
        {
            return "it has no address";
        }

        if (_members.TryGet(peer, out ControlMember? same) && same.Member != member)
        {
            return "this link is another member's";
        }

        Member beside = Member.None;
        if (_members.TryGet(member.Name, out ControlMember? old) && old.IsAlive && old.Member != member && old.Successor == member)
        {
            beside = old.Member;
        }
        else if (old is { IsAlive: true } && old.Member != member)
        {
            if (old.Peer is not null)
            {
                return $"{member.Name} is in use";
            }

            // One machine, one name: the process whose link is gone has been started again.
            NoteLeases();
            _detector.Leave(old.Member);
            _ = BuryDead(now);
        }

        return !_members.TryMakeRoom(member.Name) ? "the federation is full"
            : !_detector.TryJoin(member, now, beside) ? $"{member.Name} is in use" : null;
    }

    private void OnHeartbeat(IControlPeer peer, ControlMember member, HeartbeatMessage heartbeat, Instant now)
    {
        if (!_detector.OnHeartbeat(member.Member, now))
        {
            peer.Close();
            return;
        }

        member.Loads.Clear();
        foreach (ComponentLoad load in heartbeat.Loads)
        {
            member.Loads[load.Component] = load;
        }

        peer.Send(new HeartbeatReplyMessage(heartbeat.Number));
    }

    private void OnOwnershipAsk(IControlPeer peer, ControlMember member, OwnershipRequest request, Instant now)
    {
        _directory.Submit(request, member.Member);
        if (_directory.Failure is { } failure && !_hasFailed)
        {
            _hasFailed = true;
            _log($"the directory cannot be written any more ({failure.Message}): traffic goes on, nothing moves; restart the ingress");
        }

        // Routed before anybody hears of it: the new owner's first datagram finds its epoch known.
        List<OwnershipRecord> changes = Publish();
        while (_directory.TryTakeAnswer(out OwnershipAnswer? answer))
        {
            peer.Send(new OwnershipReplyMessage(answer));
        }

        Broadcast(changes);
        if (changes.Count > 0)
        {
            TakeOver(now);
        }
    }

    private void OnHoldInitials(IControlPeer peer, ControlMember member, HoldInitialsMessage hold)
    {
        bool isOwner = _directory.Records.Any(record => record.Component == hold.Component && record.Owner == member.Member && record.Epoch == hold.Epoch);
        if (isOwner && _routes.HoldInitials(hold.Component, hold.Epoch, hold.Hold) && hold.Hold)
        {
            peer.Send(new InitialsHeldMessage(hold.Component, hold.Epoch));
        }
    }

    private void OnFenceAsk(IControlPeer peer, ControlMember member, FenceAskMessage ask)
    {
        ulong fence = _routes.Fence(ask.Shard);
        if (fence < ask.Epoch)
        {
            return;
        }

        peer.Send(new FenceConfirmMessage(ask.Shard, ask.Epoch));
        foreach ((OwnershipRecord record, _) in _takeOvers.Values.ToArray())
        {
            if (record.Shard == ask.Shard && record.Owner == member.Member && record.Epoch == ask.Epoch)
            {
                // The order has arrived.
                _ = _takeOvers.Remove(record.Component);
            }
        }
    }

    /// <summary>Takes what changed out of the directory and tells the router.</summary>
    private List<OwnershipRecord> Publish()
    {
        List<OwnershipRecord> changes = [];
        while (_directory.TryTakeChange(out OwnershipRecord? record))
        {
            _routes.OnRecord(record);
            changes.Add(record);
        }

        // The log is the whole truth about epochs, so it need not be confirmed. While there is none, whoever asks first waits for the first record.
        if (!_isSynchronized && changes.Count > 0)
        {
            _isSynchronized = true;
            _routes.OnSynchronized();
        }

        return changes;
    }

    private void Broadcast(List<OwnershipRecord> changes)
    {
        foreach (OwnershipRecord record in changes)
        {
            _log($"{record.Component} belongs to {record.Owner} at epoch {record.Epoch}");
            foreach (IControlPeer peer in _members.Peers)
            {
                peer.Send(new DirectoryUpdateMessage(record));
            }
        }
    }

    private void NoteLeases()
    {
        foreach (Member member in _detector.Alive)
        {
            _leases[member] = _detector.LastHeard(member)!.Value + SendLease.Duration;
        }
    }

    private bool BuryDead(Instant now)
    {
        bool any = false;
        while (_detector.TryTakeDead(out Member? dead))
        {
            any = true;
            _log($"{dead} is dead");
            if (!_members.TryGetAlive(dead.Value, out ControlMember? member))
            {
                continue;
            }

            IControlPeer? peer = member.Peer;
            (member.IsAlive, member.Died) = (false, now);
            _members.Forget(dead.Value);
            if (peer is not null)
            {
                _members.Lose(peer);
                peer.Close();
            }

            _routes.OnMember(member.Node, isAlive: false);
            _moves.OnDead(dead.Value);
            foreach (IControlPeer other in _members.Peers)
            {
                other.Send(new MemberUpdateMessage(member.Node, IsAlive: false));
            }
        }

        return any;
    }

    /// <summary>Gives every component whose owner is dead to the next host, if there is one.</summary>
    private void TakeOver(Instant now)
    {
        foreach (OwnershipRecord record in _directory.Records.ToArray())
        {
            if (IsDead(record.Owner) && _members.NextHost(record.Component, record.Owner) is { } host)
            {
                Force(record, host, now);
            }
        }

        foreach (Member member in _leases.Where(lease => lease.Value <= now).Select(lease => lease.Key).ToArray())
        {
            _ = _leases.Remove(member);
        }
    }

    private bool IsDead(Member owner) =>
        !_detector.IsAlive(owner) && (_strangersUntil.IsNever || _heard.Contains(owner) || _members.TryGet(owner.Name, out _));

    private void Force(OwnershipRecord record, ControlMember host, Instant now)
    {
        _directory.Submit(new ForceOwnership(++_lastForce, record.Component, record.Owner, record.Epoch, host.Member), Ownership.FailureDetector);
        List<OwnershipRecord> changes = Publish();
        Broadcast(changes);
        while (_directory.TryTakeAnswer(out OwnershipAnswer? answer))
        {
            if (answer is { Outcome: OwnershipOutcome.Done, Record: { } forced })
            {
                _takeOvers[forced.Component] = (forced, record.Owner);
                host.Peer?.Send(new TakeOverMessage(forced, RemainingLease(record.Owner, now)));
            }
        }
    }

    /// <summary>An order that was given while the link was down, or whose link was lost before the host acted on it.</summary>
    private void RepeatTakeOvers(ControlMember member, Instant now)
    {
        foreach ((OwnershipRecord record, Member from) in _takeOvers.Values.ToArray())
        {
            if (!_directory.Records.Contains(record))
            {
                _ = _takeOvers.Remove(record.Component);
            }
            else if (record.Owner == member.Member)
            {
                member.Peer?.Send(new TakeOverMessage(record, RemainingLease(from, now)));
            }
        }
    }

    private TimeSpan RemainingLease(Member owner, Instant now)
    {
        Instant end = _leases.TryGetValue(owner, out Instant known) ? known : _strangersLeaseEnd;
        return now < end ? end - now : TimeSpan.Zero;
    }

    private StatusReplyMessage Status(ulong id)
    {
        List<ComponentStatus> components = [];
        foreach (OwnershipRecord record in _directory.Records.OrderBy(record => record.Component, StringComparer.Ordinal))
        {
            ComponentLoad load = new(record.Component, 0);
            if (_members.TryGetAlive(record.Owner, out ControlMember? owner) && owner.Loads.TryGetValue(record.Component, out ComponentLoad told))
            {
                load = told;
            }

            components.Add(_moves.StatusOf(record, load));
        }

        List<NodeStatus> nodes = [.. _members.Present.OrderBy(member => member.Member.Name, StringComparer.Ordinal).Select(member => new NodeStatus(member.Node, member.IsAlive, member.IsDraining))];
        return new(id, _options.PublicAddress, components, nodes);
    }
}
