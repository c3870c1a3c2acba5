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
/// OwnershipAsk         joined                        at the end of the turn: the record is durable, then routed, then answered, then told to all
/// HoldInitials         joined, owner of that epoch   InitialsHeld
/// FenceAsk             joined, fenced                FenceConfirm
/// Migrate              any                           the directory is asked first: no move begins that it cannot end
/// Migrate, Drain       any                           see <see cref="ControlMoves"/>, <see cref="ControlDrains"/>
/// Checkpoint           any                           see <see cref="ControlCheckpoints"/>
/// StatusAsk            any                           StatusReply
/// Successor            joined                        SuccessorNoted: a life of the same name may join beside this one
/// Successor            not joined                    when it joins now, it does so beside another life of its name, which keeps the name
/// Leave                joined                        as silence, at once
/// (link lost)          joined                        nothing: it may come back, the failure detector decides
/// (silence)            joined                        MemberUpdate; its components go to the next host by force
/// </code>
/// A component whose owner is dead goes to the next living host, whether that host was there at the time or comes later. After a start of
/// the ingress, owners that the log names have twice the failure detector's time to join again before they count as dead. A member that was
/// declared dead may join again: what it owned has another owner by then, or, when there was no host, is still its own.
/// </remarks>
internal sealed class ControlDesk
{
    /// <summary>
    /// Times the failure detector's patience that owners have after a start to join again. They have to notice first that the ingress before has died, which takes most of
    /// one, and to reach this one then; and to take a component from a host that lives closes its connections.
    /// </summary>
    private const int RejoinTimeouts = 2;

    private readonly IOwnershipDirectory _directory;
    private readonly IIngressRegistry _registry;
    private readonly ControlRequests _requests;
    private readonly IIngressRoutes _routes;
    private readonly ControlTrust _trust;
    private readonly ControlDeskOptions _options;
    private readonly Action<string> _log;
    private readonly FailureDetector _detector;
    private readonly ControlMembers _members;
    private readonly ControlMoves _moves;
    private readonly ControlDrains _drains;
    private readonly HashSet<Member> _heard = [];
    private readonly Dictionary<IControlPeer, ulong> _successors = [];
    private readonly HashSet<string> _turnedAway = new(StringComparer.Ordinal);
    private readonly ControlTakeOvers _takeOvers;
    private readonly ControlRecords _records;
    private readonly ControlCheckpoints _checkpoints;
    private Instant _strangersUntil;
    private bool _isTroubled;

    /// <param name="directory">All that it knows is routed at once.</param>
    /// <param name="routes">The data side.</param>
    /// <param name="keys">For members.</param>
    /// <param name="log">One line per event.</param>
    /// <param name="now">When the ingress started.</param>
    /// <param name="registry">The other ingresses; null: there are none.</param>
    /// <param name="trust">Who is a member, and the keys, instead of <paramref name="keys"/>; null: whoever has a certificate is one.</param>
    public ControlDesk(
        IOwnershipDirectory directory, IIngressRoutes routes, FederationKeys keys, ControlDeskOptions options, Action<string> log, Instant now,
        IIngressRegistry? registry = null, ControlTrust? trust = null)
    {
        (_directory, _routes, _options, _log) = (directory, routes, options, log);
        _trust = trust ?? new(new MemorySecrets(keys), [], log);
        _registry = registry ?? OnlyIngress.Instance;
        _requests = new(directory);
        _detector = new(options.FailureTimeout);
        _members = new(options.MaxMembers);
        _records = new(directory, routes, _members, log);
        _moves = new(_members, options, () => _directory.TryRecover() ? null : _directory.Trouble);
        _checkpoints = new(_members, options);
        _drains = new(_members, _moves, () => _directory.Records, options);
        _strangersUntil = now + (RejoinTimeouts * options.FailureTimeout);
        _takeOvers = new(directory, routes, _members, _requests, _detector, options, now + SendLease.Duration);
        foreach (OwnershipRecord record in _records.Publish())
        {
            _takeOvers.Remember(record);
        }
    }

    public Instant Deadline => Instant.Min(
        Instant.Min(Instant.Min(_detector.Deadline, _strangersUntil), _checkpoints.Deadline), Instant.Min(Instant.Min(_requests.Deadline, _trust.Deadline), Instant.Min(_moves.Deadline, _drains.Deadline)));

    /// <summary>What a peer says. Whoever asks for something of the directory hears of it in the <see cref="Tick"/> that ends the turn.</summary>
    public void OnMessage(IControlPeer peer, LinkMessage message, Instant now)
    {
        Hear(peer, message, now);
        _drains.Pump(now);
    }

