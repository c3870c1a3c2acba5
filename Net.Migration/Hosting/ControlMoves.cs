using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Moves that commands ask for: judged here as far as the ingress can, then the owner's matter; its answer goes back to the command.</summary>
/// <param name="members">Who is in the federation.</param>
/// <param name="options">Limits and times.</param>
/// <param name="trouble">Why the directory does not answer; null while it does.</param>
internal sealed class ControlMoves(ControlMembers members, ControlDeskOptions options, Func<string?> trouble)
{
    private readonly Dictionary<ulong, Move> _moves = [];
    private readonly Dictionary<string, (ulong Count, TimeSpan Freeze, ulong StateBytes)> _done = new(StringComparer.Ordinal);
    private ulong _lastId;

    public Instant Deadline
    {
        get
        {
            Instant earliest = Instant.Never;
            foreach (Move move in _moves.Values)
            {
                earliest = Instant.Min(earliest, move.Deadline);
            }

            return earliest;
        }
    }

    /// <param name="record">The component's; null when there is none.</param>
    /// <param name="isCommanded">A command names the destination; false: a drain has chosen it.</param>
    public void OnAsk(IControlPeer peer, MigrateMessage ask, OwnershipRecord? record, Instant now, bool isCommanded)
    {
        if (Judge(ask, record, out ControlMember? owner) is { } report)
        {
            peer.Send(new MigrateReplyMessage(ask.Id, report));
            return;
        }

        ulong id = ++_lastId;
        TimeSpan time = TimeSpan.FromTicks(long.Clamp(ask.Timeout.Ticks, 0, options.MaxMoveTime.Ticks));
        _moves[id] = new(peer, ask, record!, now + time + options.MoveGrace, isCommanded);
        owner!.Peer!.Send(ask with { Id = id, Timeout = time });
    }

    /// <summary>For `top`: moves that have succeeded, what the latest cost, and where it is going now.</summary>
    public ComponentStatus StatusOf(OwnershipRecord record, ComponentLoad load)
    {
        (ulong count, TimeSpan freeze, ulong stateBytes) = _done.GetValueOrDefault(record.Component);
        string movingTo = _moves.Values.FirstOrDefault(move => move.Ask.Component == record.Component)?.Ask.To ?? "";
        return new(record, load, count, freeze, stateBytes, movingTo);
    }

    /// <summary>The owner's word. Nobody else's counts.</summary>
    /// <returns>Where a command has moved a component to; null: it was not, or a drain did.</returns>
    public string? OnReply(Member from, MigrateReplyMessage reply)
    {
        if (_moves.TryGetValue(reply.Id, out Move? move) && move.Record.Owner == from)
        {
            _ = _moves.Remove(reply.Id);
            if (reply.Report.Moved)
            {
                // Records are bounded, and so are the components that somebody can have moved.
                _done[move.Ask.Component] = (_done.GetValueOrDefault(move.Ask.Component).Count + 1, reply.Report.Freeze, reply.Report.StateBytes);
            }

            move.Peer.Send(reply with { Id = move.Ask.Id });
            return reply.Report.Moved && move.IsCommanded ? move.Ask.To : null;
        }

        return null;
    }

    /// <summary>A command that went away: the move goes on, nobody waits for its end.</summary>
    public void OnLost(IControlPeer peer)
    {
        foreach (ulong id in _moves.Where(move => move.Value.Peer == peer).Select(move => move.Key).ToArray())
        {
            _ = _moves.Remove(id);
        }
    }

    public void OnDead(Member member)
    {
        End(move => move.Record.Owner == member, MigrateCode.Unreachable, move => $"{move.Record.Owner}, the owner of {move.Record.Component}, died");
    }

    public void Tick(Instant now) =>
        End(move => now >= move.Deadline, MigrateCode.Timeout, move => $"{move.Record.Owner}, the owner of {move.Record.Component}, did not answer in time");

    /// <summary>What is clear without asking the owner; null when it has to be asked.</summary>
    private MigrateReport? Judge(MigrateMessage ask, OwnershipRecord? record, out ControlMember? owner)
    {
        owner = null;
        if (record is null)
        {
            return MigrateReport.NotMoved(ask, null, MigrateCode.UnknownComponent, $"there is no component {ask.Component}");
        }

        bool isOwnerAlive = members.TryGetAlive(record.Owner, out owner);
        bool isKnown = members.TryGet(ask.To, out ControlMember? destination);
        if (isOwnerAlive && destination == owner)
        {
            return MigrateReport.NotMoved(ask, record, MigrateCode.None, $"{ask.To} owns {ask.Component} already: nothing to do");
        }

        if (!isKnown || destination is null)
        {
            return MigrateReport.NotMoved(ask, record, MigrateCode.UnknownNode, $"there is no node {ask.To}");
        }

        if (!destination.IsAlive)
        {
            return MigrateReport.NotMoved(ask, record, MigrateCode.Unreachable, $"{ask.To} is dead");
        }

        if (!destination.CanHost(ask.Component))
        {
            return MigrateReport.NotMoved(ask, record, MigrateCode.Refused, $"{ask.To} cannot host {ask.Component}: start it with --serve DIR");
        }

        if (!isOwnerAlive || owner!.Peer is null)
        {
            return MigrateReport.NotMoved(ask, record, MigrateCode.Unreachable, $"{record.Owner}, the owner of {ask.Component}, has no link to the ingress");
        }

        if (trouble() is { } silence)
        {
            return MigrateReport.NotMoved(ask, record, MigrateCode.Unreachable, silence);
        }

        return _moves.Count >= options.MaxMoves ? MigrateReport.NotMoved(ask, record, MigrateCode.Refused, "too many moves at a time") : null;
    }

    private void End(Predicate<Move> which, MigrateCode code, Func<Move, string> message)
    {
        foreach ((ulong id, Move move) in _moves.Where(entry => which(entry.Value)).ToArray())
        {
            _ = _moves.Remove(id);
            move.Peer.Send(new MigrateReplyMessage(move.Ask.Id, MigrateReport.NotMoved(move.Ask, move.Record, code, message(move))));
        }
    }

    private sealed record Move(IControlPeer Peer, MigrateMessage Ask, OwnershipRecord Record, Instant Deadline, bool IsCommanded);
}
