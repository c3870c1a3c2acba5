using System.Buffers;
using Net.Core.Connections;
using Net.Core.Endpoints;
using Net.Core.Io;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;
using Net.Http3.Server;
using Net.Http3.Server.Hosting;
using Net.Http3.Sessions;
using Net.Http3.Tethers;
using Net.Http3.Wire;
using Net.Migration.Envelope;
using Net.Migration.Ingress;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>A component with all its connections on one thread of this node: serves, and does to them what a hand-over asks for.</summary>
/// <remarks>
/// <para>Everything below <see cref="Run"/> happens on the shard's thread, between two of its batches: that is what makes a freeze one instant
/// for all connections and their handlers.</para>
/// <para>What may run the component's own code, or its host's, goes by <see cref="RunAlone"/>: such code may wait for whatever it likes, and then its component
/// stands still, but not its node, in whose turn a lent thread may be.</para>
/// </remarks>
internal sealed class ComponentShard : IAsyncDisposable
{
    /// <summary>How long a body may stand still: longer than an ingress may be away while its port is held, for then nobody's datagrams get through.</summary>
    public static readonly TimeSpan Patience = 2 * SocketHolder.Linger;

    /// <summary>How much a body may have is the component's business; and a client that waits for a move, or for an ingress, is not a slow client.</summary>
    private static readonly Http3ServerLimits s_limits = new() { MaxRequestBodySize = null, MinRequestBodyRate = new(240, Patience), MinResponseRate = new(240, Patience) };

    /// <summary>A client that was heard of this long before a freeze may have been waiting since.</summary>
    private static readonly TimeSpan s_recent = TimeSpan.FromMilliseconds(100);

    private readonly HostedComponent _component;
    private readonly DataChannel _channel;
    private readonly IComponentRunner _runner;
    private IAsyncDisposable? _running;
    private readonly ConnectionOptions _options;
    private IReadOnlyList<ConnectionKeys> _keys;
    private readonly Action<Exception> _onFault;
    private readonly Func<string, bool> _serves;
    private readonly Dictionary<Connection, ServerOwner> _owners = [];
    private readonly SleepingConnections _sleeping;
    private readonly List<ServerOwner> _forgotten = [];
    private readonly ConnectionCopies _copies;
    private Instant _frozenAt;
    private readonly List<ExchangeHost> _departed = [];
    private ExchangeHost _exchanges;
    private uint _refused;
    private bool _knowsEarlyData, _knowsCheckpoints;

    public ComponentShard(
        HostedComponent component, uint shard, FederationKeys keys, IDatagramChannel socket, ICryptoHost crypto, IComponentRunner runner, Action<Exception> onFault,
        Func<string, bool> serves)
    {
        _serves = serves;
        _component = component;
        _runner = runner;
        _onFault = onFault;
        Tethers = new(() => runner.Now, component.TetherDeadline) { Self = () => Origin, Wanted = origins => TethersWanted(origins) };
        _options = HostDiagnostics.WithEnvironment(component.Connections);
        _keys = keys.ForConnections();
        Span<byte> hash = stackalloc byte[16];
        crypto.FillEntropy(hash);
        IngressTags tags = new(keys.Tag, BitConverter.ToUInt64(hash), BitConverter.ToUInt64(hash[8..]));
        _channel = new(socket, tags, shard, runner);
        EndpointOptions endpoint = new()
        {
            Connection = _options,
            Keys = _keys,
            DefaultShard = shard,
            RetryAbove = RetryAbove,
            Server = Http3Server.Tls(component.AllowEarlyData, qpack: component.Qpack),
            ContainsFaults = !runner.RunsHandlersInline,
        };
        Endpoint own = new(endpoint, crypto);
        own.UseKeys(_keys, Honoured(keys));
        Shard = new(own, _channel, crypto, Accept, new() { WallClock = runner.WallClock, OnFault = onFault });
        Callbacks = new(component, Shard, onFault);
        ForgetEarlyData();
        _exchanges = NewExchanges();
        Standby = new(Shard, _options, () => _keys, owner => new(this, owner) { IsAsleep = true });
        _sleeping = new(Shard, OnRisen);
        _copies = new(_owners);
        Checkpoints = new(component, onFault);
    }