    /// <summary>The directory has something: an answer, a record that another ingress has changed, another ingress; or it has come to a stop.</summary>
    public void OnDirectory(Instant now)
    {
        while (_registry.TryTakeIngress(out IngressInfo? ingress, out bool isAlive))
        {
            if (ingress.Number == _registry.Number)
            {
                // This one itself, which its members know.
                continue;
            }

            _log(isAlive ? $"ingress {ingress.Number} is at {ingress.Control}" : $"ingress {ingress.Number} is gone");
            foreach (IControlPeer peer in _members.Peers)
            {
                peer.Send(new IngressUpdateMessage(ingress.Number, ingress.Control, isAlive));
            }
        }

        LookAtTrust(now);
        _ = Settle(now);
        // Who was seen by another ingress may be seen by nobody now.
        TakeOver(now);
        _drains.Pump(now);
    }

    /// <summary>A roster as the trust folder has it.</summary>
    public void OnRoster(string text, Instant now)
    {
        _trust.OnFile(text);
        LookAtTrust(now);
    }

    /// <summary>A datagram of a node names an epoch that this ingress has not heard of: it is held until the directory is known to say so.</summary>
    public void OnCheck(uint shard, Instant now)
    {
        if (_directory.Records.FirstOrDefault(record => record.Shard == shard) is { } known)
        {
            _requests.Ask(new ReadOwnership(0, known.Component), Ownership.FailureDetector, static (_, _) => { }, now);
        }
    }

