using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Envelope;
using Net.Migration.HandOver;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Everything that a node knows and decides. On its actor only.</summary>
internal sealed class NodeState : IDestinationNode, IAsyncDisposable
{
    private readonly NodeOptions _options;
    private readonly NodeInfo _self;
    private readonly NodeSurroundings _surroundings;
    private readonly Dictionary<string, OwnershipRecord> _records = [];
    private readonly Dictionary<string, NodeInfo> _members = [];
    private readonly Dictionary<string, HostedState> _hosted = [];
    private readonly Dictionary<ILink, DestinationDriver> _incoming = [];
    private readonly NodeControls _controls = new();
    private FederationKeys? _keys;
    private readonly Dictionary<uint, UdpAddress> _ingresses = [];
    private readonly KnownNames _names = new();
    private ulong _nextRequest = 1;
    private ulong _nextHeartbeat = 1;
    private Instant _heartbeatAt = Instant.Never;
    private readonly NodeMoves _moves;
    private TaskCompletionSource<DrainReport?>? _drained;
    private bool _isFailed;
    private bool _isLeaving;
    private bool _isAway;
    private readonly NodeSuccession _succession;
    private readonly NodeTakeOvers _takeOvers;
    private readonly NodeCheckpoints _checkpoints;

    public NodeState(NodeOptions options, NodeInfo self, NodeSurroundings surroundings)
    {
        _options = options;
        _self = self;
        _surroundings = surroundings;
        foreach (HostedComponent component in options.Components)
        {
            _hosted.Add(component.Name, new(component));
        }

        _names.Add(self);
        Tethers = new(self.Member, _records, _hosted, surroundings, OnFault);
        _succession = new(self.Member, _controls);
        _takeOvers = new(self.Member, _records, _hosted, _ingresses.Keys, SendControl, options.Log);
        _checkpoints = new(self.Member, _hosted, surroundings, OnFault, options.Log);
        _moves = new(self.Member, _records, _members, _hosted, surroundings, SendControl, TakeRequests, Clean, OnFault, options.Log);
    }

    public Instant Deadline
    {
        get
        {
            Instant deadline = Instant.Min(_heartbeatAt, Tethers.Deadline);
            foreach (HostedState hosted in _hosted.Values)
            {
                deadline = Instant.Min(deadline, hosted.Outgoing?.Deadline ?? Instant.Never);
                deadline = Instant.Min(deadline, hosted.Gate?.Deadline ?? Instant.Never);
                deadline = Instant.Min(deadline, hosted.Connecting?.Expires ?? Instant.Never);
                deadline = Instant.Min(deadline, hosted.Checkpointing?.NextLook ?? Instant.Never);
            }

            foreach (DestinationDriver incoming in _incoming.Values)
            {
                deadline = Instant.Min(deadline, incoming.Deadline);
            }

            return deadline;
        }
    }

    /// <summary>A control link is open: ask to become a member there, or to go on as one. When the ingress has welcomed it, the link's state is its number.</summary>
    public void OnControlOpen(ILink link, TaskCompletionSource<string?> welcome)
    {
        _controls.Open(link, welcome);
        if (_succession.Announced is ulong successor and not 0)
        {
            // An ingress that was restarted does not know that two lives may have the name, and that this one is the former.
            link.Send(new SuccessorMessage(successor));
        }

        link.Send(new JoinMessage(_self));
    }

    public void OnControlLost(ILink link, Instant now)
    {
        if (_controls.Lose(link))
        {
            _heartbeatAt = _controls.IsMember ? _heartbeatAt : Instant.Never;
            _ = _drained?.TrySetResult(null);
            _succession.OnLinkLost();
        }
    }

    /// <summary>Has everything moved away; from now on nothing comes here any more.</summary>
    /// <param name="to">The only destination; empty: whichever.</param>
    /// <param name="ended">Ends with the ingress's word; with null when the link to it is lost: ask again.</param>
    public void Drain(string to, TimeSpan timeout, TaskCompletionSource<DrainReport?> ended)
    {
        (_isLeaving, _drained) = (true, ended);
        if (!_controls.IsMember)
        {
            _ = ended.TrySetResult(null);
            return;
        }

        SendControl(new DrainMessage(_nextRequest++, _self.Member.Name, to, timeout));
    }

    /// <summary>What could not be drained stays here, and so does this node.</summary>
    public void Stay() => _isLeaving = false;

