using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Components that come to this node by force: each waits until its former owner is kept out everywhere. On the node's actor only.</summary>
/// <param name="self">Who this node is.</param>
/// <param name="records">The directory as this node knows it.</param>
/// <param name="hosts">What this node can host, by component.</param>
/// <param name="ingresses">Numbers of the ingresses that have to confirm.</param>
/// <param name="control">Says something to the ingresses.</param>
/// <param name="log">Told in words.</param>
internal sealed class NodeTakeOvers(
    Member self,
    IReadOnlyDictionary<string, OwnershipRecord> records,
    IReadOnlyDictionary<string, HostedState> hosts,
    IReadOnlyCollection<uint> ingresses,
    Action<LinkMessage> control,
    Action<string>? log)
{
    /// <remarks>
    /// Also a node that is leaving obeys: it is asked only when nobody else is there, and who refused would leave the component without an owner for as long as the
    /// leaving takes. It does not leave with what it has got (<see cref="NodeDeparture"/>).
    /// </remarks>
    /// <param name="order">Its record has been looked at already.</param>
    public void OnOrder(TakeOverMessage order, Instant now)
    {
        if (!hosts.TryGetValue(order.Record.Component, out HostedState? hosted) || order.Record.Owner != self
            || records[order.Record.Component] != order.Record || hosted.ServingEpoch >= order.Record.Epoch)
        {
            return;
        }

        hosted.Gate = new(ingresses, order.OldOwnerLease, now);
        hosted.Pending = order.Record;
        control(new FenceAskMessage(order.Record.Shard, order.Record.Epoch));
    }

    /// <param name="ingress">The number of the ingress that says so.</param>
    public void OnFenced(uint ingress, FenceConfirmMessage confirm, Instant now)
    {
        foreach (HostedState hosted in hosts.Values)
        {
            if (hosted.Pending is OwnershipRecord record && record.Shard == confirm.Shard && confirm.Epoch >= record.Epoch)
            {
                hosted.Gate?.OnConfirmed(ingress);
                Serve(hosted, now);
            }
        }
    }

    /// <summary>If nobody has to be waited for any more.</summary>
    public void Serve(HostedState hosted, Instant now)
    {
        if (hosted.Pending is OwnershipRecord record && hosted.Gate!.MaySend(now))
        {
            (hosted.Pending, hosted.Gate) = (null, null);
            hosted.ServingEpoch = record.Epoch;
            ComponentShard shard = hosted.Shard!;
            shard.RunAlone(at => shard.Serve(record.Epoch, _ => { }, at));
            log?.Invoke($"took {record.Component} over at epoch {record.Epoch}");
        }
    }
}
