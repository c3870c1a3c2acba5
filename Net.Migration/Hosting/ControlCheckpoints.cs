using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Checkpoints and roll-backs that commands ask for: the living owner's matter; its answer goes back to the command.</summary>
/// <remarks>The directory is not asked: neither changes who owns a component, so its epoch stays.</remarks>
/// <param name="members">Who is in the federation.</param>
/// <param name="options">Limits and times.</param>
internal sealed class ControlCheckpoints(ControlMembers members, ControlDeskOptions options)
{
    private readonly Dictionary<ulong, Waiting> _waiting = [];
    private ulong _lastId;

    public Instant Deadline => _waiting.Values.Aggregate(Instant.Never, (first, waiting) => Instant.Min(first, waiting.Deadline));

    /// <param name="record">The component's; null when there is none.</param>
    public void OnAsk(IControlPeer peer, CheckpointMessage ask, OwnershipRecord? record, Instant now)
    {
        ControlMember? owner = null;
        (MigrateCode code, string message) = record is null ? (MigrateCode.UnknownComponent, $"there is no component {ask.Component}")
            : !members.TryGetAlive(record.Owner, out owner) || owner.Peer is null
                ? (MigrateCode.Unreachable, $"{record.Owner}, the owner of {ask.Component}, has no link to the ingress")
            : _waiting.Count >= options.MaxMoves ? (MigrateCode.Refused, "too many checkpoints at a time") : (MigrateCode.None, "");
        if (code != MigrateCode.None)
        {
            peer.Send(new CheckpointReplyMessage(ask.Id, CheckpointReport.Failed(ask, record?.Owner.Name ?? "", record?.Epoch ?? 0, code, message)));
            return;
        }

        ulong id = ++_lastId;
        TimeSpan time = TimeSpan.FromTicks(long.Clamp(ask.Timeout.Ticks, 0, options.MaxMoveTime.Ticks));
        _waiting[id] = new(peer, ask, record!, now + time + options.MoveGrace);
        owner!.Peer!.Send(ask with { Id = id, Timeout = time });
    }

    /// <summary>The owner's word. Nobody else's counts.</summary>
    public void OnReply(Member from, CheckpointReplyMessage reply)
    {
        if (_waiting.TryGetValue(reply.Id, out Waiting? waiting) && waiting.Record.Owner == from)
        {
            _ = _waiting.Remove(reply.Id);
            waiting.Peer.Send(reply with { Id = waiting.Ask.Id });
        }
    }

    /// <summary>A command that went away.</summary>
    public void OnLost(IControlPeer peer)
    {
        foreach (ulong id in _waiting.Where(entry => entry.Value.Peer == peer).Select(entry => entry.Key).ToArray())
        {
            _ = _waiting.Remove(id);
        }
    }

    public void OnDead(Member member) => End(
        waiting => waiting.Record.Owner == member, MigrateCode.Unreachable, waiting => $"{waiting.Record.Owner}, the owner of {waiting.Ask.Component}, died");

    public void Tick(Instant now) => End(
        waiting => now >= waiting.Deadline, MigrateCode.Timeout, waiting => $"{waiting.Record.Owner}, the owner of {waiting.Ask.Component}, did not answer in time: whether it was done is not known; see the newest checkpoint in continuum status, and repeat a roll-back with --to");

    private void End(Predicate<Waiting> which, MigrateCode code, Func<Waiting, string> message)
    {
        foreach ((ulong id, Waiting waiting) in _waiting.Where(entry => which(entry.Value)).ToArray())
        {
            _ = _waiting.Remove(id);
            waiting.Peer.Send(new CheckpointReplyMessage(
                waiting.Ask.Id, CheckpointReport.Failed(waiting.Ask, waiting.Record.Owner.Name, waiting.Record.Epoch, code, message(waiting))));
        }
    }

    private sealed record Waiting(IControlPeer Peer, CheckpointMessage Ask, OwnershipRecord Record, Instant Deadline);
}