    /// <summary>Nothing is left here but tethers: no ingress is to give this node anything from now on.</summary>
    public void StayAway()
    {
        _isAway = true;
        _controls.Tell(NothingMore());
    }

    /// <summary>The ingress is about to end, and another one comes in its place. Ends when nothing more leaves for it.</summary>
    public Task AwaitIngress() => Task.WhenAll(_hosted.Values.Select(hosted => hosted.Shard).OfType<ComponentShard>().Select(shard =>
    {
        TaskCompletionSource waits = new(TaskCreationOptions.RunContinuationsAsynchronously);
        shard.Run(_ =>
        {
            shard.Channel.AwaitIngress();
            waits.SetResult();
        });
        return waits.Task;
    }));

    /// <inheritdoc cref="NodeCheckpoints.Start"/>
    public void Checkpoint(CheckpointMessage ask, Action<CheckpointReport> reply, Instant now) => _checkpoints.Start(ask, reply, now);

    /// <inheritdoc cref="NodeSuccession.Offer"/>
    public void OfferSuccession(ulong incarnation, TaskCompletionSource<bool> noted, TaskCompletionSource joined) => _succession.Offer(incarnation, noted, joined);

    /// <summary>Says goodbye. Nothing of this node may send any more.</summary>
    public void Leave() => SendControl(new LeaveMessage());

    /// <summary>A component's thread has died of a fault of ours: this node must not count among the living, so that another takes what it owned.</summary>
    public void OnComponentDied(string component, Exception fault)
    {
        _options.Log?.Invoke($"component {component} has ended: {fault.Message}");
        _hosted[component].ServingEpoch = 0;
        _checkpoints.OnDied(_hosted[component]);
        _heartbeatAt = Instant.Never;
        _isFailed = true;
        _surroundings.Failed(fault);
    }

    public void OnControl(ILink link, LinkMessage message, Instant now)
    {
        if (!_controls.Has(link))
        {
            return;
        }

        switch (message)
        {
            case WelcomeMessage welcome: OnWelcome(link, welcome, now); break;
            case JoinRefusedMessage refused: _controls.OnRefused(link, refused.Reason); break;
            case IngressUpdateMessage ingress: _surroundings.IngressTold(ingress); break;
            case MemberUpdateMessage member: OnMember(member, now); break;
            case DirectoryUpdateMessage update: OnRecord(update.Record, now); break;
            case OwnershipReplyMessage reply: OnAnswer(reply.Answer, now); break;
            case HeartbeatReplyMessage heartbeat: OnHeartbeatReply(link, heartbeat); break;
            case MigrateMessage migrate: _moves.Start(_controls.Take(link, migrate), now); break;
            case CheckpointMessage ask:
                CheckpointMessage ours = _controls.Take(link, ask);
                Checkpoint(ours, report => SendControl(new CheckpointReplyMessage(ours.Id, report)), now);
                break;
            case SuccessorNotedMessage noted: _succession.OnNoted(link, noted.Incarnation); break;
            case KeysUpdateMessage update: OnKeys(update.Keys); break;
            case TrustUpdateMessage trust: _surroundings.RosterTold(trust.Roster); break;
            case DrainReplyMessage drained: _drained?.TrySetResult(drained.Report); break;
            case TakeOverMessage takeOver:
                // An order is news too, and may be older than what is known: hand-overs that it ends let go first.
                OnRecord(takeOver.Record, now);
                _takeOvers.OnOrder(takeOver, now);
                break;
            case FenceConfirmMessage confirm: _takeOvers.OnFenced(_controls.NumberOf(link), confirm, now); break;
            case InitialsHeldMessage held when _hosted.TryGetValue(held.Component, out HostedState? hosted): OnInitialsHeld(hosted, held, link, now); break;
            default: break;
        }
    }

    public void OnNodeMessage(ILink link, LinkMessage message, Instant now)
    {
        if (Tethers.OnMessage(link, message) || message is not HandOverMessage handOver)
        {
            return;
        }

        if (link.State is SourceDriver outgoing)
        {
            outgoing.OnMessage(handOver, now);
        }
        else
        {
            // Who may speak for a member was settled by its certificate.
            if (handOver is PrepareMessage prepare && prepare.Source.Name != link.PeerName)
            {
                _ = link.DisposeAsync().AsTask();
                return;
            }

            if (!_incoming.TryGetValue(link, out DestinationDriver? incoming))
            {
                incoming = new(_self.Member, new(), link, _surroundings, SendControl, this, _surroundings.DrawShare(), TakeRequests());
                _incoming.Add(link, incoming);
            }

            incoming.OnMessage(handOver, now);
        }

        Clean();
    }

