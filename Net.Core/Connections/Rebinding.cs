using Net.Core.Paths;
using Net.Core.Time;

namespace Net.Core.Connections;

/// <summary>The client's address has changed: by a NAT, or because it moved (RFC 9000, section 9).</summary>
internal static class Rebinding
{
    public static void OnNewAddress(ConnectionParts c, in NetworkPath path, int bytes, ulong packetNumber, Instant now)
    {
        NetworkPath current = c.Path.Current;
        if (path.Remote == current.Remote)
        {
            c.Path.OnCarrierChanged(path);
            return;
        }

        // Only a client moves, and only once its handshake is confirmed (section 9).
        if (!c.IsServer || !c.Identity.IsConfirmed)
        {
            return;
        }

        ulong challenge = c.LocalIds.DeriveChallenge(c.FederationKeys, packetNumber);
        c.Path.OnRebound(path, bytes, challenge, now + (3 * c.Pto));
        if (!path.Remote.HasSameHost(current.Remote))
        {
            // Another host: another path, of which nothing is known, and which must not be linked to the old one (sections 9.4, 9.5).
            c.PeerIds.TryRotate();
            c.Recovery.OnPathChanged(now);
            c.Mtu.OnPathChanged();
        }
    }
}