    /// <summary>Handshakes under way from which on a client must prove its address first (RFC 9000, section 8.1; checklist S25). Any node opens the token.</summary>
    public const int RetryAbove = 100;

    public Shard Shard { get; }

    public DataChannel Channel => _channel;

    /// <summary>Of requests whose handlers are on another node than their connection.</summary>
    public ShardTethers Tethers { get; }

    /// <summary>What the component can go back to. Its <c>Take</c> and <c>RollBack</c> are this object's.</summary>
    public ShardCheckpoints Checkpoints { get; }

    /// <summary>This node, for owners to come.</summary>
    public TetherOrigin Origin { get; init; }

    /// <summary>Told, on the shard's thread, which nodes a link is needed to; of none when a handler that had stayed has ended.</summary>
    public Action<IReadOnlyList<TetherOrigin>> TethersWanted { get; init; } = _ => { };

    /// <summary>The component's connections, for <c>status</c>. From any thread.</summary>
    public uint ConnectionCount { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>Told when the thread has died of a fault of ours: nothing is served here any more.</summary>
    public Action<Exception> Died { get; init; } = _ => { };

    /// <summary>The next moment at which a handler's delay ends, when handlers run inside the steps.</summary>
    public Instant HandlerDeadline => _departed.Aggregate(_exchanges.Deadline, (first, host) => Instant.Min(first, host.Deadline));

    public void TickHandlers(Instant now)
    {
        _exchanges.Tick(now);
        foreach (ExchangeHost departed in _departed.ToArray())
        {
            departed.Tick(now);
        }
    }

    public void Start() => _running = _runner.Start(this, $"component {_component.Name}");

    /// <summary>Has something done on the shard's thread.</summary>
    public void Run(Action<Instant> action) => Shard.Post(new Work(action));

    /// <summary>As <see cref="Run"/>, on whichever thread: without a wait for the shard's own when that has nothing to do, as in a freeze it is part of the stall.</summary>
    public void RunAtOnce(Action<Instant> action) => Shard.PostAtOnce(new Work(action));

    /// <summary>As <see cref="Run"/>, on no thread but the shard's own: for what is long, or not ours.</summary>
    public void RunAlone(Action<Instant> action) => Shard.Post(new Work(action, mayBeLent: false));

    /// <summary>What runs code that is not ours.</summary>
    public ComponentCallbacks Callbacks { get; }

    /// <summary>
    /// The federation's keys have rotated. Connections keep the keys that they were made with; tokens and tickets are taken under the new ones alone.
    /// One whose keys have left the ring is closed: no node could restore it, and it would keep its component from ever moving.
    /// </summary>
    public void UseKeys(FederationKeys keys, Instant now)
    {
        _keys = keys.ForConnections();
        _channel.UseTags(keys.Tag);
        Shard.Endpoint.UseKeys(_keys, Honoured(keys));
        CloseWithoutKeys(now);
    }

    /// <summary>Also at the end of every freeze: what stood still while keys rotated could not be closed.</summary>
    private void CloseWithoutKeys(Instant now)
    {
        Connection[] without = [.. _owners.Keys.Where(c => c is { IsOpen: true, IsFrozen: false } && !IsInRing(c))];
        foreach (Connection connection in without)
        {
            CloseWithoutKeys(connection, now);
        }

        if (without.Length > 0)
        {
            Shard.SendNow(now);
        }
    }

    private static void CloseWithoutKeys(Connection connection, Instant now) =>
        connection.Close((ulong)Http3ErrorCode.NoError, "the keys of this connection have been rotated away", now);

    private bool IsInRing(Connection connection) => _keys.Any(key => key.Number == connection.KeyNumber);

    /// <summary>Serves from now on, with the connections that were restored, or with none.</summary>
    /// <param name="onFirst">Called once for the first datagram that is processed under this ownership.</param>
    public void Serve(ulong epoch, Action<Instant> onFirst, Instant now)
    {
        foreach (ServerOwner owner in Standby.Restored)
        {
            owner.Connection.Thaw(epoch, now);
            _owners[owner.Connection] = owner;
            Shard.SetOwner(owner.Connection, new LeavingOwner(this, owner));
            Tethers.Adopt(owner.Http3);
        }

        _sleeping.Begin(Standby.Sleepers, epoch, Standby.StillSince);
        if (!_knowsEarlyData)
        {
            // Nobody has handed it over: until now the former owner has accepted what is not known here.
            ForgetEarlyData();
        }

        _knowsEarlyData = false;
        _exchanges.State.Checkpoint = Checkpoints.Last;
        _channel.OnFirstReceived = onFirst;
        _channel.Enter(DataMode.Serving, epoch);
        Callbacks.OnServing(epoch);
        // What was buffered goes first, in order; then who has something under way speaks, idle ones stay silent.
        _channel.Replay(Receiver(now));
        foreach (ServerOwner owner in Standby.Restored)
        {
            Connection connection = owner.Connection;
            if (connection.IsOpen)
            {
                connection.Resume(samePath: true, connection.IsActive || connection.HasToAcknowledge, now);
                owner.Resume(now);
            }
        }

        _sleeping.EndReplay(now);
        Shard.Endpoint.AcceptsNew = true;
        Standby.Forget();
        CloseWithoutKeys(now);
        Tethers.Go();
        Count();
    }

    /// <summary>An ingress has introduced itself: what it has sent before is processed.</summary>
    public void SetIngress(uint number, UdpAddress data, Instant now) => _channel.SetIngress(number, data, Receiver(now));

    private ReceiveHandler Receiver(Instant now) =>
        (Span<byte> datagram, in Net.Core.Paths.NetworkPath path, Ecn ecn) => Shard.Endpoint.OnDatagram(datagram, path, ecn, now);

    /// <summary>Early datagrams are kept from now on: a snapshot is on its way.</summary>
    public void StandBy() => _channel.Enter(DataMode.Standby, 0);

    /// <summary>Nothing is owned here: what was restored, and what was kept, goes.</summary>
    public void StandDown()
    {
        Standby.Discard();
        Checkpoints.Clear();
        _knowsCheckpoints = false;
        if (_knowsEarlyData)
        {
            ForgetEarlyData();
        }

        if (_exchanges.Connections.Count > 0)
        {
            Renew();
        }

        _channel.Enter(DataMode.Idle, 0);
        _channel.HandBackHeld();
    }

    /// <summary>Handlers come to rest. All connections are awake from here on.</summary>
    public void HoldRequests()
    {
        _sleeping.WakeAll(Shard.Endpoint.Now);
        _exchanges.Hold();
    }

    /// <summary>No handler runs outside of an operation.</summary>
    public bool IsQuiet => _exchanges.IsQuiet;

    /// <inheritdoc cref="ShardCheckpoints.Take"/>
    public CheckpointOutcome TakeCheckpoint(Instant now) => Checkpoints.Take(_channel.Epoch, _owners.Values, _exchanges, now);

    /// <inheritdoc cref="ShardCheckpoints.RollBack"/>
    public CheckpointOutcome RollBack(ulong number) => Checkpoints.RollBack(number, _owners.Values, _exchanges);

    public void ReleaseRequests(Instant now) => _exchanges.Release(now);

    /// <summary>No handshake is under way.</summary>
    public bool AreHandshakesSettled => Shard.Endpoint.Connections.All(c => c.IsConfirmed || !c.IsOpen);

    /// <summary>Notes whose copies are to be made; connections that come later travel whole, at the end.</summary>
    public void BeginCopy(ComponentExport export)
    {
        _sleeping.WakeAll(Shard.Endpoint.Now);
        _copies.Begin(export);
        Checkpoints.BeginExport();
    }

    /// <summary>Copies some connections, and behind the last one the checkpoints, one by one.</summary>
    /// <inheritdoc cref="ConnectionCopies.ExportAhead"/>
    public bool ExportAhead(ComponentExport export, Instant now) => _copies.ExportAhead(export, now) || Checkpoints.ExportNext(export, now);

    /// <summary>An attempt is over: what was kept for it is let go of.</summary>
    public void EndCopy(ComponentExport export) => _copies.End(export);

    /// <summary>Stops: from here on nothing is sent and nothing processed.</summary>
    public ComponentFreeze Freeze(Instant now)
    {
        Shard.Flush();
        _sleeping.WakeAll(now);
        _frozenAt = now;
        (uint connections, uint abandoned) = (0, _refused);
        _refused = 0;
        foreach (Connection connection in Shard.Endpoint.Connections.ToArray())
        {
            if (connection.TryFreeze(now))
            {
                connections++;
            }
            else
            {
                abandoned += connection.IsOpen ? 1u : 0u;
                if (_owners.TryGetValue(connection, out ServerOwner? owner))
                {
                    // Told of its end only if this node goes on: nothing of the component may run while it is written down.
                    _forgotten.Add(owner);
                }

                Forget(connection);
            }
        }

        Tethers.Stop();
        _channel.Enter(DataMode.Frozen, _channel.Epoch);
        // A component that was silent anyway stands still from now on, not since it was last spoken to.
        bool wasBusy = connections > 0 && now - _channel.LastReceived <= s_recent;
        return new(wasBusy ? _channel.LastReceived : now, connections, abandoned);
    }

    /// <summary>Refuses what has not become a connection in its grace, and says so: the freeze follows at once.</summary>
    public void RefuseHandshakes(Instant now)
    {
        Shard.Endpoint.AcceptsNew = false;
        foreach (Connection connection in Shard.Endpoint.Connections)
        {
            if (!connection.IsConfirmed && connection.IsOpen)
            {
                connection.Close(0, "the component moves", now);
                _refused++;
            }
        }

        Shard.SendNow(now);
    }

    /// <summary>The end of the component, and not a move.</summary>
    public void CloseAll(Instant now)
    {
        Shard.Endpoint.AcceptsNew = false;
        _sleeping.WakeAll(now);
        foreach (Connection connection in Shard.Endpoint.Connections.Where(connection => connection.IsOpen && !connection.IsFrozen))
        {
            connection.Close((ulong)Http3ErrorCode.NoError, "the server stops", now);
        }

        Shard.SendNow(now);
    }

    /// <summary>Writes what changed since the copy, the requests at their safe points, and the component's own state.</summary>
    /// <returns>How many connections are too large, and stay behind.</returns>
    public uint ExportFinal(ComponentExport export, Instant now)
    {
        uint stay = _copies.ExportFinal(export);
        SnapshotWriter ledger = new(now);
        Shard.Endpoint.EarlyData.Export(ledger);
        export.OnEarlyData(ledger.Written.Span);
        export.OnFrozenAt(_frozenAt);
        ArrayBufferWriter<byte> state = new();
        _component.Save(state);
        export.OnComponentState(state.WrittenSpan);
        return stay;
    }

    /// <summary>The hand-over has failed: everything goes on here, under the epoch given.</summary>
    public void Thaw(ulong epoch, Instant now)
    {
        _channel.Enter(DataMode.Serving, epoch);
        Callbacks.OnServing(epoch);
        foreach (ServerOwner owner in Frozen())
        {
            owner.Connection.Thaw(epoch, now);
        }

        foreach (ServerOwner owner in _forgotten)
        {
            owner.OnShardStopped(null);
        }

        _forgotten.Clear();
        Shard.Endpoint.AcceptsNew = true;
        _channel.Replay(Receiver(now));
        CloseWithoutKeys(now);
        _copies.End();
        Tethers.Go();
    }

    /// <summary>
    /// Another member owns it, by a hand-over or by force: what is here never sends again. Keys are wiped, handlers dropped where they wait,
    /// late datagrams go back to the ingress.
    /// </summary>
    public void Destroy(Instant now)
    {
        // First of all: whatever goes wrong below, nothing leaves any more.
        _channel.Enter(DataMode.Idle, 0);
        _sleeping.Clear();
        foreach (Connection connection in Shard.Endpoint.Connections.ToArray())
        {
            if (connection is { IsConfirmed: true, IsOpen: true, IsFrozen: false })
            {
                connection.Freeze(now);
            }

            if (connection.IsFrozen)
            {
                connection.Destroy();
            }

            Forget(connection);
        }

        _forgotten.Clear();
        _copies.End();
        Checkpoints.Clear();
        Tethers.Forget();
        Renew();
        ForgetEarlyData();
        _channel.HandBackHeld();
        Count();
    }

    /// <summary>The copy ahead has come: builds what will hardly change, in several turns.</summary>
    /// <param name="beganAt">When its first part came.</param>
    /// <param name="endedAt">When its end came.</param>
    /// <param name="isFirst">The first turn.</param>
    /// <returns>Whether there is more to do.</returns>
    /// <exception cref="SnapshotException">Something does not fit: nothing is kept.</exception>
    public bool RestoreAhead(ImageStore image, Instant beganAt, Instant endedAt, bool isFirst)
    {
        try
        {
            if (isFirst)
            {
                _owners.EnsureCapacity(image.Connections);
                Instant arrivedAt = Standby.BeginAhead(image, beganAt, endedAt);
                // They do not change after the copy, so their time is not part of the freeze.
                Checkpoints.Import(image, arrivedAt);
                _knowsCheckpoints = true;
            }

            return Standby.RestoreAhead(image, _exchanges);
        }
        catch
        {
            StandDown();
            throw;
        }
    }

    /// <summary>How many connections stand by that were built ahead of the freeze.</summary>
    public int RestoredAhead => Standby.Ahead;

    /// <summary>What has been built and is not served yet.</summary>
    public StandbyConnections Standby { get; }

    /// <summary>How many of the connections that are served stand still as they came: nothing has happened to them yet.</summary>
    public int Asleep => _sleeping.Count;

    /// <summary>Builds every connection of an image that does not stand by already, silent and frozen.</summary>
    /// <exception cref="SnapshotException">Something does not fit: nothing is kept.</exception>
    public void Restore(ImageStore image, Instant now)
    {
        try
        {
            long? frozenAt = image.TryGet(ImageStore.ComponentIndex, SectionNumber.Component, 0, out byte[]? freeze) ? ComponentExport.ReadFrozenAt(freeze) : null;
            Standby.Restore(image, frozenAt, _exchanges, now);
            if (image.TryGet(ImageStore.ComponentIndex, SectionNumber.EarlyDataLedger, 0, out byte[]? ledger))
            {
                SnapshotReader reader = new(ledger, now);
                Shard.Endpoint.EarlyData = EarlyDataLedger.Import(reader);
                reader.End();
                _knowsEarlyData = true;
            }

            if (!_knowsCheckpoints)
            {
                Checkpoints.Import(image, now);
            }

            _knowsCheckpoints = false;
            if (image.TryGet(ImageStore.ComponentIndex, SectionNumber.ComponentState, 0, out byte[]? state))
            {
                // Its own, to keep if it likes: the image is wiped.
                _component.Restore(state.ToArray());
            }
        }
        catch
        {
            StandDown();
            throw;
        }
    }

    /// <summary>What is above a connection that is served.</summary>
    internal ServerConnection Http3Of(Connection connection) => _owners[connection].Http3;

    /// <inheritdoc cref="StandbyConnections.RestoreForMeasurement"/>
    internal void RestoreForMeasurement(ImageStore image)
    {
        using ExchangeHost exchanges = NewExchanges();
        Standby.RestoreForMeasurement(image, exchanges, _runner.Now);
    }

    public async ValueTask DisposeAsync()
    {
        if (_running is not null)
        {
            await _running.DisposeAsync().ConfigureAwait(false);
        }

        _exchanges.Dispose();
    }

    internal void Rise(LeavingOwner leaving, Instant now) => _sleeping.Rise(leaving, now);

    /// <summary>Tokens and tickets that somebody who was removed can make are not taken.</summary>
    private ConnectionKeys[] Honoured(FederationKeys keys) => [.. _keys.Where(key => keys.Token.TryGet((byte)key.Number, out _))];

    private void OnRisen(LeavingOwner leaving, Instant now)
    {
        _owners[leaving.Connection] = leaving.Owner;
        if (!IsInRing(leaving.Connection))
        {
            CloseWithoutKeys(leaving.Connection, now);
        }
    }

    private IEnumerable<ServerOwner> Frozen() => _owners.Values.Where(o => o.Connection.IsFrozen);

    private IConnectionOwner Accept(Connection connection)
    {
        ServerOwner owner = new(_exchanges, connection);
        _owners[connection] = owner;
        _copies.OnNew(owner);
        Count();
        return new LeavingOwner(this, owner);
    }

    private void Forget(Connection connection)
    {
        Shard.RemoveOwner(connection);
        Shard.Endpoint.Remove(connection);
        _owners.Remove(connection);
    }

    /// <summary>What was accepted elsewhere is not known here, so nothing that was sent before this moment is accepted.</summary>
    private void ForgetEarlyData() => (Shard.Endpoint.EarlyData, _knowsEarlyData) = (EarlyDataLedger.AfterLoss(_runner.WallClock()), false);

    private void Renew()
    {
        ExchangeHost abandoned = _exchanges;
        _exchanges = NewExchanges();
        abandoned.Abandon(_runner.Now);
        _departed.RemoveAll(host => !host.HasStayed);
        if (abandoned.HasStayed)
        {
            _departed.Add(abandoned);
        }
    }

    private ExchangeHost NewExchanges() => new(_component.Handler, new ShardQueue(Shard), new()
    {
        OnFault = _onFault,
        Inline = _runner.RunsHandlersInline,
        Serves = _serves,
        Qpack = _component.Qpack,
        SendsGrease = true,
        Running = _component.Running,
        Tethers = Tethers,
        // A simulated world has no date.
        Date = _runner.RunsHandlersInline ? null : new HttpDate(TimeProvider.System).Text,
        // A simulated world has no slow clients, only those that its seed makes slow.
        Limits = _runner.RunsHandlersInline ? null : s_limits,
    });

    /// <summary>A connection has had its last event.</summary>
    internal void OnClosed(Connection connection)
    {
        _owners.Remove(connection);
        Count();
    }

    private void Count() => ConnectionCount = (uint)(_owners.Count + _sleeping.Count);

    private sealed class Work(Action<Instant> action, bool mayBeLent = true) : IShardWork
    {
        public bool MayBeLent => mayBeLent;

        public void Run(Instant now) => action(now);
    }
}

/// <summary>The instant at which a component stood still.</summary>
/// <param name="LastProcessed">When its latest datagram was processed.</param>
/// <param name="Connections">How many are frozen.</param>
/// <param name="Abandoned">Handshakes that were not done in their grace.</param>
internal readonly record struct ComponentFreeze(Instant LastProcessed, uint Connections, uint Abandoned);