    private void Hear(IControlPeer peer, LinkMessage message, Instant now)
    {
        if (_trust.WhyNot(peer) is { } reason)
        {
            TurnAway(peer, message, reason);
            return;
        }

        switch (message)
        {
            case JoinMessage join:
                OnJoin(peer, join.Node, now);
                return;
            case StatusAskMessage ask:
                peer.Send(Status(ask.Id));
                return;
            case MigrateMessage migrate when !_members.TryGet(peer, out _):
                OnMigrate(peer, migrate, now);
                return;
            case DrainMessage drain:
                _drains.OnAsk(peer, drain, now);
                return;
            case SuccessorMessage successor when !_members.TryGet(peer, out _):
                // It joins again, an ingress that was restarted say, which does not know of two lives.
                _successors[peer] = successor.Incarnation;
                return;
            case CheckpointMessage ask when !_members.TryGet(peer, out _):
                _checkpoints.OnAsk(peer, ask, _directory.Records.FirstOrDefault(record => record.Component == ask.Component), now);
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
                if (!_takeOvers.OnFenceAsk(peer, fence))
                {
                    OnCheck(fence.Shard, now);
                }

                break;
            case MigrateReplyMessage reply:
                if (_moves.OnReply(member.Member, reply) is string destination)
                {
                    _drains.OnAskedBack(destination);
                }

                break;
            case CheckpointReplyMessage reply:
                _checkpoints.OnReply(member.Member, reply);
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
        _checkpoints.OnLost(peer);
        _takeOvers.OnLost(peer);
        _ = _successors.Remove(peer);
        _members.Lose(peer);
    }

    /// <summary>A turn has taken so long, with a flush of a slow disk, say: what members have said meanwhile is heard only now.</summary>
    public void OnBusy(TimeSpan deaf, Instant now) => _detector.Excuse(deaf, now);

    /// <summary>The end of every turn, and what is due by time: what was asked of the directory in this turn becomes durable together, and is answered.</summary>
    public void Tick(Instant now)
    {
        // A deadline that passed long ago was missed by us: the heartbeats that came meanwhile wait in the queue behind this.
        if (now - _options.FailureTimeout / 3 > _detector.Deadline)
        {
            _detector.Forgive(now);
        }

        // First, as somebody may stand still until it is answered.
        bool isForceDue = _takeOvers.IsForcing && now >= _requests.Deadline;
        bool mayBeOrphaned = Settle(now) | isForceDue;
        _trust.Tick(now);
        LookAtTrust(now);
        _moves.Tick(now);
        _checkpoints.Tick(now);
        // The leases of those that die in this tick, before the detector forgets when they were heard.
        if (now >= _detector.Deadline)
        {
            _takeOvers.NoteLeases();
        }

        _detector.Tick(now);
        mayBeOrphaned |= BuryDead(now);
        if (now >= _strangersUntil)
        {
            // From here on whoever is not alive is dead, and nothing more has to be known of the start.
            _strangersUntil = Instant.Never;
            _heard.Clear();
            mayBeOrphaned = true;
        }

        if (mayBeOrphaned)
        {
            TakeOver(now);
            _ = Settle(now);
        }

        _drains.Pump(now);
    }

    /// <summary>Who is no member is told why, and nothing else.</summary>
    private void TurnAway(IControlPeer peer, LinkMessage message, string reason)
    {
        // It comes again and again; what is new is said.
        if (_turnedAway.Count < _options.MaxMembers && _turnedAway.Add(reason))
        {
            _log($"turned away: {reason}");
        }

        switch (message)
        {
            case JoinMessage: peer.Send(new JoinRefusedMessage(reason)); break;
            case MigrateMessage ask: peer.Send(new MigrateReplyMessage(ask.Id, MigrateReport.NotMoved(ask, null, MigrateCode.Refused, reason))); break;
            case CheckpointMessage ask: peer.Send(new CheckpointReplyMessage(ask.Id, CheckpointReport.Failed(ask, "", 0, MigrateCode.Refused, reason))); break;
            case DrainMessage ask: peer.Send(new DrainReplyMessage(ask.Id, new(ask.Node, [], [], MigrateCode.Refused, reason))); break;
            default: peer.Close(); break;
        }
    }

    /// <summary>Keys or members have changed, here or by another ingress: those that are members hear of both, those that are not count as dead.</summary>
    private void LookAtTrust(Instant now)
    {
        if (!_trust.Look(now))
        {
            return;
        }

        _routes.UseKeys(_trust.Keys.ForRouters());
        foreach (ControlMember member in _members.All.Where(member => member.IsAlive && !IsTrusted(member)).ToArray())
        {
            _log($"{member.Member} is no member any more");
            OnLeave(member, now);
        }

        foreach (IControlPeer peer in _members.Peers)
        {
            if (_trust.Roster is { } roster)
            {
                peer.Send(new TrustUpdateMessage(roster.Text));
            }

            peer.Send(new KeysUpdateMessage(_trust.Keys));
        }
    }

    private bool IsTrusted(ControlMember member) =>
        _trust.Roster is not { } roster || (member.Peer is { } peer ? _trust.WhyNot(peer) is null : roster.Has(member.Member.Name));

    private void OnLeave(ControlMember member, Instant now)
    {
        _takeOvers.NoteLeases();
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
        _ = _members.TryGetAlive(node.Member, out ControlMember? before);
        IControlPeer? oldPeer = before?.Peer;
        ControlMember member = _members.Set(node, peer, _successors.Remove(peer, out ulong successor) ? successor : null);
        if (oldPeer is not null && oldPeer != peer)
        {
            oldPeer.Close();
        }

        _log($"{member.Member} joined from {node.Link}");
        _routes.OnMember(node, isAlive: true);
        _registry.Report(node.Member, isAlive: true);
        peer.Send(new WelcomeMessage(_trust.Keys, _registry.Number, peer.DataAddress));
        if (_trust.Roster is { } roster)
        {
            peer.Send(new TrustUpdateMessage(roster.Text));
        }

        foreach (IngressInfo ingress in _registry.Ingresses)
        {
            peer.Send(new IngressUpdateMessage(ingress.Number, ingress.Control, IsAlive: true));
        }

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

        _takeOvers.Repeat(member, now);
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

        // Whoever comes back over another link, has been announced, or leaves the name to the life that has it, joins beside others of its name.
        bool isBeside = _members.TryGetAlive(member, out _) || _members.IsAnnounced(member) || _successors.ContainsKey(peer);
        ControlMember[] others = isBeside ? [] : [.. _members.All.Where(other => other.IsAlive && other.Member.Name == member.Name)];
        if (others.Any(other => other.Peer is not null))
        {
            return $"{member.Name} is in use";
        }

        if (others.Length > 0)
        {
            // One machine, one name: the process whose link is gone has been started again.
            _takeOvers.NoteLeases();
            foreach (ControlMember other in others)
            {
                _detector.Leave(other.Member);
            }

            _ = BuryDead(now);
        }

        return !_members.TryMakeRoom(member.Name) ? "the federation is full"
            : !_detector.TryJoin(member, now, isBeside) ? $"{member.Name} is in use" : null;
    }

    private void OnHeartbeat(IControlPeer peer, ControlMember member, HeartbeatMessage heartbeat, Instant now)
    {
        if (!_detector.OnHeartbeat(member.Member, now))
        {
            peer.Close();
            return;
        }

        member.Report(heartbeat.Loads);
        peer.Send(new HeartbeatReplyMessage(heartbeat.Number));
    }

    private void OnOwnershipAsk(IControlPeer peer, ControlMember member, OwnershipRequest request, Instant now)
    {
        // No answer is silence, as it was before: it may have been done.
        _requests.Ask(request, member.Member, (answer, _) =>
        {
            if (answer is not null)
            {
                peer.Send(new OwnershipReplyMessage(answer));
            }
        }, now);
    }

    /// <summary>Once its final state has left, an owner waits for the directory's word and serves nobody meanwhile: so it must not begin while there is none.</summary>
    private void OnMigrate(IControlPeer peer, MigrateMessage migrate, Instant now)
    {
        if (!_directory.TryRecover())
        {
            _moves.OnAsk(peer, migrate, _directory.Records.FirstOrDefault(record => record.Component == migrate.Component), now, isCommanded: true);
            return;
        }

        _requests.Ask(new ReadOwnership(0, migrate.Component), Ownership.FailureDetector, (answer, later) =>
        {
            if (answer is null)
            {
                peer.Send(new MigrateReplyMessage(migrate.Id, MigrateReport.NotMoved(
                    migrate, null, MigrateCode.Unreachable, _directory.Trouble ?? "the directory does not answer: nothing moves until it does")));
                return;
            }

            _moves.OnAsk(peer, migrate, answer.Record, later, isCommanded: true);
        }, now);
    }

    /// <summary>Has the directory make durable what it was asked for, and takes what it has to say. A change is routed before anybody hears of it: the new owner's first datagram finds its epoch known.</summary>
    /// <returns>Whether a record has changed.</returns>
    private bool Settle(Instant now)
    {
        _directory.Commit();
        List<OwnershipRecord> changes = _records.Publish();
        _requests.Settle(now);
        _records.Broadcast(changes);
        if (changes.Count > 0)
        {
            _takeOvers.OnChanges(changes, now);
        }

        string? trouble = _directory.Trouble;
        if (trouble is null == _isTroubled)
        {
            _isTroubled = trouble is not null;
            _log(trouble ?? "the directory answers again");
        }

        return changes.Count > 0;
    }

    private void OnHoldInitials(IControlPeer peer, ControlMember member, HoldInitialsMessage hold)
    {
        bool isOwner = _directory.Records.Any(record => record.Component == hold.Component && record.Owner == member.Member && record.Epoch == hold.Epoch);
        if (isOwner && _routes.HoldInitials(hold.Component, hold.Epoch, hold.Hold) && hold.Hold)
        {
            peer.Send(new InitialsHeldMessage(hold.Component, hold.Epoch));
        }
    }

    private bool BuryDead(Instant now)
    {
        bool any = false;
        while (_detector.TryTakeDead(out Member? dead))
        {
            any = true;
            _log($"{dead} is dead");
            _registry.Report(dead.Value, isAlive: false);
            if (!_members.TryGetAlive(dead.Value, out ControlMember? member))
            {
                continue;
            }

            IControlPeer? peer = member.Peer;
            ControlMember? former = _members.Bury(member, now);
            if (peer is not null)
            {
                _members.Lose(peer);
                peer.Close();
            }

            _routes.OnMember(member.Node, isAlive: false);
            _moves.OnDead(dead.Value);
            _checkpoints.OnDead(dead.Value);
            foreach (IControlPeer other in _members.Peers)
            {
                other.Send(new MemberUpdateMessage(member.Node, IsAlive: false));
                if (former is not null)
                {
                    // By name they knew the one that has died.
                    other.Send(new MemberUpdateMessage(former.Node, IsAlive: true));
                }
            }

            if (former is not null)
            {
                _log($"{former.Member} was to be replaced by it, and goes on");
            }
        }

        return any;
    }

    /// <summary>Gives every component whose owner is dead to the next host, if there is one.</summary>
    private void TakeOver(Instant now)
    {
        _takeOvers.Begin(IsDead, now);
        _takeOvers.Forget(now);
    }

    private bool IsDead(Member owner) =>
        !_detector.IsAlive(owner) && !_registry.IsSeenElsewhere(owner) && (_strangersUntil.IsNever || _heard.Contains(owner) || HasOtherLife(owner));

    /// <summary>A process of that name has been started since. The successor of one that lives may only not have joined yet.</summary>
    private bool HasOtherLife(Member owner) => _members.TryGet(owner.Name, out ControlMember? present) && present.Successor != owner;

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
