using Net.Core.Crypto;
using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>What a server may answer a client's first flight with, other than a handshake: Version Negotiation and Retry (RFC 9000, sections 6.2 and 17.2.5).</summary>
/// <remarks>Both are honoured only while nothing else has come from the server: they are hardly protected, and anybody may send one later.</remarks>
internal static class FirstAnswers
{
    public static void OnNegotiation(ConnectionParts c, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (IsFirst(c)
            && c.Handshake!.RetrySource is null
            && VersionNegotiationPacket.TryRead(datagram, out VersionNegotiationPacket packet)
            && packet.Destination == c.Local.InitialSourceConnectionId
            && packet.Source == c.Identity.OriginalDestination
            && !packet.Contains(c.Identity.Version))
        {
            Observation.OnNegotiation(c, packet, now);
            if (c.Handshake.Start is ClientStart start && c.Options.MayChangeVersion && Versions.Next(packet, c.Identity.Version) is uint next)
            {
                // Once: a second one is answered by the end below, as the new handshake has no start of its own.
                VersionChange.Restart(c, c.Handshake, start, next, now);
                return;
            }

            c.Lifecycle.CloseSilently(new(CloseOrigin.VersionNegotiation, 0, "the server speaks none of our versions"));
        }
    }

    public static void OnRetry(ConnectionParts c, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (!IsFirst(c)
            || c.Handshake!.RetrySource is not null
            || !RetryPacket.TryRead(datagram, out RetryPacket packet)
            || packet.Version != c.Identity.Version
            || packet.Source == c.Identity.OriginalDestination
            || !RetryIntegrity.Verify(packet.Version, datagram, c.Identity.OriginalDestination)
            || packet.Token.Length > MaxToken)
        {
            return;
        }

        c.Observer?.OnPacketReceived(
            new(PacketKind.Retry, 0, datagram.Length, packet.Version, packet.Destination, packet.Source, TokenLength: packet.Token.Length), default, now);
        c.PeerIds.ReplaceFirst(packet.Source);
        c.Handshake.OnRetry(packet.Version, packet.Source, packet.Token);
        c.Lost.Clear();
        c.Recovery.OnAllInVain(PacketNumberSpace.Initial, now, c.Lost, isAnswered: true);
        // 0-RTT packets were dropped too, and are repeated under the same keys with new numbers (RFC 9000, section 17.2.5.3).
        c.Recovery.OnAllInVain(PacketNumberSpace.ApplicationData, now, c.Lost);
        Feedback.OnLost(c);
    }

    /// <summary>Longer tokens leave no room for a ClientHello in a datagram of 1,200 bytes.</summary>
    public const int MaxToken = 512;

    private static bool IsFirst(ConnectionParts c) =>
        !c.IsServer && c.Handshake is not null && c.Received(PacketNumberSpace.Initial).Largest is null && c.Handshake.Read(EncryptionLevel.Initial) is not null;
}