    public void OnNodeLinkLost(ILink link, Instant now)
    {
        Tethers.OnLost(link);
        (link.State as SourceDriver)?.OnLinkLost(now);
        if (_incoming.TryGetValue(link, out DestinationDriver? incoming))
        {
            incoming.OnLinkLost(now);
            if (incoming.Component.Length == 0)
            {
                _incoming.Remove(link);
                incoming.Dispose();
            }
        }

        // Also one on which nothing was ever said.
        _ = link.DisposeAsync().AsTask();
        Clean();
    }

    public RefuseCode? TryReserve(PrepareMessage prepare, out ComponentShard? shard)
    {
        shard = null;
        if (!_hosted.TryGetValue(prepare.Component, out HostedState? hosted) || _keys is null)
        {
            return RefuseCode.CannotHost;
        }

        if (hosted.IsServing || hosted.IsReserved || hosted.Pending is not null || hosted.Outgoing is { IsForwarding: false } || _isFailed || _isLeaving)
        {
            return RefuseCode.NoCapacity;
        }

        // The record may be news to this node, but it is never older than what this node knows.
        if (_records.TryGetValue(prepare.Component, out OwnershipRecord? known)
            && (known.Epoch > prepare.Epoch || known.Shard != prepare.Shard || (known.Epoch == prepare.Epoch && known.Owner != prepare.Source)))
        {
            return RefuseCode.WrongEpoch;
        }

        hosted.IsReserved = true;
        shard = ShardOf(hosted, prepare.Shard);
        return null;
    }

    public void OnServing(string component, ulong epoch)
    {
        HostedState hosted = _hosted[component];
        // It has come back: what is left of the move by which it went is of no use any more.
        hosted.Outgoing?.Dispose();
        hosted.Outgoing = null;
        hosted.IsReserved = false;
        hosted.ServingEpoch = epoch;
    }

    public void OnReleased(string component) => _hosted[component].IsReserved = false;

    public TetherLinks Tethers { get; }

    public NodeHealth Health => new(_controls.Memberships, [.. _hosted.Values.Select(ComponentHealth.Of).OrderBy(c => c.Name, StringComparer.Ordinal)], Fault: null);

    /// <summary>Components that are served here, or will be as soon as their former owner is kept out.</summary>
    public IReadOnlyList<string> Owned =>
        [.. _hosted.Values.Where(hosted => hosted.IsServing || hosted.Pending is not null).Select(hosted => hosted.Component.Name)];

    public ComponentShard? FindShard(string component) => _hosted.GetValueOrDefault(component)?.Shard;

    /// <summary>Ends everything. Nothing else runs on the actor then.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (DestinationDriver incoming in _incoming.Values)
        {
            incoming.Dispose();
        }

        foreach (HostedState hosted in _hosted.Values)
        {
            hosted.Outgoing?.Dispose();
            if (hosted.Shard is ComponentShard shard)
            {
                await shard.DisposeAsync().ConfigureAwait(false);
            }
        }

