using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.HandOver;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>How an owner comes from a request to move a component to the hand-over that does it. On the node's actor only.</summary>
/// <param name="self">Who this node is.</param>
/// <param name="records">The directory as this node knows it.</param>
/// <param name="members">Nodes by name.</param>
/// <param name="hosts">What this node can host, by component.</param>
/// <param name="control">Says something to the ingress, over whichever link there is.</param>
/// <param name="takeRequests">Gives the next range of numbers for directory requests.</param>
/// <param name="onBegun">Called when a hand-over has begun.</param>
/// <param name="onFault">Told of what went wrong here.</param>
/// <param name="log">Told in words.</param>
internal sealed class NodeMoves(
    Member self,
    IReadOnlyDictionary<string, OwnershipRecord> records,
    IReadOnlyDictionary<string, NodeInfo> members,
    IReadOnlyDictionary<string, HostedState> hosts,
    NodeSurroundings surroundings,
    Action<LinkMessage> control,
    Func<ulong> takeRequests,
    Action onBegun,
    Action<Exception> onFault,
    Action<string>? log)
{
    /// <summary>Checks, connects to the destination, and begins; or replies why not.</summary>
    public void Start(MigrateMessage message, Instant now)
    {
        if (Check(message, out HostedState? hosted, out _, out NodeInfo? destination) is MigrateReport refusal)
        {
            Reply(message, refusal);
            return;
        }

        MoveAttempt attempt = new(message, now + message.Timeout);
        hosted!.Connecting = attempt;
        _ = ConnectAsync(hosted, attempt, destination!);
    }

    private async Task ConnectAsync(HostedState hosted, MoveAttempt attempt, NodeInfo destination)
    {
        ILink? link = null;
        try
        {
            link = await surroundings.Connect(destination).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever it was, the destination was not reached; the component is served, and can be moved later.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            onFault(fault);
        }

        surroundings.Actor.Post(now => OnConnected(hosted, attempt, destination, link, now));
    }

    private void OnConnected(HostedState hosted, MoveAttempt attempt, NodeInfo destination, ILink? link, Instant now)
    {
        if (hosted.Connecting != attempt)
        {
            Close(link);
            return;
        }

        hosted.Connecting = null;
        // Meanwhile somebody may have taken it, or the destination may have gone.
        MigrateReport? refusal = Check(attempt.Ask, out _, out OwnershipRecord? record, out NodeInfo? latest);
        if (refusal is null && (link is null || latest!.Member != destination.Member))
        {
            refusal = MigrateReport.NotMoved(attempt.Ask, record!, MigrateCode.Unreachable, $"{attempt.Ask.To} does not answer at {destination.Link}");
        }

        if (refusal is not null)
        {
            Close(link);
            Reply(attempt.Ask, refusal);
            return;
        }

        Begin(attempt, hosted, record!, destination, link!, now);
    }

    private void Begin(MoveAttempt attempt, HostedState hosted, OwnershipRecord record, NodeInfo destination, ILink link, Instant now)
    {
        ComponentShard shard = hosted.Shard!;
        HandOverPlan plan = new(
            surroundings.DrawNumber(), record with { Owner = self, Epoch = hosted.ServingEpoch }, destination.Member,
            shard.ConnectionCount, 0, surroundings.DrawShare(), takeRequests());
        SourceDriver driver = new(plan, new() { Timeout = attempt.Expires - now }, shard, surroundings, control, report =>
        {
            Reply(attempt.Ask, report);
            if (report.Moved)
            {
                log?.Invoke($"moved {report.Component} to {report.To} at epoch {report.Epoch}");
            }
        });
        hosted.Outgoing?.Dispose();
        hosted.Outgoing = driver;
        link.State = driver;
        driver.Start(link, now);
        onBegun();
    }

    /// <summary>By whichever link there is now: the ingress knows the move by its number.</summary>
    public void Reply(MigrateMessage ask, MigrateReport report)
    {
        surroundings.Metrics?.OnMove(report);
        control(new MigrateReplyMessage(ask.Id, report));
    }

    private static void Close(ILink? link) => _ = link?.DisposeAsync().AsTask();

    private MigrateReport? Check(MigrateMessage message, out HostedState? hosted, out OwnershipRecord? record, out NodeInfo? destination)
    {
        destination = null;
        if (!records.TryGetValue(message.Component, out record) | !hosts.TryGetValue(message.Component, out hosted))
        {
            return MigrateReport.NotMoved(message, record, MigrateCode.UnknownComponent, $"there is no component {message.Component} here");
        }

        if (!hosted!.IsServing)
        {
            return MigrateReport.NotMoved(message, record, MigrateCode.Conflict, $"{self.Name} does not own {message.Component}");
        }

        bool isKnown = members.TryGetValue(message.To, out destination);
        if (isKnown ? destination!.Member == self : message.To == self.Name)
        {
            return MigrateReport.NotMoved(message, record, MigrateCode.None, $"{message.Component} is at {message.To} already");
        }

        if (hosted.Connecting is not null || hosted.Outgoing is { IsForwarding: false, HasEnded: false })
        {
            return MigrateReport.NotMoved(message, record, MigrateCode.Conflict, $"{message.Component} is being moved already");
        }

        if (hosted.Checkpointing is not null)
        {
            return MigrateReport.NotMoved(
                message, record, MigrateCode.Conflict, $"a checkpoint or roll-back of {message.Component} is under way: try again when it is done");
        }

        return isKnown
            ? null
            : MigrateReport.NotMoved(message, record, MigrateCode.UnknownNode, $"there is no node {message.To}");
    }
}
