using Net.Core.Time;
using Net.Core.Wire;
using Net.Http3.Server.Hosting;
using Net.Http3.Tethers;
using Net.Http3.Wire;

namespace Net.Migration.Hosting;

/// <summary>The tethers of one component on this node: of handlers that have stayed here, and of requests whose handlers are elsewhere. On the shard's thread only.</summary>
/// <remarks>
/// <para>A handler that has stayed listens to one link: that of the component's owner, as the directory names it, with the highest epoch so far.
/// So what a former owner still says is not heard (<see cref="OnOwnerLink"/>).</para>
/// <para>A request whose handler is elsewhere speaks over one link per node that handlers have stayed on. While the component stands still it
/// neither hears nor says anything: what it would say of its position might be undone by the move.</para>
/// </remarks>
/// <param name="clock">The shard's.</param>
/// <param name="deadline">How long a handler may go on after its component has moved.</param>
internal sealed class ShardTethers(Func<Instant> clock, TimeSpan deadline) : ITetherCarrier
{
    /// <summary>How long a request may be without a link to its handler: then it is reset.</summary>
    public static readonly TimeSpan LinkPatience = TimeSpan.FromSeconds(5);

    /// <summary>How long a handler may be without an owner: longer, as the next one has to hear of its ownership first.</summary>
    public static readonly TimeSpan OwnerPatience = TimeSpan.FromSeconds(30);

    /// <summary>How long a link that is needed no more stays open: closing it would overtake the last acknowledgement.</summary>
    private static readonly TimeSpan s_lastWord = TimeSpan.FromSeconds(1);

    private readonly Dictionary<ulong, Stayed> _stayed = [];
    private readonly Dictionary<TetherOrigin, Origin> _origins = [];
    private ILink? _owner;
    private ulong _ownerEpoch;
    private ulong _last;
    private bool _isStill;
    private Instant _tickedAt = Instant.Never;

    /// <summary>This node, as the tethers of what stays here name it.</summary>
    public Func<TetherOrigin> Self { get; init; } = () => default;

    /// <summary>Told of nodes to which a link is needed, and with none when something has ended.</summary>
    public Action<IReadOnlyList<TetherOrigin>> Wanted { get; init; } = _ => { };

