using Net.Core.Time;

namespace Net.Core.Connections;

/// <summary>What is different for a connection once another node has it.</summary>
internal static class OwnerChange
{
    /// <param name="samePath">The client's datagrams come the way that they came before.</param>
    /// <param name="speak">Something is under way, or was received: the peer hears of the new owner at once.</param>
    public static void Resume(ConnectionParts c, bool samePath, bool speak, Instant now)
    {
        c.Recovery.OnOwnerChanged(now, samePath);
        c.Observer?.OnOwnership(OwnershipStep.Resumed, c.Identity.Epoch, now);
        if (!samePath)
        {
            c.Mtu.OnPathChanged();
            c.OnDatagramSizeChanged();
        }

        if (speak)
        {
            c.Announcements.RequestPing();
        }
    }
}