        await _controls.DisposeAsync().ConfigureAwait(false);
    }

    private void OnWelcome(ILink link, WelcomeMessage welcome, Instant now)
    {
        OnKeys(welcome.Keys);
        SetIngress(welcome.Ingress, welcome.Data);
        link.State = welcome.Ingress;
        _controls.OnWelcome(link, welcome.Ingress);
        if (_isAway)
        {
            link.Send(NothingMore());
        }

        Heartbeat(now);
    }

    /// <summary>To be emptied at once, and for ever.</summary>
    private DrainMessage NothingMore() => new(_nextRequest++, _self.Member.Name, "", default);

    private void OnKeys(FederationKeys told)
    {
        FederationKeys keys = FederationKeys.Latest(_keys, told);
        bool haveRotated = _keys is not null && !keys.Equals(_keys);
        _keys = keys;
        foreach (ComponentShard shard in haveRotated ? _hosted.Values.Select(hosted => hosted.Shard).OfType<ComponentShard>() : [])
        {
            shard.Run(at => shard.UseKeys(keys, at));
        }
    }

    private void OnInitialsHeld(HostedState hosted, InitialsHeldMessage held, ILink link, Instant now)
    {
        if (held.Epoch == hosted.Outgoing?.Epoch && hosted.HeldAt.Add(_controls.NumberOf(link)) && _controls.AreAll(hosted.HeldAt))
        {
            hosted.Outgoing.OnInitialsHeld(now);
        }
    }

    private void OnMember(MemberUpdateMessage member, Instant now)
    {
        string name = member.Node.Member.Name;
        if (member.IsAlive)
        {
            _members[name] = member.Node;
            _names.Add(member.Node);
        }
        else if (_members.TryGetValue(name, out NodeInfo? known) && known.Member == member.Node.Member)
        {
            // A former life's end says nothing of the one that has the name now.
            _members.Remove(name);
            foreach (HostedState hosted in _hosted.Values)
            {
                hosted.Outgoing?.OnDead(known.Member, now);
            }
        }

        _succession.OnMember(member.Node.Member, member.IsAlive);
        Tethers.OnMember(member);
    }

    private void SetIngress(uint number, UdpAddress data)
    {
        _ingresses[number] = data;
        foreach (HostedState hosted in _hosted.Values)
        {
            hosted.Shard?.Run(at => hosted.Shard.SetIngress(number, data, at));
        }
    }

    private void OnAnswer(OwnershipAnswer answer, Instant now)
    {
        if (answer.Record is OwnershipRecord record)
        {
            foreach (DestinationDriver incoming in _incoming.Values.ToArray())
            {
                incoming.OnDirectory(answer, now);
            }

            if (_hosted.TryGetValue(record.Component, out HostedState? hosted))
            {
                hosted.Outgoing?.OnDirectory(answer, now);
            }

            OnRecord(record, now);
        }
        else
        {
            foreach (HostedState hosted in _hosted.Values)
            {
                hosted.Outgoing?.OnDirectory(answer, now);
            }
        }
    }

    /// <summary>A record as the directory shows it: the machines of a hand-over hear of it first, then it is compared with what is done here.</summary>
    private void OnRecord(OwnershipRecord record, Instant now)
    {
        if (_records.TryGetValue(record.Component, out OwnershipRecord? known) && known.Epoch > record.Epoch)
        {
            return;
        }

        _records[record.Component] = record;
        Tethers.OnRecord(record.Component);
        if (!_hosted.TryGetValue(record.Component, out HostedState? hosted))
        {
            return;
        }

        // An attempt that has ended in this very turn is none any more: its component is served, and can be lost.
        Clean();
        foreach (DestinationDriver incoming in _incoming.Values.ToArray())
        {
            incoming.OnRecord(record, now);
        }

        hosted.Outgoing?.OnRecord(record, now);
        if (hosted.Pending is OwnershipRecord pending && pending.Epoch < record.Epoch)
        {
            // It was given to somebody else before it could be served here.
            (hosted.Pending, hosted.Gate) = (null, null);
        }

        ComponentShard shard = ShardOf(hosted, record.Shard);
        bool isOurs = record.Owner == _self.Member;
        if (isOurs && record.Epoch == 1 && hosted.ServingEpoch == 0 && !hosted.IsReserved)
        {
            // Just created, by us: there is nobody to wait for.
            hosted.ServingEpoch = 1;
            shard.RunAlone(at => shard.Serve(1, _ => { }, at));
            _options.Log?.Invoke($"serves {record.Component} at epoch 1");
        }
        else if (!isOurs && hosted.IsServing && record.Epoch > hosted.ServingEpoch)
        {
            Lose(hosted);
        }

        Clean();
    }

    /// <summary>Somebody else owns it by a write that was not ours to make: fall silent, for ever, with these connections.</summary>
    private void Lose(HostedState hosted)
    {
        // A move under way destroys its connections itself; one that is over has nothing to do with these any more.
        bool isMoving = hosted.Outgoing?.Epoch == hosted.ServingEpoch;
        hosted.ServingEpoch = 0;
        ComponentShard shard = hosted.Shard!;
        if (!isMoving)
        {
            shard.Run(shard.Destroy);
            _options.Log?.Invoke($"lost {hosted.Component.Name} to another member");
        }
    }

    public void Tick(Instant now)
    {
        Tethers.Tick(now);
        if (now >= _heartbeatAt)
        {
            Heartbeat(now);
        }

        foreach (HostedState hosted in _hosted.Values)
        {
            if (hosted.Outgoing is SourceDriver outgoing && now >= outgoing.Deadline)
            {
                outgoing.Tick(now);
            }

            if (hosted.Gate is TakeOverGate gate && now >= gate.Deadline)
            {
                _takeOvers.Serve(hosted, now);
            }

            _checkpoints.Tick(hosted, now);
            if (hosted.Connecting is MoveAttempt attempt && now >= attempt.Expires)
            {
                hosted.Connecting = null;
                _moves.Reply(attempt.Ask, MigrateReport.NotMoved(attempt.Ask, _records[attempt.Ask.Component], MigrateCode.Timeout, $"{attempt.Ask.To} was not reached in time"));
            }
        }

        foreach (DestinationDriver incoming in _incoming.Values.ToArray())
        {
            if (now >= incoming.Deadline)
            {
                incoming.Tick(now);
            }
        }

        Clean();
    }

    private void Heartbeat(Instant now)
    {
        if (!_controls.IsMember || _isFailed)
        {
            _heartbeatAt = Instant.Never;
            return;
        }

        _controls.Beat(new(_nextHeartbeat++, [.. _hosted.Values.Where(h => h.IsServing).Select(h => h.Load)]), now);
        // As every write, this one is repeated until there is an answer: whoever is first gets what nobody owns.
        foreach (string component in _hosted.Keys.Where(name => !_records.ContainsKey(name)))
        {
            SendControl(new OwnershipAskMessage(new CreateOwnership(_nextRequest++, component, _self.Member)));
        }

        _heartbeatAt = now + FailureDetector.HeartbeatInterval;
    }

    private void OnHeartbeatReply(ILink link, HeartbeatReplyMessage heartbeat)
    {
        _controls.OnHeartbeatAnswered(link, heartbeat.Number);
        Instant end = _controls.LeaseEnd;
        foreach (HostedState hosted in _hosted.Values)
        {
            // Behind what was posted before: what this node has just lost sends nothing under a lease that was won back since.
            if (hosted.Shard is ComponentShard shard)
            {
                shard.Run(_ => shard.Channel.LeaseEnd = end);
            }
        }
    }

    private ComponentShard ShardOf(HostedState hosted, uint number)
    {
        if (hosted.Shard is null)
        {
            string name = hosted.Component.Name;
            hosted.Shard = new(
                hosted.Component, number, _keys!, _surroundings.Data(name), _surroundings.Crypto, _surroundings.Runner, OnFault,
                authority => _names.Serves(name, authority))
            {
                Died = fault => _surroundings.Actor.Post(_ => OnComponentDied(name, fault)),
                Origin = new(_self.Member.Name, _self.Member.Incarnation, _self.Link),
                TethersWanted = origins => _surroundings.Actor.Post(_ => Tethers.OnWanted(hosted, origins)),
            };
            foreach ((uint ingress, UdpAddress data) in _ingresses)
            {
                hosted.Shard.Channel.SetIngress(ingress, data);
            }

            hosted.Shard.Channel.LeaseEnd = _controls.LeaseEnd;
            hosted.Shard.Start();
        }

        return hosted.Shard;
    }

    private void SendControl(LinkMessage message)
    {
        if (message is HoldInitialsMessage hold && _hosted.TryGetValue(hold.Component, out HostedState? hosted))
        {
            hosted.HeldAt.Clear();
        }

        _controls.Send(message);
    }

    /// <summary>Each hand-over counts its directory requests in a range of its own.</summary>
    private ulong TakeRequests()
    {
        _nextRequest += 1UL << 20;
        return _nextRequest;
    }

    /// <summary>Lets go of hand-overs that are over.</summary>
    private void Clean()
    {
        foreach (HostedState hosted in _hosted.Values)
        {
            hosted.Clean();
        }

        foreach ((ILink link, DestinationDriver incoming) in _incoming.ToArray())
        {
            if (incoming.HasEnded)
            {
                _incoming.Remove(link);
                incoming.Dispose();
            }
        }
    }

    public void OnFault(Exception fault) => _options.Log?.Invoke($"{fault.Message}{(fault.InnerException is Exception inner ? $": {inner.Message}" : "")}");
}
