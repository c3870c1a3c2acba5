using Net.Core.Connections;
using Net.Core.Io;
using Net.Core.Time;
using Net.Http3.Server.Hosting;

namespace Net.Migration.Hosting;

/// <summary>Connections that stood by when their component came, and to which nothing has happened since. On the shard's thread.</summary>
/// <remarks>
/// <code>
/// asleep --Rise: a datagram--> up --Wake: its events--> awake      thawed with the first thing that happens to it
///       '----------------Wake: its turn-----------------'          some in each turn
/// </code>
/// The turn in which a component begins to be served is part of its freeze, and there are thousands of these, each in many places of memory. So in
/// that turn nothing is done for any of them: they are owned, and stand still as they came. What looks at all connections wakes all of them before.
/// </remarks>
/// <param name="shard">Theirs.</param>
/// <param name="onRisen">One has been thawed: it is like any other from now on, but that nobody has looked at its streams.</param>
internal sealed class SleepingConnections(Shard shard, Action<LeavingOwner, Instant> onRisen)
{
    /// <summary>A turn's work takes well below a millisecond.</summary>
    private const int WokenPerTurn = 64;

    private readonly Queue<LeavingOwner> _queue = new();
    private readonly List<Connection> _risenEarly = [];
    private ulong _epoch;
    private Instant _stillSince;
    private bool _isReplaying;

    /// <summary>Those that were not thawed yet.</summary>
    public int Count { get; private set; }

    /// <summary>They are this node's. Until <see cref="EndReplay"/> comes what arrived for the component before it was.</summary>
    /// <param name="owners">In the order in which they are to wake.</param>
    /// <param name="stillSince">When the component stood still, by this machine's clock.</param>
    public void Begin(IReadOnlyCollection<LeavingOwner> owners, ulong epoch, Instant stillSince)
    {
        _ = _queue.EnsureCapacity(owners.Count);
        foreach (LeavingOwner owner in owners)
        {
            _queue.Enqueue(owner);
        }

        (Count, _epoch, _stillSince, _isReplaying) = (owners.Count, epoch, stillSince, true);
    }

    /// <summary>Who was spoken to while it stood still answers at once, as all that have something under way.</summary>
    public void EndReplay(Instant now)
    {
        _isReplaying = false;
        foreach (Connection connection in _risenEarly.Where(connection => connection.IsOpen))
        {
            connection.Resume(samePath: true, connection.IsActive || connection.HasToAcknowledge, now);
        }

        _risenEarly.Clear();
        if (_queue.Count > 0)
        {
            Post();
        }
    }

    /// <summary>Thaws one.</summary>
    public void Rise(LeavingOwner owner, Instant now)
    {
        if (Count == 0)
        {
            // It is not this node's yet, or no more.
            return;
        }

        Count--;
        Connection connection = owner.Connection;
        // First of all: should there be a fault in it, somebody has to hear of its end.
        shard.SetOwnerQuietly(connection, owner);
        connection.StandStill(_stillSince);
        connection.Thaw(_epoch, now, quietly: true);
        if (_isReplaying)
        {
            _risenEarly.Add(connection);
        }
        else
        {
            connection.Resume(samePath: true, connection.IsActive || connection.HasToAcknowledge, now, quietly: true);
        }

        onRisen(owner, now);
    }

    /// <summary>All at once: something is about to look at every connection.</summary>
    public void WakeAll(Instant now)
    {
        while (_queue.TryDequeue(out LeavingOwner? next))
        {
            next.Wake(now);
        }
    }

    /// <summary>They are not this node's any more.</summary>
    public void Clear()
    {
        _queue.Clear();
        Count = 0;
    }

    private void WakeSome(Instant now)
    {
        for (int count = 0; count < WokenPerTurn && _queue.TryDequeue(out LeavingOwner? next); count++)
        {
            next.Wake(now);
        }

        if (_queue.Count > 0)
        {
            Post();
        }
    }

    private void Post() => shard.Post(new Turn(this));

    private sealed class Turn(SleepingConnections connections) : IShardWork
    {
        public void Run(Instant now) => connections.WakeSome(now);
    }
}
