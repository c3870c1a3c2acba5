using Net.Core.Time;
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
    private readonly SendLease _lease = new();
    private ILink? _control;
    private TaskCompletionSource<string?>? _welcome;
    private WelcomeMessage? _keys;
    private ulong _nextRequest = 1;
    private ulong _nextHeartbeat = 1;
    private Instant _heartbeatAt = Instant.Never;

    public NodeState(NodeOptions options, NodeInfo self, NodeSurroundings surroundings)
    {
        _options = options;
        _self = self;
        _surroundings = surroundings;
        foreach (HostedComponent component in options.Components)
        {
            _hosted.Add(component.Name, new(component));
        }

    }

    public Instant Deadline
    {
        get
        {
            Instant deadline = _heartbeatAt;
            foreach (HostedState hosted in _hosted.Values)
            {
                deadline = Instant.Min(deadline, hosted.Outgoing?.Deadline ?? Instant.Never);
                deadline = Instant.Min(deadline, hosted.Gate?.Deadline ?? Instant.Never);
            }

            foreach (DestinationDriver incoming in _incoming.Values)
            {
                deadline = Instant.Min(deadline, incoming.Deadline);
            }

            return deadline;
        }
    }

    /// <summary>A control link is open: ask to become a member, or to go on as one.</summary>
    public void OnControlOpen(ILink link, TaskCompletionSource<string?> welcome)
    {
        _control = link;
        _welcome = welcome;
        link.Send(new JoinMessage(_self));
    }

    public void OnControlLost(ILink link, Instant now)
    {
        if (_control == link)
        {
            _control = null;
            _heartbeatAt = Instant.Never;
        }
    }

    public void OnControl(ILink link, LinkMessage message, Instant now)
    {
        if (link != _control && _control is not null)
        {
            return;
        }

        switch (message)
        {
            case WelcomeMessage welcome: OnWelcome(welcome, now); break;
            case JoinRefusedMessage refused: _welcome?.TrySetResult(refused.Reason); break;
            case MemberUpdateMessage { IsAlive: true } member: _members[member.Node.Member.Name] = member.Node; break;
            case MemberUpdateMessage member: _members.Remove(member.Node.Member.Name); break;
            case DirectoryUpdateMessage update: OnRecord(update.Record, now); break;
            case OwnershipReplyMessage reply: OnAnswer(reply.Answer, now); break;
            case HeartbeatReplyMessage heartbeat: OnHeartbeatReply(heartbeat); break;
            case MigrateMessage migrate: _ = MigrateAsync(link, migrate); break;
            case TakeOverMessage takeOver: OnTakeOver(takeOver, now); break;
            case FenceConfirmMessage confirm: OnFenced(confirm, now); break;
            case InitialsHeldMessage held when _hosted.TryGetValue(held.Component, out HostedState? hosted): hosted.Outgoing?.OnInitialsHeld(now); break;
            default: break;
        }
    }

    public void OnNodeMessage(ILink link, LinkMessage message, Instant now)
    {
        if (message is not HandOverMessage handOver)
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
                incoming = new(_self.Member, new(), link, _surroundings.Actor, SendControl, this, DrawShare(), TakeRequests());
                _incoming.Add(link, incoming);
            }

            incoming.OnMessage(handOver, now);
        }

        Clean();
    }

    public void OnNodeLinkLost(ILink link, Instant now)
    {
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

        Clean();
    }

    public RefuseCode? TryReserve(PrepareMessage prepare, out ComponentShard? shard)
    {
        shard = null;
        if (!_hosted.TryGetValue(prepare.Component, out HostedState? hosted) || _keys is null)
        {
            return RefuseCode.CannotHost;
        }

        if (hosted.IsServing || hosted.IsReserved || hosted.Pending is not null || hosted.Outgoing is { IsForwarding: false })
        {
            return RefuseCode.NoCapacity;
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

    public async ValueTask DisposeAsync()
    {
        foreach (HostedState hosted in _hosted.Values)
        {
            if (hosted.Shard is ComponentShard shard)
            {
                await shard.DisposeAsync().ConfigureAwait(false);
            }
        }

        if (_control is ILink control)
        {
            await control.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void OnWelcome(WelcomeMessage welcome, Instant now)
    {
        _keys = welcome;
        foreach (HostedState hosted in _hosted.Values)
        {
            hosted.Shard?.Run(_ => hosted.Shard.Channel.SetIngress(welcome.Ingress, welcome.Data));
        }

        Heartbeat(now);
        _welcome?.TrySetResult(null);
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
        if (!_hosted.TryGetValue(record.Component, out HostedState? hosted))
        {
            return;
        }

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
            shard.Run(at => shard.Serve(1, _ => { }, at));
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
            shard.Run(shard.Lose);
            _options.Log?.Invoke($"lost {hosted.Component.Name} to another member");
        }
    }

    private void OnTakeOver(TakeOverMessage order, Instant now)
    {
        // An order is news too, and may be older than what is known: hand-overs that it ends let go first.
        OnRecord(order.Record, now);
        if (!_hosted.TryGetValue(order.Record.Component, out HostedState? hosted) || order.Record.Owner != _self.Member
            || _records[order.Record.Component] != order.Record || hosted.ServingEpoch >= order.Record.Epoch)
        {
            return;
        }

        hosted.Gate = new([_keys!.Ingress], order.OldOwnerLease, now);
        hosted.Pending = order.Record;
        _control?.Send(new FenceAskMessage(order.Record.Shard, order.Record.Epoch));
    }

    private void OnFenced(FenceConfirmMessage confirm, Instant now)
    {
        foreach (HostedState hosted in _hosted.Values)
        {
            if (hosted.Pending is OwnershipRecord record && record.Shard == confirm.Shard && confirm.Epoch >= record.Epoch)
            {
                hosted.Gate?.OnConfirmed(_keys!.Ingress);
                ServeTakenOver(hosted, now);
            }
        }
    }

    private void ServeTakenOver(HostedState hosted, Instant now)
    {
        if (hosted.Pending is OwnershipRecord record && hosted.Gate!.MaySendThrough(_keys!.Ingress, now))
        {
            (hosted.Pending, hosted.Gate) = (null, null);
            hosted.ServingEpoch = record.Epoch;
            ComponentShard shard = hosted.Shard!;
            shard.Run(at => shard.Serve(record.Epoch, _ => { }, at));
            _options.Log?.Invoke($"took {record.Component} over at epoch {record.Epoch}");
        }
    }

    private async Task MigrateAsync(ILink asker, MigrateMessage message)
    {
        // Runs on the actor up to the first await, and on it again through Post.
        MigrateReport? refusal = Check(message, out HostedState? hosted, out OwnershipRecord? record, out NodeInfo? destination);
        if (refusal is not null)
        {
            asker.Send(new MigrateReplyMessage(message.Id, refusal));
            return;
        }

        hosted!.IsConnecting = true;
        ILink? link = await _surroundings.Connect(destination!).ConfigureAwait(false);
        _surroundings.Actor.Post(now =>
        {
            hosted.IsConnecting = false;
            if (Check(message, out _, out record, out destination) is MigrateReport late)
            {
                // Meanwhile somebody has taken it, or the destination has gone.
                _ = link?.DisposeAsync().AsTask();
                asker.Send(new MigrateReplyMessage(message.Id, late));
                return;
            }

            if (link is null)
            {
                asker.Send(new MigrateReplyMessage(
                    message.Id, Refuse(message, record!, MigrateCode.Unreachable, $"{message.To} does not answer at {destination!.Link}")));
                return;
            }

            Begin(asker, message, hosted, record!, destination!, link, now);
        });
    }

    private void Begin(ILink asker, MigrateMessage message, HostedState hosted, OwnershipRecord record, NodeInfo destination, ILink link, Instant now)
    {
        ComponentShard shard = hosted.Shard!;
        HandOverPlan plan = new(
            Draw(), record with { Epoch = hosted.ServingEpoch }, destination.Member,
            shard.ConnectionCount, 0, DrawShare(), TakeRequests());
        SourceDriver driver = new(plan, new() { Timeout = message.Timeout }, shard, _surroundings.Actor, SendControl, report =>
        {
            asker.Send(new MigrateReplyMessage(message.Id, report));
            if (report.Moved)
            {
                _options.Log?.Invoke($"moved {report.Component} to {report.To} at epoch {report.Epoch}");
            }
        });
        hosted.Outgoing?.Dispose();
        hosted.Outgoing = driver;
        link.State = driver;
        driver.Start(link, now);
        Clean();
    }

    private MigrateReport? Check(MigrateMessage message, out HostedState? hosted, out OwnershipRecord? record, out NodeInfo? destination)
    {
        destination = null;
        if (!_records.TryGetValue(message.Component, out record) | !_hosted.TryGetValue(message.Component, out hosted))
        {
            return Refuse(message, record, MigrateCode.UnknownComponent, $"there is no component {message.Component} here");
        }

        if (!hosted!.IsServing)
        {
            return Refuse(message, record, MigrateCode.Conflict, $"{_self.Member.Name} does not own {message.Component}");
        }

        if (message.To == _self.Member.Name)
        {
            return Refuse(message, record, MigrateCode.None, $"{message.Component} is at {message.To} already");
        }

        if (hosted.IsConnecting || hosted.Outgoing is { IsForwarding: false, HasEnded: false })
        {
            return Refuse(message, record, MigrateCode.Conflict, $"{message.Component} is being moved already");
        }

        return _members.TryGetValue(message.To, out destination)
            ? null
            : Refuse(message, record, MigrateCode.UnknownNode, $"there is no node {message.To}");
    }

    private static MigrateReport Refuse(MigrateMessage message, OwnershipRecord? record, MigrateCode code, string reason) =>
        new(message.Component, record?.Owner.Name ?? "", message.To, record?.Epoch ?? 0, Moved: false, 0, 0, TimeSpan.Zero, 0, code, reason);

    public void Tick(Instant now)
    {
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
                ServeTakenOver(hosted, now);
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
        if (_control is not ILink control)
        {
            _heartbeatAt = Instant.Never;
            return;
        }

        ulong number = _nextHeartbeat++;
        _lease.OnHeartbeatSent(number, now);
        control.Send(new HeartbeatMessage(number, [.. _hosted.Values.Where(h => h.IsServing).Select(h => new ComponentLoad(h.Component.Name, h.Shard?.ConnectionCount ?? 0))]));
        // As every write, this one is repeated until there is an answer: whoever is first gets what nobody owns.
        foreach (string component in _hosted.Keys.Where(name => !_records.ContainsKey(name)))
        {
            control.Send(new OwnershipAskMessage(new CreateOwnership(_nextRequest++, component, _self.Member)));
        }

        _heartbeatAt = now + FailureDetector.HeartbeatInterval;
    }

    private void OnHeartbeatReply(HeartbeatReplyMessage heartbeat)
    {
        _lease.OnHeartbeatAnswered(heartbeat.Number);
        foreach (HostedState hosted in _hosted.Values)
        {
            if (hosted.Shard is ComponentShard shard)
            {
                shard.Channel.LeaseEnd = _lease.End.Ticks;
            }
        }
    }

    private ComponentShard ShardOf(HostedState hosted, uint number)
    {
        if (hosted.Shard is null)
        {
            WelcomeMessage welcome = _keys!;
            hosted.Shard = new(hosted.Component, number, welcome.Keys, _surroundings.Data, _surroundings.Crypto, _surroundings.Runner, OnFault);
            hosted.Shard.Channel.SetIngress(welcome.Ingress, welcome.Data);
            hosted.Shard.Channel.LeaseEnd = _lease.End.Ticks;
            hosted.Shard.Start();
        }

        return hosted.Shard;
    }

    private ulong Draw()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        _surroundings.Crypto.FillEntropy(bytes);
        return BitConverter.ToUInt64(bytes);
    }

    private byte[] DrawShare()
    {
        byte[] share = new byte[SnapshotBinding.ShareLength];
        _surroundings.Crypto.FillEntropy(share);
        return share;
    }

    private void SendControl(LinkMessage message) => _control?.Send(message);

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
            if (hosted.Outgoing is SourceDriver outgoing)
            {
                if (outgoing.IsForwarding || outgoing.HasLost)
                {
                    // What has come back since, under a later epoch, is another matter.
                    hosted.ServingEpoch = hosted.ServingEpoch == outgoing.Epoch ? 0 : hosted.ServingEpoch;
                }
                else if (outgoing.HasEnded)
                {
                    hosted.ServingEpoch = outgoing.ServingEpoch;
                }

                if (outgoing.HasEnded)
                {
                    outgoing.Dispose();
                    hosted.Outgoing = null;
                }
            }
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

    /// <summary>A component that can be hosted here, and what is being done about it.</summary>
    private sealed class HostedState(HostedComponent component)
    {
        public HostedComponent Component { get; } = component;

        public ComponentShard? Shard { get; set; }

        /// <summary>0: not served here.</summary>
        public ulong ServingEpoch { get; set; }

        public bool IsServing => ServingEpoch > 0;

        public bool IsReserved { get; set; }

        public bool IsConnecting { get; set; }

        public SourceDriver? Outgoing { get; set; }

        public TakeOverGate? Gate { get; set; }

        public OwnershipRecord? Pending { get; set; }
    }
}

/// <summary>What a node's decisions need of the machine they run on.</summary>
/// <param name="Actor">Where they are made.</param>
/// <param name="Runner">What runs components.</param>
/// <param name="Data">The socket that ingresses send to.</param>
/// <param name="Crypto">Entropy, and the certificate that clients see.</param>
/// <param name="Connect">Opens a link to another node; null when it does not answer.</param>
internal sealed record NodeSurroundings(
    IActor Actor, IComponentRunner Runner, Net.Core.Io.IDatagramChannel Data, Net.Core.Tls.ICryptoHost Crypto, Func<NodeInfo, Task<ILink?>> Connect);
