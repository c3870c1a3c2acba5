using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.HandOver;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>A checkpoint that is being made, or a roll-back: requests are held until it is done or given up.</summary>
/// <param name="Ask">What was asked for.</param>
/// <param name="Epoch">Under which the component is served: with another one it is not this node's business any more.</param>
/// <param name="Expires">Then it is given up.</param>
/// <param name="Reply">Told once how it ended.</param>
internal sealed record CheckpointAttempt(CheckpointMessage Ask, ulong Epoch, Instant Expires, Action<CheckpointReport> Reply)
{
    /// <summary>When to look next whether the requests have come to a safe point; never while somebody looks.</summary>
    public Instant NextLook { get; set; } = Instant.Never;
}

/// <summary>How the owner of a component makes checkpoints and goes back to them. On the node's actor only.</summary>
/// <remarks>
/// <code>
/// asked --not owner, moving, another attempt, no state--> answered at once
///   '--> holding: requests are held, looked at each millisecond --all at safe points--> done in one turn of the shard, released, answered
///           |--time over--> released, answered: timeout
///           '--component lost--> answered: conflict
/// </code>
/// It is the first half of a freeze: handlers are held, and state and requests are written down in one turn of the shard. The connections need not
/// stand still for that, as nothing of theirs is written down.
/// </remarks>
/// <param name="self">Who this node is.</param>
/// <param name="hosts">What this node can host, by component.</param>
/// <param name="surroundings">The actor.</param>
/// <param name="onFault">Told of what went wrong in a component.</param>
/// <param name="log">Told in words.</param>
internal sealed class NodeCheckpoints(
    Member self, IReadOnlyDictionary<string, HostedState> hosts, NodeSurroundings surroundings, Action<Exception> onFault, Action<string>? log)
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(1);

    /// <param name="ask">From a command, or from this process.</param>
    /// <param name="reply">Called once, now or later, on the actor.</param>
    /// <param name="now">The time.</param>
    public void Start(CheckpointMessage ask, Action<CheckpointReport> reply, Instant now)
    {
        if (Check(ask, out HostedState? hosted) is CheckpointReport refusal)
        {
            reply(refusal);
            return;
        }

        hosted!.Checkpointing = new(ask, hosted.ServingEpoch, now + ask.Timeout, reply);
        Look(hosted, hosted.Checkpointing);
    }

    /// <summary>The component's thread has died: nobody looks any more.</summary>
    public void OnDied(HostedState hosted)
    {
        if (hosted.Checkpointing is CheckpointAttempt attempt)
        {
            hosted.Checkpointing = null;
            attempt.Reply(Failed(attempt, MigrateCode.Unreachable, $"{attempt.Ask.Component} has ended on {self.Name}: see its log"));
        }
    }

    public void Tick(HostedState hosted, Instant now)
    {
        if (hosted.Checkpointing is CheckpointAttempt attempt && now >= attempt.NextLook)
        {
            attempt.NextLook = Instant.Never;
            Look(hosted, attempt);
        }
    }

    /// <summary>One turn of the shard: in it either everything happens, or nothing.</summary>
    private void Look(HostedState hosted, CheckpointAttempt attempt)
    {
        ComponentShard shard = hosted.Shard!;
        // Its own thread: it runs the component's code.
        shard.RunAlone(at =>
        {
            CheckpointOutcome? outcome = null;
            Exception? fault = null;
            bool isOwner = shard.Channel.Mode == DataMode.Serving && shard.Channel.Epoch == attempt.Epoch;
            if (isOwner)
            {
                shard.HoldRequests();
                bool isLate = at >= attempt.Expires;
                if (shard.IsQuiet)
                {
                    try
                    {
                        outcome = attempt.Ask.Action == CheckpointAction.Take ? shard.TakeCheckpoint(at) : shard.RollBack(attempt.Ask.Number);
                    }
                    // A component that cannot be written down, or does not take what it is given, must not end the thread that serves.
                    catch (Exception e) when (e is not ComponentLostException)
                    {
                        fault = e;
                    }
                }

                if (outcome is not null || fault is not null || isLate)
                {
                    shard.ReleaseRequests(at);
                }
            }

            surroundings.Actor.Post(now => OnLooked(hosted, attempt, isOwner, outcome, fault, at, now));
        });
    }

    private void OnLooked(
        HostedState hosted, CheckpointAttempt attempt, bool isOwner, CheckpointOutcome? outcome, Exception? fault, Instant lookedAt, Instant now)
    {
        CheckpointMessage ask = attempt.Ask;
        CheckpointReport report;
        if (outcome is not null)
        {
            report = new(
                ask.Component, self.Name, attempt.Epoch, outcome.Number, outcome.Bytes, outcome.Connections, outcome.Resumed, outcome.Reset, outcome.Kept,
                outcome.Code, outcome.Message);
        }
        else if (fault is not null)
        {
            report = Failed(attempt, MigrateCode.Refused, $"{ask.Component} failed ({fault.GetType().Name}): see the log of {self.Name}");
        }
        else if (!isOwner)
        {
            report = Failed(attempt, MigrateCode.Conflict, $"{ask.Component} has gone to another node meanwhile");
        }
        else if (lookedAt >= attempt.Expires)
        {
            report = Failed(attempt, MigrateCode.Timeout, $"requests of {ask.Component} did not come to a safe point in time: try again with a larger --timeout");
        }
        else
        {
            attempt.NextLook = now + s_poll;
            return;
        }

        hosted.Checkpointing = null;
        if (report.Code == MigrateCode.None)
        {
            log?.Invoke(ask.Action == CheckpointAction.Take
                ? $"made checkpoint {report.Number} of {ask.Component}"
                : $"rolled {ask.Component} back to checkpoint {report.Number}: {report.Resumed} requests go on from there, {report.Reset} were reset");
        }

        attempt.Reply(report);
        if (fault is not null)
        {
            onFault(fault);
        }
    }

    private CheckpointReport Failed(CheckpointAttempt attempt, MigrateCode code, string message) =>
        CheckpointReport.Failed(attempt.Ask, self.Name, attempt.Epoch, code, message);

    private CheckpointReport? Check(CheckpointMessage ask, out HostedState? hosted)
    {
        if (!hosts.TryGetValue(ask.Component, out hosted))
        {
            return CheckpointReport.Failed(ask, "", 0, MigrateCode.UnknownComponent, $"there is no component {ask.Component} here");
        }

        (MigrateCode code, string message) = !hosted.IsServing ? (MigrateCode.Conflict, $"{self.Name} does not own {ask.Component}")
            : hosted.Connecting is not null || hosted.Outgoing is { IsForwarding: false, HasEnded: false }
                ? (MigrateCode.Conflict, $"{ask.Component} is being moved: try again when it has arrived")
            : hosted.Checkpointing is not null ? (MigrateCode.Conflict, $"another checkpoint or roll-back of {ask.Component} is under way: try again when it is done")
            : hosted.Component.MaxCheckpoints == 0 ? (MigrateCode.Refused, $"{ask.Component} keeps no checkpoints: its MaxCheckpoints is 0")
            : !hosted.Component.HasState ? (MigrateCode.Refused, $"{ask.Component} has no state that could go back: its component has to be an IStatefulComponent")
            : (MigrateCode.None, "");
        return code == MigrateCode.None ? null : CheckpointReport.Failed(ask, hosted.IsServing ? self.Name : "", hosted.ServingEpoch, code, message);
    }
}
