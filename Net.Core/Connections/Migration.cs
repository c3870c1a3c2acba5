using Net.Core.Errors;
using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>An end changes its address: a client by a NAT or of its own accord, a server by its preferred address (RFC 9000, section 9).</summary>
/// <remarks>
/// A client asks the new path first and goes on by the old one until the answer is there: nothing is lost when none comes. A server follows the
/// newest packet that is more than a probe, within the limit of three bytes for one, and goes back when the client does not prove itself.
/// </remarks>
internal static class Migration
{
    /// <summary>Smoothed round trip and four times its variation, before any sample (RFC 9002, section 6.2.2).</summary>
    private static readonly TimeSpan s_initialPto = 3 * RttEstimator.Initial;

    public static MigrationRefusal TryBegin(ConnectionParts c, in NetworkPath path, Instant now)
    {
        if (c.IsServer || !c.Lifecycle.IsOpen || !c.Identity.IsConfirmed)
        {
            return MigrationRefusal.NotConfirmed;
        }

        if (path.Remote != c.Path.Current.Remote && !IsPreferred(c.Peer, path.Remote))
        {
            return MigrationRefusal.UnknownServerAddress;
        }

        // A server's preferred address is an invitation, and what follows from there is not forbidden (section 18.2).
        if (c.Peer!.DisableActiveMigration && !IsPreferred(c.Peer, path.Remote))
        {
            return MigrationRefusal.ForbiddenByPeer;
        }

        if (c.Path.IsCurrent(path) || !c.PeerIds.HasSpare)
        {
            return c.Path.IsCurrent(path) ? MigrationRefusal.SamePath : MigrationRefusal.NoConnectionId;
        }

        c.Path.Try(path, c.Pto, GiveUpAt(c, now));
        c.PeerIds.ReturnUnused(c.Path.PeerIdsElsewhere);
        return MigrationRefusal.None;
    }

    /// <summary>The newest packet of the client, more than a probe, came from another address.</summary>
    public static void OnMoved(ConnectionParts c, in NetworkPath path, int bytes, ulong? arrivedWith, Instant now)
    {
        NetworkPath before = c.Path.Current;
        bool isKnownId = arrivedWith is null || arrivedWith == c.Path.ArrivedWith;
        ulong? number = c.Path.OnRebound(path, bytes, arrivedWith, c.Pto, GiveUpAt(c, now), c.PeerIds.CurrentNumber);
        // Who changes the ID that it sends to moves on purpose, and must not be linked to where it was; a NAT changes an address alone
        // (section 9.5). Where no spare ID is there, a client that gave none would rather be linked than lost.
        if ((!isKnownId || number is not null) && c.PeerIds.TryLend(ref number))
        {
            c.PeerIds.Use(number!.Value);
        }

        c.PeerIds.ReturnUnused(c.Path.PeerIdsElsewhere);
        if (!path.Remote.HasSameHost(before.Remote))
        {
            // Another host: another path, of which nothing is known (section 9.4).
            OnOtherPath(c, now);
        }

        if (c.Path.IsProven)
        {
            c.Events.Enqueue(new(ConnectionEventKind.PathChanged));
        }
    }

    public static void OnChallenge(ConnectionParts c, PathChallengeFrame frame, in Arrival arrival)
    {
        if (!c.Identity.IsConfirmed && !c.Path.Knows(arrival.Path))
        {
            // Too early to try another path (section 9): no state for it.
            return;
        }

        c.Path.On(frame, arrival.Path, arrival.Bytes, arrival.ArrivedWith, asksBack: c.IsServer, c.Pto, GiveUpAt(c, arrival.Now));
        c.PeerIds.ReturnUnused(c.Path.PeerIdsElsewhere);
    }

    public static void OnResponse(ConnectionParts c, PathResponseFrame frame, Instant now)
    {
        switch (c.Path.On(frame))
        {
            case PathState.Outcome.Proven:
                c.PeerIds.ReturnUnused(c.Path.PeerIdsElsewhere);
                c.Events.Enqueue(new(ConnectionEventKind.PathChanged));
                break;
            case PathState.Outcome.Reachable:
                if (c.Path.Move() is ulong number)
                {
                    c.PeerIds.Use(number);
                }

                c.PeerIds.ReturnUnused(c.Path.PeerIdsElsewhere);
                OnOtherPath(c, now);
                // The server follows a packet that is more than a probe.
                c.Announcements.RequestPing();
                c.Events.Enqueue(new(ConnectionEventKind.PathChanged));
                break;
            default:
                break;
        }
    }

    public static void OnTime(ConnectionParts c, Instant now)
    {
        switch (c.Path.OnTime(now))
        {
            case PathState.Outcome.NoPath:
                c.Lifecycle.CloseSilently(new(CloseOrigin.LocalTransport, (ulong)TransportErrorCode.NoViablePath, "the peer's new address was not proven"));
                return;
            case PathState.Outcome.Unreachable:
                c.Events.Enqueue(new(ConnectionEventKind.PathFailed));
                break;
            case PathState.Outcome.FellBack:
                if (c.Path.TakePeerId() is ulong number)
                {
                    c.PeerIds.Use(number);
                }

                OnOtherPath(c, now);
                break;
            default:
                break;
        }

        c.PeerIds.ReturnUnused(c.Path.PeerIdsElsewhere);
    }

    /// <summary>What a server that wants no migration does not even look at (section 9; checklist S18): a NAT changes no ID.</summary>
    /// <remarks>
    /// Before the handshake is confirmed nobody can move (section 9), but a NAT may: what comes from elsewhere is read then, and answered where the
    /// handshake began (docs/paths.md).
    /// </remarks>
    public static bool IsForbidden(ConnectionParts c, in NetworkPath path, ulong? arrivedWith) =>
        c.Local.DisableActiveMigration && c.Identity.IsConfirmed && arrivedWith != c.Path.ArrivedWith && !IsPreferred(c.Local, path.Local);

    private static bool IsPreferred(TransportParameters? server, UdpAddress address) =>
        server?.PreferredAddress is PreferredAddress preferred && !address.IsNone && (address == preferred.IPv4 || address == preferred.IPv6);

    private static void OnOtherPath(ConnectionParts c, Instant now)
    {
        c.Recovery.OnPathChanged(now);
        c.Mtu.OnPathChanged();
        c.OnDatagramSizeChanged();
    }

    /// <summary>The new path may be slower than the old one: its probe timeout before any sample counts too (section 8.2.4).</summary>
    private static Instant GiveUpAt(ConnectionParts c, Instant now) => now + (3 * (c.Pto > s_initialPto ? c.Pto : s_initialPto));
}

/// <summary>Why a client may not move to another path now.</summary>
internal enum MigrationRefusal
{
    None,

    /// <summary>The handshake is not confirmed yet, the connection is over, or it is a server's (RFC 9000, section 9).</summary>
    NotConfirmed,

    /// <summary>The server said disable_active_migration.</summary>
    ForbiddenByPeer,

    /// <summary>Neither the server's present address nor its preferred one.</summary>
    UnknownServerAddress,

    /// <summary>It is the path in use.</summary>
    SamePath,

    /// <summary>The server has given no ID to spare; it may soon.</summary>
    NoConnectionId,
}