    /// <summary>Handlers that have stayed here and are not done. From any thread.</summary>
    public int StayedCount { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>Tethers of either kind, and links for them: while there are any, <see cref="Tick"/> is called. From any thread.</summary>
    public int Count { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>Bytes that requests whose handlers are elsewhere hold here.</summary>
    public int Held => _origins.Values.Sum(origin => origin.Tethers.Values.Sum(entry => entry.Tether.Held));

    public Tether Begin(StreamId id) => new(id, ++_last, Self(), clock() + deadline);

    public void OnLeft(TetherServer tether)
    {
        Instant now = clock();
        _stayed[tether.Number] = new(tether, now + deadline) { LostAt = now };
        CountAll();
    }

    public void OnChanged(TetherServer tether)
    {
        while (_owner is ILink owner && tether.TryTake(out TetherMessage? message))
        {
            owner.Send(new Link.TetherFrameMessage(message));
        }

        if (tether.IsOver && _stayed.Remove(tether.Number))
        {
            CountAll();
            Wanted([]);
        }
    }

    public void OnChanged(Tether tether)
    {
        if (!_origins.TryGetValue(tether.Origin, out Origin? origin) || _isStill)
        {
            return;
        }

        while (origin.Link is ILink link && tether.TryTake(out TetherMessage? message))
        {
            link.Send(new Link.TetherFrameMessage(message));
        }

        // One that was given up has still to say so.
        if (tether.IsOver && (tether.IsAttached || tether.IsComplete))
        {
            Forget(origin, tether);
        }
    }

    /// <summary>Connections have come whose requests' handlers are elsewhere.</summary>
    public void Adopt(ServerConnection connection)
    {
        foreach (Tether tether in connection.Tethers)
        {
            if (!_origins.TryGetValue(tether.Origin, out Origin? origin))
            {
                _origins.Add(tether.Origin, origin = new() { LostAt = clock() });
            }

            origin.Tethers[tether.Number] = (connection, tether);
        }
    }

    /// <summary>The component is served here: whoever has no link gets one.</summary>
    public void Go()
    {
        _isStill = false;
        foreach (Origin origin in _origins.Values.ToArray())
        {
            Attach(origin);
        }

        CountAll();
        AskForLinks();
    }

    /// <summary>The component stands still: nothing is heard, nothing said.</summary>
    public void Stop()
    {
        _isStill = true;
        foreach ((ServerConnection _, Tether tether) in _origins.Values.SelectMany(origin => origin.Tethers.Values))
        {
            tether.Detach();
        }
    }

    /// <summary>The component is elsewhere: its requests are no longer here, what has stayed is.</summary>
    public void Forget()
    {
        foreach (Origin origin in _origins.Values)
        {
            Close(origin);
        }

        _origins.Clear();
        _isStill = false;
        CountAll();
    }

    /// <summary>The owner's link for what has stayed here.</summary>
    public void OnOwnerLink(ILink link, ulong epoch)
    {
        if (epoch < _ownerEpoch)
        {
            _ = link.DisposeAsync().AsTask();
            return;
        }

        OnOwnerLost(_owner);
        (_owner, _ownerEpoch) = (link, epoch);
    }

    /// <summary>A link to a node where handlers have stayed.</summary>
    public void OnOriginLink(TetherOrigin to, ILink link)
    {
        if (_origins.TryGetValue(to, out Origin? origin) && origin.Link is null)
        {
            origin.Link = link;
            Attach(origin);
        }
        else
        {
            _ = link.DisposeAsync().AsTask();
        }
    }

    /// <summary>A link is lost, of whichever kind.</summary>
    public void OnLinkLost(ILink link)
    {
        if (link == _owner)
        {
            OnOwnerLost(link);
        }

        foreach (Origin origin in _origins.Values.Where(origin => origin.Link == link))
        {
            (origin.Link, origin.LostAt) = (null, clock());
            foreach ((ServerConnection _, Tether tether) in origin.Tethers.Values)
            {
                tether.Detach();
            }
        }
    }

    /// <summary>A node has ended: none of its handlers will ever answer.</summary>
    public void OnNodeGone(string name, ulong incarnation)
    {
        foreach (TetherOrigin gone in _origins.Keys.Where(origin => origin.Name == name && origin.Incarnation == incarnation).ToArray())
        {
            Fail(gone);
        }
    }

    /// <summary>What the other end of a tether says.</summary>
    public void OnFrame(ILink link, TetherMessage frame)
    {
        if (link == _owner)
        {
            if (_stayed.TryGetValue(frame.Number, out Stayed? stayed))
            {
                _ = stayed.Tether.OnMessage(frame);
                OnChanged(stayed.Tether);
            }
            else if (frame is TetherAttach)
            {
                link.Send(new Link.TetherFrameMessage(new TetherReset(frame.Number, (ulong)Http3ErrorCode.InternalError)));
            }

            return;
        }

        Origin? origin = _isStill ? null : _origins.Values.FirstOrDefault(origin => origin.Link == link);
        if (origin is not null && origin.Tethers.TryGetValue(frame.Number, out (ServerConnection Connection, Tether Tether) entry))
        {
            entry.Connection.OnTether(entry.Tether, frame);
            // One that was given up while nobody was attached is the connection's no more, and has yet to say so.
            OnChanged(entry.Tether);
            if (frame is TetherReset && entry.Tether.IsOver)
            {
                Forget(origin, entry.Tether);
            }
        }
    }

    /// <summary>Time has passed: what nobody is at the other end of, or has had its time, is given up.</summary>
    public void Tick(Instant now)
    {
        TimeSpan elapsed = _tickedAt.IsNever ? TimeSpan.Zero : now - _tickedAt;
        _tickedAt = _stayed.Count > 0 ? now : Instant.Never;
        foreach (Stayed stayed in _stayed.Values.ToArray())
        {
            stayed.Tether.Watch(elapsed);
            stayed.LostAt = stayed.Tether.IsAttached ? now : stayed.LostAt;
            if (now >= stayed.Deadline || now - stayed.LostAt >= OwnerPatience)
            {
                stayed.Tether.GiveUp(Http3ErrorCode.InternalError);
            }

            OnChanged(stayed.Tether);
        }

        if (_isStill)
        {
            return;
        }

        foreach ((TetherOrigin name, Origin origin) in _origins.ToArray())
        {
            if (origin.Tethers.Count == 0 && now - origin.IdleSince >= s_lastWord)
            {
                Close(origin);
                _origins.Remove(name);
                CountAll();
                continue;
            }

            if (origin.NeedsLink && now - origin.LostAt >= LinkPatience)
            {
                Fail(name);
                continue;
            }

            foreach ((ServerConnection connection, Tether tether) in
                origin.Tethers.Values.Where(entry => !entry.Tether.IsComplete && now >= entry.Tether.Deadline).ToArray())
            {
                connection.FailTether(tether);
                Forget(origin, tether);
            }
        }

        AskForLinks();
    }

    private void Forget(Origin origin, Tether tether)
    {
        if (origin.Tethers.Remove(tether.Number))
        {
            origin.IdleSince = clock();
            CountAll();
        }
    }

    private void AskForLinks()
    {
        TetherOrigin[] wanted = [.. _origins.Where(entry => entry.Value.NeedsLink).Select(entry => entry.Key)];
        if (wanted.Length > 0)
        {
            Wanted(wanted);
        }
    }

    private void Attach(Origin origin)
    {
        foreach ((ServerConnection _, Tether tether) in origin.Tethers.Values.ToArray())
        {
            if (origin.Link is not null)
            {
                tether.Attach();
                OnChanged(tether);
            }
        }
    }

    private void OnOwnerLost(ILink? link)
    {
        if (link is not null)
        {
            _owner = null;
            _ = link.DisposeAsync().AsTask();
            foreach (Stayed stayed in _stayed.Values)
            {
                stayed.Tether.Detach();
                stayed.LostAt = clock();
            }
        }
    }

    private void Fail(TetherOrigin name)
    {
        Origin origin = _origins[name];
        foreach ((ServerConnection connection, Tether tether) in origin.Tethers.Values.Where(entry => !entry.Tether.IsComplete).ToArray())
        {
            connection.FailTether(tether);
            origin.Tethers.Remove(tether.Number);
        }

        Close(origin);
        origin.IdleSince = clock();
        CountAll();
    }

    private static void Close(Origin origin)
    {
        _ = origin.Link?.DisposeAsync().AsTask();
        origin.Link = null;
    }

    private void CountAll()
    {
        StayedCount = _stayed.Count;
        Count = _stayed.Count + _origins.Values.Sum(origin => 1 + origin.Tethers.Count);
    }

    private sealed class Stayed(TetherServer tether, Instant deadline)
    {
        public TetherServer Tether => tether;

        public Instant Deadline => deadline;

        /// <summary>Since when it has had no owner.</summary>
        public Instant LostAt { get; set; }
    }

    private sealed class Origin
    {
        public Dictionary<ulong, (ServerConnection Connection, Tether Tether)> Tethers { get; } = [];

        public ILink? Link { get; set; }

        public Instant LostAt { get; set; }

        /// <summary>A request waits for it.</summary>
        public bool NeedsLink => Link is null && Tethers.Values.Any(entry => !entry.Tether.IsComplete);

        /// <summary>When the last of its requests has ended.</summary>
        public Instant IdleSince { get; set; }
    }
}
