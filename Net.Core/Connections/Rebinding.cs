using Net.Core.Paths;
using Net.Core.Recovery;
using Net.Core.Time;

namespace Net.Core.Connections;

/// <summary>The client's address has changed: by a NAT, or because it moved (RFC 9000, section 9).</summary>
internal static class Rebinding
{
    /// <summary>Smoothed round trip and four times its variation, before any sample (RFC 9002, section 6.2.2).</summary>
    private static readonly TimeSpan s_initialPto = 3 * RttEstimator.Initial;

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

        // The new path may be slower than the old one: its probe timeout before any sample counts too (section 8.2.4).
        TimeSpan pto = c.Pto > s_initialPto ? c.Pto : s_initialPto;
        ulong challenge = c.LocalIds.DeriveSecret(c.FederationKeys, SecretPurpose.Challenge, packetNumber);
        ulong other = c.LocalIds.DeriveSecret(c.FederationKeys, SecretPurpose.ChallengeElsewhere, packetNumber);
        c.Path.OnRebound(path, bytes, challenge, other, now + (3 * pto));
        if (!path.Remote.HasSameHost(current.Remote))
        {
            // Another host: another path, of which nothing is known, and which must not be linked to the old one (sections 9.4, 9.5).
            c.PeerIds.TryRotate();
            c.Recovery.OnPathChanged(now);
            c.Mtu.OnPathChanged();
            c.OnDatagramSizeChanged();
        }
    }
}
