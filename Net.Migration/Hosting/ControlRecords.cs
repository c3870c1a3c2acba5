using Net.Migration.Directory;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Records that have changed in the directory: routed first, then told to the members.</summary>
internal sealed class ControlRecords(IOwnershipDirectory directory, IIngressRoutes routes, ControlMembers members, Action<string> log)
{
    private bool _isSynchronized;

    /// <summary>Takes what changed out of the directory and tells the router.</summary>
    public List<OwnershipRecord> Publish()
    {
        List<OwnershipRecord> changes = [];
        while (directory.TryTakeChange(out OwnershipRecord? record))
        {
            routes.OnRecord(record);
            changes.Add(record);
        }

        // The log is the whole truth about epochs, so it need not be confirmed. While there is none, whoever asks first waits for the first record.
        if (!_isSynchronized && changes.Count > 0)
        {
            _isSynchronized = true;
            routes.OnSynchronized();
        }

        return changes;
    }

    public void Broadcast(List<OwnershipRecord> changes)
    {
        foreach (OwnershipRecord record in changes)
        {
            log($"{record.Component} belongs to {record.Owner} at epoch {record.Epoch}");
            foreach (IControlPeer peer in members.Peers)
            {
                peer.Send(new DirectoryUpdateMessage(record));
            }
        }
    }
}
