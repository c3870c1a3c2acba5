using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Nodes that are being emptied: one move after the other, each to the host that has least, until nothing is left or the time is over.</summary>
/// <remarks>
/// A drain is a series of ordinary moves, so nothing here is a matter of safety. While one is under way, and from then on, the node gets
/// nothing by a drain or a take-over as long as there is another host; a command that names it moves components there all the same, and
/// such a move, like a cancelled drain, makes it a host like any other again. A move that waits for a long request needs time rather than another
/// destination: the last one that is left gets all there is, and who has not moved in its time is tried once more when the others have.
/// </remarks>
internal sealed class ControlDrains(ControlMembers members, ControlMoves moves, Func<IEnumerable<OwnershipRecord>> records, ControlDeskOptions options)
{
    /// <summary>Many that have little time each would all be late: some of them are not.</summary>
    private static readonly TimeSpan s_leastShare = TimeSpan.FromSeconds(1);

    /// <summary>For one move when there is another host to try after it; the rest of the drain's time when that is less.</summary>
    private static readonly TimeSpan s_perMove = TimeSpan.FromSeconds(10);

    /// <summary>When somebody else is moving the component.</summary>
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(200);

    private readonly List<Drain> _drains = [];

    public Instant Deadline
    {
        get
        {
            Instant deadline = Instant.Never;
            foreach (Drain drain in _drains)
            {
                deadline = Instant.Min(deadline, drain.Current is null ? drain.RetryAt : Instant.Never);
            }

            return deadline;
        }
    }

    public void OnAsk(IControlPeer peer, DrainMessage ask, Instant now)
    {
        if (!members.TryGet(peer, out ControlMember? node) && !members.TryGet(ask.Node, out node))
        {
            Refuse(peer, ask, MigrateCode.UnknownNode, $"there is no node {ask.Node}");
            return;
        }

        Drain? same = _drains.Find(drain => drain.Node == node);
        if (ask.IsCancelled)
        {
            Cancel(peer, ask, node, same);
            return;
        }

        if (same is not null && peer == node.Peer)
        {
            // It asks again over a new link; it is the one that waits.
            (same.Peer, same.Ask) = (peer, ask);
            node.IsLeaving |= IsLast(ask);
            return;
        }

        if (same is not null || _drains.Count >= options.MaxDrains)
        {
            Refuse(peer, ask, MigrateCode.Conflict, same is not null ? $"{ask.Node} is being drained already" : "too many drains at a time");
            return;
        }

        node.IsDraining = true;
        bool isOwn = peer == node.Peer;
        node.IsLeaving |= isOwn && IsLast(ask);
        TimeSpan time = TimeSpan.FromTicks(long.Clamp(ask.Timeout.Ticks, 0, options.MaxMoveTime.Ticks));
        _drains.Add(new(peer, ask, node, now + time) { IsOwn = isOwn });
        Pump(now);
    }

    /// <summary>A command has moved something to a node: it is wanted there, so that node is a host like any other again, unless it is being emptied now.</summary>
    public void OnAskedBack(string node)
    {
        if (members.TryGet(node, out ControlMember? member) && !_drains.Exists(drain => drain.Node == member))
        {
            (member.IsDraining, member.IsLeaving) = (false, false);
        }
    }

    /// <summary>Goes on where a move has ended, or somebody died. Call it after everything that may have changed that.</summary>
    public void Pump(Instant now)
    {
        foreach (Drain drain in _drains.ToArray())
        {
            while (drain.Current is null && (drain.RetryAt.IsNever || now >= drain.RetryAt))
            {
                if (!TryBegin(drain, now))
                {
                    _ = _drains.Remove(drain);
                    End(drain, now);
                    break;
                }
            }
        }
    }

    private bool TryBegin(Drain drain, Instant now)
    {
        drain.RetryAt = Instant.Never;
        TimeSpan left = drain.Ends - now;
        if (left <= TimeSpan.Zero || drain.Moves.Count >= DrainReplyMessage.MaxMoves)
        {
            return false;
        }

        OwnershipRecord[] owned = [.. Owned(drain)];
        foreach (OwnershipRecord record in owned)
        {
            ControlMember[] untried = [.. Destinations(record, drain)];
            if (untried.Length > 0)
            {
                // At the last place to go all that is left is for those that have not been everywhere, each as long as the others, if that is enough for one of them.
                TimeSpan share = untried.Length == 1 ? left / owned.Count(other => Destinations(other, drain).Any()) : s_perMove;
                share = share < s_leastShare ? s_leastShare : share;
                TimeSpan time = left < share ? left : share;
                Member destination = untried[0].Member;
                _ = drain.Tried.Add((record.Component, destination));
                drain.Current = record.Component;
                MigrateMessage move = new(0, record.Component, destination.Name, time);
                moves.OnAsk(new Waiting(drain, destination, now), move, record, now, isCommanded: false);
                return true;
            }
        }

        if (drain.Late.Count == 0)
        {
            return false;
        }

        // Nobody has refused those: their time was too short, and the others have left some.
        drain.Tried.ExceptWith(drain.Late);
        drain.Late.Clear();
        drain.RetryAt = now + s_retry;
        return true;
    }

