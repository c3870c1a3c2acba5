using Net.Core.Time;
using Net.Http3.Tethers;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Opens and takes the links that tethers go over. On the node's actor only; what tethers say goes past it (<see cref="TryDeliver"/>).</summary>
/// <param name="self">Who this node is.</param>
/// <param name="records">The directory as this node knows it.</param>
/// <param name="hosts">What this node can host, by component.</param>
/// <param name="onFault">Told of what went wrong here.</param>
internal sealed class TetherLinks(
    Member self, IReadOnlyDictionary<string, OwnershipRecord> records, IReadOnlyDictionary<string, HostedState> hosts, NodeSurroundings surroundings,
    Action<Exception> onFault)
{
    /// <summary>Links whose owner says what the directory has not told yet; further ones are closed.</summary>
    private const int MaxWaiting = 64;

    /// <summary>Tethers have no timers of their own: they are looked at a few times a second, while there are any.</summary>
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(250);

    private readonly List<TaskCompletionSource> _awaiting = [];
    private readonly HashSet<(string Component, TetherOrigin Origin)> _connecting = [];
    private readonly List<(ILink Link, TetherOpenMessage Open)> _waiting = [];

    public Instant Deadline { get; private set; } = Instant.Never;

    private IEnumerable<ComponentShard> Shards => hosts.Values.Select(hosted => hosted.Shard).OfType<ComponentShard>();

    /// <summary>Gives what tethers say to the shard that they belong to. From any thread.</summary>
    /// <returns><c>false</c>: it is something else.</returns>
    public static bool TryDeliver(ILink link, LinkMessage message)
    {
        if (message is not TetherFrameMessage frame)
        {
            return false;
        }

        (link.State as End)?.Deliver(link, frame.Frame);
        return true;
    }

    /// <summary>Ends when no handler of a component that has moved away runs here any more.</summary>
    public void Await(TaskCompletionSource ended)
    {
        // Behind what the shards have still to do: a move that has just ended may leave something there.
        Task[] settled = [.. Shards.Select(shard =>
        {
            TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
            shard.Run(_ => done.SetResult());
            return done.Task;
        })];
        _ = Task.WhenAll(settled).ContinueWith(
            _ => surroundings.Actor.Post(_ =>
            {
                _awaiting.Add(ended);
                EndIfDone();
            }), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    public void Tick(Instant now)
    {
        bool isDue = now >= Deadline;
        bool hasAny = false;
        foreach (ComponentShard shard in Shards.Where(shard => shard.Tethers.Count > 0))
        {
            hasAny = true;
            if (isDue)
            {
                shard.Run(shard.Tethers.Tick);
            }
        }

        Deadline = !hasAny ? Instant.Never : isDue || Deadline.IsNever ? now + s_tick : Deadline;
    }

    /// <summary>A node's life has ended, and with it every handler that it ran.</summary>
    public void OnMember(MemberUpdateMessage update)
    {
        Member member = update.Node.Member;
        foreach (ComponentShard shard in Shards.Where(shard => !update.IsAlive && shard.Tethers.Count > 0))
        {
            shard.Run(_ => shard.Tethers.OnNodeGone(member.Name, member.Incarnation));
        }
    }

    /// <summary>Opens links to nodes where handlers of a component of ours have stayed; none: something has ended.</summary>
    public void OnWanted(HostedState hosted, IReadOnlyList<TetherOrigin> origins)
    {
        EndIfDone();
        foreach (TetherOrigin origin in origins)
        {
            if (hosted.IsServing && _connecting.Add((hosted.Component.Name, origin)))
            {
                _ = ConnectAsync(hosted, origin);
            }
        }
    }

    /// <returns>Whether the message was about a link for tethers.</returns>
    public bool OnMessage(ILink link, LinkMessage message)
    {
        switch (message)
        {
            case TetherOpenMessage open when link.State is null:
                OnOpen(link, open);
                return true;

            case TetherOpenedMessage when link.State is End { Origin: TetherOrigin origin } end:
                _connecting.Remove((end.Component, origin));
                end.Shard.Run(_ => end.Shard.Tethers.OnOriginLink(origin, link));
                return true;

            case TetherOpenMessage or TetherOpenedMessage:
                _ = link.DisposeAsync().AsTask();
                return true;

            default:
                return TryDeliver(link, message);
        }
    }

    public void OnLost(ILink link)
    {
        _waiting.RemoveAll(entry => entry.Link == link);
        if (link.State is End end)
        {
            if (end.Origin is TetherOrigin origin)
            {
                _connecting.Remove((end.Component, origin));
            }

            end.Shard.Run(_ => end.Shard.Tethers.OnLinkLost(link));
        }
    }

    /// <summary>The directory has spoken: an owner that it did not know before may be one now.</summary>
    public void OnRecord(string component)
    {
        foreach ((ILink link, TetherOpenMessage open) in _waiting.Where(entry => entry.Open.Component == component).ToArray())
        {
            _waiting.Remove((link, open));
            OnOpen(link, open);
        }
    }

    private void EndIfDone()
    {
        if (Shards.All(shard => shard.Tethers.StayedCount == 0))
        {
            foreach (TaskCompletionSource ended in _awaiting)
            {
                _ = ended.TrySetResult();
            }

            _awaiting.Clear();
        }
    }

    private async Task ConnectAsync(HostedState hosted, TetherOrigin origin)
    {
        ILink? link = null;
        try
        {
            link = await surroundings.Connect(new(new(origin.Name, origin.Incarnation), origin.Link, [])).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever it was, the node was not reached; it is tried again.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            onFault(fault);
        }

        surroundings.Actor.Post(_ => OnConnected(hosted, origin, link));
    }

    private void OnConnected(HostedState hosted, TetherOrigin origin, ILink? link)
    {
        if (link is null || !hosted.IsServing)
        {
            _connecting.Remove((hosted.Component.Name, origin));
            _ = link?.DisposeAsync().AsTask();
            return;
        }

        link.State = new End(hosted.Component.Name, hosted.Shard!, origin);
        link.Send(new TetherOpenMessage(hosted.Component.Name, hosted.ServingEpoch, self, new(origin.Name, origin.Incarnation)));
    }

    private void OnOpen(ILink link, TetherOpenMessage open)
    {
        // Whom the directory names, and nobody else: an owner of before may not know yet that it is none any more.
        OwnershipRecord? record = records.GetValueOrDefault(open.Component);
        bool isMeant = open.Source == self && open.Owner.Name == link.PeerName && hosts.GetValueOrDefault(open.Component)?.Shard is not null && record is not null;
        if (isMeant && record!.Epoch < open.Epoch && _waiting.Count < MaxWaiting)
        {
            _waiting.Add((link, open));
            return;
        }

        if (!isMeant || record!.Epoch != open.Epoch || record.Owner != open.Owner)
        {
            _ = link.DisposeAsync().AsTask();
            return;
        }

        ComponentShard shard = hosts[open.Component].Shard!;
        link.State = new End(open.Component, shard, null);
        shard.Run(_ => shard.Tethers.OnOwnerLink(link, open.Epoch));
        link.Send(new TetherOpenedMessage(open.Epoch));
    }

    /// <summary>What a link is for.</summary>
    /// <param name="Component">Whose tethers.</param>
    /// <param name="Shard">The component's.</param>
    /// <param name="Origin">The node at the other end, where handlers have stayed; <c>null</c>: they have stayed here.</param>
    private sealed record End(string Component, ComponentShard Shard, TetherOrigin? Origin)
    {
        public void Deliver(ILink link, TetherMessage frame) => Shard.Run(_ => Shard.Tethers.OnFrame(link, frame));
    }
}
