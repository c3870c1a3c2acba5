using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>A node's links to the ingresses of its federation, one each. On the node's actor only.</summary>
/// <remarks>
/// All ingresses work with one directory, so a write may go by any of them, and is repeated by another when the first falls silent. What every
/// ingress has to know or to do (that this node lives, where it stands in a move, whom to keep out) is said to all. An order comes from one
/// and is answered to that one.
/// </remarks>
internal sealed class NodeControls
{
    /// <summary>Orders that have not been answered; one more, and the oldest is forgotten.</summary>
    public const int MaxOrders = 1024;

    /// <summary>Without an answer to a heartbeat for so long, a link is opened anew.</summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(1.9);

    private readonly List<Control> _links = [];
    private readonly SortedDictionary<ulong, (uint Ingress, ulong Id)> _orders = [];
    private ulong _lastOrder;

    /// <summary>There is an ingress that has this node as a member.</summary>
    public bool IsMember => _links.Exists(link => link.Number > 0);

    /// <summary>Ingresses that have this node as a member.</summary>
    public int Memberships => _links.Count(link => link.Number > 0);

    /// <summary>Until when the latest answer of any ingress lets this node send.</summary>
    public Instant LeaseEnd { get; private set; } = new(long.MinValue);

    /// <summary>A link is open, on which nothing has been said.</summary>
    public void Open(ILink link, TaskCompletionSource<string?> welcome) => _links.Add(new(link, welcome));

    public bool Has(ILink link) => _links.Exists(known => known.Link == link);

    /// <summary>The number of the ingress at the other end; 0 until it has welcomed this node.</summary>
    public uint NumberOf(ILink link) => Find(link)?.Number ?? 0;

    /// <summary>This node is a member there. Another link to the same ingress is of no use any more.</summary>
    public void OnWelcome(ILink link, uint number)
    {
        foreach (Control former in _links.FindAll(known => known.Number == number && known.Link != link))
        {
            Lose(former.Link);
            _ = former.Link.DisposeAsync().AsTask();
        }

        if (Find(link) is { } control)
        {
            control.Number = number;
            _ = control.Welcome.TrySetResult(null);
        }
    }

    public void OnRefused(ILink link, string reason) => Find(link)?.Welcome.TrySetResult(reason);

    /// <returns>Whether it was one of these.</returns>
    public bool Lose(ILink link) => _links.RemoveAll(known => known.Link == link) > 0;

    /// <summary>To all, or to the one that it is for. Dropped when there is none: what matters is repeated.</summary>
    public void Send(LinkMessage message)
    {
        switch (message)
        {
            case OwnershipAskMessage or DrainMessage:
                // By whoever was heard last: one that is gone is noticed only after a while.
                _links.Where(link => link.Number > 0).MaxBy(link => link.Lease.End)?.Link.Send(message);
                break;
            case MigrateReplyMessage reply: Answer(reply.Id, id => reply with { Id = id }); break;
            case CheckpointReplyMessage reply: Answer(reply.Id, id => reply with { Id = id }); break;
            default: Tell(message); break;
        }
    }

    /// <summary>To all.</summary>
    public void Tell(LinkMessage message)
    {
        foreach (Control link in _links.Where(link => link.Number > 0))
        {
            link.Link.Send(message);
        }
    }

    /// <summary>An order as this node keeps it: two ingresses may use one number.</summary>
    public MigrateMessage Take(ILink link, MigrateMessage order) => order with { Id = Note(link, order.Id) };

    /// <inheritdoc cref="Take(ILink, MigrateMessage)"/>
    public CheckpointMessage Take(ILink link, CheckpointMessage order) => order with { Id = Note(link, order.Id) };

    /// <summary>Tells every ingress that this node lives, and lets go of one that does not answer: it was killed, or is somebody else by now.</summary>
    public void Beat(HeartbeatMessage heartbeat, Instant now)
    {
        foreach (Control link in _links.Where(link => link.Number > 0))
        {
            if (link.Lease.IsUnanswered(now, s_silence))
            {
                _ = link.Link.DisposeAsync().AsTask();
            }

            link.Lease.OnHeartbeatSent(heartbeat.Number, now);
            link.Link.Send(heartbeat);
        }
    }

    public void OnHeartbeatAnswered(ILink link, ulong number)
    {
        if (Find(link) is { } control)
        {
            control.Lease.OnHeartbeatAnswered(number);
            LeaseEnd = Instant.Max(LeaseEnd, control.Lease.End);
        }
    }

    /// <summary>Every ingress that has this node as a member is among those given, and there is one.</summary>
    public bool AreAll(IReadOnlySet<uint> numbers) => IsMember && _links.TrueForAll(link => link.Number == 0 || numbers.Contains(link.Number));

    public async ValueTask DisposeAsync()
    {
        foreach (Control link in _links.ToArray())
        {
            await link.Link.DisposeAsync().ConfigureAwait(false);
        }
    }

    private ulong Note(ILink link, ulong order)
    {
        if (_orders.Count >= MaxOrders)
        {
            _ = _orders.Remove(_orders.First().Key);
        }

        ulong id = ++_lastOrder;
        _orders[id] = (NumberOf(link), order);
        return id;
    }

    private void Answer(ulong id, Func<ulong, LinkMessage> reply)
    {
        if (_orders.Remove(id, out (uint Ingress, ulong Id) order))
        {
            _links.Find(link => link.Number == order.Ingress)?.Link.Send(reply(order.Id));
        }
    }

    private Control? Find(ILink link) => _links.Find(known => known.Link == link);

    private sealed class Control(ILink link, TaskCompletionSource<string?> welcome)
    {
        public ILink Link => link;

        public TaskCompletionSource<string?> Welcome => welcome;

        public uint Number { get; set; }

        public SendLease Lease { get; } = new();
    }
}