    /// <summary>Who wants to go wherever it is has nothing left to do but to end; who hands over to a named one goes on when that one does not take all.</summary>
    private static bool IsLast(DrainMessage ask) => ask.To.Length == 0;

    private IEnumerable<OwnershipRecord> Owned(Drain drain) =>
        records().Where(record => record.Owner == drain.Node.Member).OrderBy(record => record.Component, StringComparer.Ordinal).ToArray();

    /// <summary>Where it has not been tried, the best first.</summary>
    private IOrderedEnumerable<ControlMember> Destinations(OwnershipRecord record, Drain drain) => members.All
        .Where(member => member is { IsAlive: true, IsReplaced: false, Peer: not null } && member != drain.Node && member.CanHost(record.Component)
            && (drain.Ask.To.Length > 0 ? member.Member.Name == drain.Ask.To : !IsBeingEmptied(member))
            && !drain.Tried.Contains((record.Component, member.Member)))
        .OrderBy(member => member.IsDraining)
        .ThenBy(member => records().Count(other => other.Owner == member.Member))
        .ThenBy(member => member.Order);

    private void Cancel(IControlPeer peer, DrainMessage ask, ControlMember node, Drain? running)
    {
        if (node.IsLeaving)
        {
            Refuse(peer, ask, MigrateCode.Refused, $"{ask.Node} is about to end and takes nothing any more");
            return;
        }

        node.IsDraining = false;
        string[] remaining = [.. records().Where(record => record.Owner == node.Member).Select(record => record.Component).Take(NodeInfo.MaxHosts)];
        if (running is not null)
        {
            // The move at hand goes on; its end is nobody's business here.
            _ = _drains.Remove(running);
            running.Peer.Send(new DrainReplyMessage(
                running.Ask.Id, new(node.Member.Name, running.Moves, remaining, MigrateCode.Conflict, $"the drain of {node.Member.Name} was cancelled")));
        }

        peer.Send(new DrainReplyMessage(ask.Id, new(node.Member.Name, [], remaining, MigrateCode.None, "")));
    }

    private bool IsBeingEmptied(ControlMember member) => member.IsLeaving || _drains.Exists(drain => drain.Node == member);

    private void End(Drain drain, Instant now)
    {
        string[] remaining = [.. Owned(drain).Select(record => record.Component).Take(NodeInfo.MaxHosts)];
        bool isLate = now >= drain.Ends;
        string node = drain.Node.Member.Name;
        (MigrateCode code, string message) = remaining.Length == 0 ? (MigrateCode.None, "")
            : isLate ? (MigrateCode.Timeout, $"{node} still has {string.Join(", ", remaining)}: the time is over")
            : (MigrateCode.Refused, $"{node} still has {string.Join(", ", remaining)}: no other node that is alive takes it");
        if (remaining.Length > 0 && drain.IsOwn && !IsLast(drain.Ask))
        {
            drain.Node.IsDraining = drain.Node.IsLeaving;
        }

        drain.Peer.Send(new DrainReplyMessage(drain.Ask.Id, new(node, drain.Moves, remaining, code, message)));
    }

    private static void Refuse(IControlPeer peer, DrainMessage ask, MigrateCode code, string message) =>
        peer.Send(new DrainReplyMessage(ask.Id, new(ask.Node, [], [], code, message)));

    private sealed class Drain(IControlPeer peer, DrainMessage ask, ControlMember node, Instant ends)
    {
        public IControlPeer Peer { get; set; } = peer;

        public DrainMessage Ask { get; set; } = ask;

        public ControlMember Node => node;

        public Instant Ends => ends;

        /// <summary>The node itself has asked.</summary>
        public bool IsOwn { get; init; }

        public string? Current { get; set; }

        public Instant RetryAt { get; set; } = Instant.Never;

        public List<MigrateReport> Moves { get; } = [];

        public HashSet<(string Component, Member Destination)> Tried { get; } = [];

        /// <summary>Of those, the moves that had not ended in their time.</summary>
        public HashSet<(string Component, Member Destination)> Late { get; } = [];
    }

    /// <summary>Who waits for the move at hand.</summary>
    private sealed class Waiting(Drain drain, Member destination, Instant asked) : IControlPeer
    {
        public string Name => "drain";

        public UdpAddress DataAddress => default;

        public void Send(LinkMessage message)
        {
            if (message is not MigrateReplyMessage reply)
            {
                return;
            }

            drain.Current = null;
            if (reply.Report.Code == MigrateCode.Conflict)
            {
                // It is being moved by somebody else: perhaps to a place where it may stay.
                _ = drain.Tried.RemoveWhere(entry => entry.Component == reply.Report.Component);
                drain.RetryAt = asked + s_retry;
            }
            else if (reply.Report.Code == MigrateCode.Timeout)
            {
                _ = drain.Late.Add((reply.Report.Component, destination));
            }

            drain.Moves.Add(reply.Report);
        }

        public void Close()
        {
        }
    }
}
